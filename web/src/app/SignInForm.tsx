import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { APIError } from '../api/client';
import { signIn, type Session } from '../api/session';
import { useMessages } from '../i18n';
import { Problem } from './Problem';
import { sessionsKey } from './registry';

/** Hands an access key to the server. With account, only a key of that account will do. */
export function SignInForm({ account, onSignedIn }: { account?: string | undefined; onSignedIn: (session: Session) => void }) {
  const m = useMessages().sessions;
  const queries = useQueryClient();
  const [id, setID] = useState('');
  const [secret, setSecret] = useState('');
  const [tried, setTried] = useState(false);
  const [other, setOther] = useState<string>();
  const attempt = useMutation({
    mutationFn: () => signIn(id.trim(), secret.trim()),
    onSuccess: async (session) => {
      setSecret('');
      await queries.invalidateQueries({ queryKey: sessionsKey });
      if (account && session.accountId !== account) {
        setOther(session.accountId);
      } else {
        onSignedIn(session);
      }
    },
  });
  const submit = () => {
    setTried(true);
    setOther(undefined);
    if (id.trim() && secret.trim()) {
      attempt.mutate();
    }
  };
  const wrong = attempt.error instanceof APIError && attempt.error.status === 401;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Form actions={<Button variant="primary" formAction="submit" loading={attempt.isPending}>{m.signIn}</Button>}>
        <SpaceBetween size="l">
          {attempt.error && !wrong && <Problem error={attempt.error} />}
          {wrong && <Alert type="error">{m.wrongKey}</Alert>}
          {other && account && <Alert type="error">{m.otherAccount(other, account)}</Alert>}
          <FormField label={m.accessKeyId} description={m.accessKeyIdHint} errorText={tried && !id.trim() ? m.needed : undefined}>
            <Input value={id} onChange={({ detail }) => setID(detail.value)} autoFocus autoComplete="username" spellcheck={false} disableBrowserAutocorrect name="access-key-id" />
          </FormField>
          <FormField label={m.secretAccessKey} errorText={tried && !secret.trim() ? m.needed : undefined}>
            <Input value={secret} onChange={({ detail }) => setSecret(detail.value)} type="password" autoComplete="current-password" name="secret-access-key" />
          </FormField>
        </SpaceBetween>
      </Form>
    </form>
  );
}
