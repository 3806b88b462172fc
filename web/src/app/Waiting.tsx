import Box from '@cloudscape-design/components/box';
import Spinner from '@cloudscape-design/components/spinner';

import { useMessages } from '../i18n';
import { Problem } from './Problem';

/** Shown until the first answer; where none comes, it says why. */
export function Waiting({ error, onRetry }: { error?: unknown; onRetry?: () => void }) {
  const m = useMessages().shell;
  if (error) {
    return (
      <Box padding="xxl">
        <Problem error={error} onRetry={onRetry} />
      </Box>
    );
  }
  return (
    <Box padding="xxl" textAlign="center">
      <Spinner size="large" />
      <Box variant="span" color="text-status-inactive" padding="s">
        {m.loading}
      </Box>
    </Box>
  );
}
