import Pagination from '@cloudscape-design/components/pagination';

import type { Place } from './place';
import { pagesOf } from './trail';

/** Forward and back through a list; next is the token that the shown page ended with. */
export function ListPages({
  place,
  next,
  label,
  disabled,
}: {
  place: Place;
  next: string | undefined;
  label: string;
  disabled: boolean;
}) {
  const pages = pagesOf(place.trail, next);
  return (
    <Pagination
      currentPageIndex={place.trail.page + 1}
      pagesCount={pages}
      disabled={disabled}
      ariaLabels={{ paginationLabel: label }}
      onChange={({ detail }) => place.go(detail.currentPageIndex - 1, next)}
    />
  );
}
