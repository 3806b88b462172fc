import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Input, { type InputProps } from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';

import { APIError } from '../api/client';
import { signIn, type Session } from '../api/session';
import { useMessages } from '../i18n';
import { Problem } from './Problem';
import { sessionsKey } from './queries';

interface Props {
  /** Only a key of this account will do. */
  account?: string | undefined;
  /** What the key's ID begins as. */
  accessKeyId?: string;
  onSignedIn: (session: Session) => void;
}

/** Hands an access key to the server. */
export function SignInForm({ account, accessKeyId = '', onSignedIn }: Props) {
  const m = useMessages().sessions;
  const queries = useQueryClient();
  const [id, setID] = useState(accessKeyId);
  const [secret, setSecret] = useState('');
  const [tried, setTried] = useState(false);
  const [other, setOther] = useState<string>();
  const attempt = useMutation({
    mutationFn: () => signIn(id.trim(), secret.trim()),
    onSuccess: async (session) => {
      setSecret('');
      setTried(false);
      await queries.invalidateQueries({ queryKey: sessionsKey, refetchType: 'all' });
      if (account && session.accountId !== account) {
        setOther(session.accountId);
      } else {
        onSignedIn(session);
      }
    },
  });
  const idField = useRef<InputProps.Ref>(null);
  const secretField = useRef<InputProps.Ref>(null);
  useEffect(() => {
    // After whatever is around the form, such as a modal, has taken the focus.
    const timer = setTimeout(() => (accessKeyId ? secretField : idField).current?.focus());
    return () => clearTimeout(timer);
  }, [accessKeyId]);
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
      <Form
        actions={
          <Button variant="primary" formAction="submit" loading={attempt.isPending}>
            {m.signIn}
          </Button>
        }
      >
        <SpaceBetween size="l">
          {attempt.error && !wrong && <Problem error={attempt.error} />}
          {wrong && <Alert type="error">{m.wrongKey}</Alert>}
          {other && account && <Alert type="error">{m.otherAccount(other, account)}</Alert>}
          <FormField
            label={m.accessKeyId}
            description={m.accessKeyIdHint}
            errorText={tried && !id.trim() ? m.needed : undefined}
          >
            <Input
              ref={idField}
              value={id}
              onChange={({ detail }) => setID(detail.value)}
              autoComplete="username"
              spellcheck={false}
              disableBrowserAutocorrect
              name="access-key-id"
            />
          </FormField>
          <FormField label={m.secretAccessKey} errorText={tried && !secret.trim() ? m.needed : undefined}>
            <Input
              ref={secretField}
              value={secret}
              onChange={({ detail }) => setSecret(detail.value)}
              type="password"
              autoComplete="current-password"
              name="secret-access-key"
            />
          </FormField>
        </SpaceBetween>
      </Form>
    </form>
  );
}
