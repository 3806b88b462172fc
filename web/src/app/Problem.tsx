import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';

import { APIError } from '../api/client';
import { useMessages, type Messages } from '../i18n';

/** An error in a sentence, and what to do; the server's own words are English. */
export function describeError(error: unknown, m: Messages['errors']): { header: string; detail: string } {
  if (!(error instanceof APIError)) {
    return { header: m.crashed, detail: String(error) };
  }
  if (error.status === 0) {
    return { header: m.network, detail: m.networkAdvice };
  }
  const header = error.status >= 500 ? m.internal : error.code.endsWith('NotFoundException') ? m.notFound : m.refused;
  return { header, detail: error.message };
}

/**
 * Shows an error where it happened, with a button to try again if that is given. Of a session that has ended it says
 * nothing: the layout asks for the key above the page.
 */
export function Problem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const m = useMessages().errors;
  if (!error || (error instanceof APIError && error.signedOut)) {
    return null;
  }
  const { header, detail } = describeError(error, m);
  return (
    <Alert type="error" header={header} action={onRetry && <Button onClick={onRetry}>{m.retry}</Button>}>
      {detail}
    </Alert>
  );
}
