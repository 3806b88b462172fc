import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { twinport } from '../../api/client';
import { Problem } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { accountsOf, grantOf } from './join';

/** Joins the deployment that has made a code, for these of its accounts. */
export function TakeCode({ accounts, outbound }: { accounts: string; outbound: boolean }) {
  const m = useMessages().deployments;
  const registry = useRegistry();
  const reread = useReread();
  const [code, setCode] = useState('');
  const join = useMutation({
    mutationFn: () => twinport(registry, 'JoinPeer', { invitationCode: code, grant: grantOf(accounts), outbound }),
    onSuccess: () => setCode(''),
    onSettled: () => reread(registry, 'ListPeers'),
    gcTime: 0, // the code is a secret
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        join.mutate();
      }}
    >
      <SpaceBetween size="xs">
        <Problem error={join.error} />
        <FormField label={m.code}>
          <Input
            value={code}
            onChange={({ detail }) => setCode(detail.value)}
            placeholder="twinport1-…"
            autoComplete={false}
            spellcheck={false}
            disableBrowserAutocorrect
          />
        </FormField>
        <Button
          formAction="submit"
          loading={join.isPending}
          disabled={code.trim() === '' || accountsOf(accounts).problems.length > 0}
        >
          {m.joinNow}
        </Button>
      </SpaceBetween>
    </form>
  );
}
