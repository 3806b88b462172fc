import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ReactNode } from 'react';

/** In place of a list that has nothing yet: why, and what to do next. */
export function Empty({ title, advice, action }: { title: string; advice: string; action?: ReactNode }) {
  return (
    <Box textAlign="center" padding={{ vertical: 's' }}>
      <SpaceBetween size="xs" alignItems="center">
        <Box variant="strong">{title}</Box>
        <Box variant="p" color="text-body-secondary">
          {advice}
        </Box>
        {action}
      </SpaceBetween>
    </Box>
  );
}
