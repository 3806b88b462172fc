// Searching in a list, and what stands there when nothing was found.

import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import TextFilter from '@cloudscape-design/components/text-filter';

import type { Place } from './place';

/** What the list calls searching, and ending the search. */
interface Words {
  search: string;
  clearSearch: string;
  noMatch: string;
}

export function ListFilter({ place, words }: { place: Place; words: Words }) {
  return (
    <TextFilter
      filteringText={place.text}
      filteringPlaceholder={words.search}
      filteringAriaLabel={words.search}
      filteringClearAriaLabel={words.clearSearch}
      onChange={({ detail }) => place.setText(detail.filteringText)}
    />
  );
}

export function NoMatch({ place, words }: { place: Place; words: Words }) {
  return (
    <Box textAlign="center">
      <Box padding={{ bottom: 's' }}>{words.noMatch}</Box>
      <Button onClick={() => place.setText('')}>{words.clearSearch}</Button>
    </Box>
  );
}
