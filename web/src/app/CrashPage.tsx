import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import { useRouteError } from 'react-router';

import { useMessages } from '../i18n';

/** Shown in place of a page that threw, and when a page's code is gone after an upgrade of the server. */
export function CrashPage() {
  const m = useMessages().errors;
  const error = useRouteError();
  return (
    <Box padding="xxl">
      <Alert type="error" header={m.crashed} action={<Button onClick={() => location.reload()}>{m.reload}</Button>}>
        {m.crashedAdvice} <code>{error instanceof Error ? error.message : String(error)}</code>
      </Alert>
    </Box>
  );
}
