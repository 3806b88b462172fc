import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import { useState, type ReactNode } from 'react';

import { useMessages } from '../../../i18n';

/** Browsers show so many rows at once without a halt. */
const atOnce = 100;

/** The first of the rows, and a button for all if there are more. */
export function useShown<Row>(rows: readonly Row[]): { shown: readonly Row[]; more: ReactNode } {
  const m = useMessages().content;
  const [all, setAll] = useState(false);
  if (all || rows.length <= atOnce) {
    return { shown: rows, more: undefined };
  }
  const more = (
    <Box textAlign="center">
      <Button onClick={() => setAll(true)}>{m.showAll(rows.length)}</Button>
    </Box>
  );
  return { shown: rows.slice(0, atOnce), more };
}
