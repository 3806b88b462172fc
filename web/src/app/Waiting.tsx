import Box from '@cloudscape-design/components/box';
import Spinner from '@cloudscape-design/components/spinner';

import { useMessages } from '../i18n';
import { Problem } from './Problem';

/** Shown until the first answer; where none comes, it says why. */
export function Waiting({ error }: { error?: unknown }) {
  const m = useMessages().shell;
  return (
    <Box padding="xxl" textAlign="center">
      {error ? <Problem error={error} /> : <Spinner size="large" />}
      {!error && <Box variant="span" color="text-status-inactive" padding="s">{m.loading}</Box>}
    </Box>
  );
}
