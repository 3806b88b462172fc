import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';

import { twinport } from '../../api/client';
import { Problem } from '../../app/Problem';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { Command } from '../../parts/commands/Command';
import { accountsOf, grantOf } from './join';

/** Makes a code by which another deployment may join, for these of its accounts, and shows it. */
export function MakeCode({ accounts }: { accounts: string }) {
  const m = useMessages().deployments;
  const f = useFormat();
  const registry = useRegistry();
  const invite = useMutation({
    mutationFn: () => twinport(registry, 'InvitePeer', { grant: grantOf(accounts) }),
    gcTime: 0, // the code is a secret
  });
  if (!invite.data) {
    return (
      <SpaceBetween size="xs">
        <Problem error={invite.error} />
        <Button
          onClick={() => invite.mutate()}
          loading={invite.isPending}
          disabled={accountsOf(accounts).problems.length > 0}
        >
          {m.makeCode}
        </Button>
      </SpaceBetween>
    );
  }
  return (
    <div role="status">
      <Command text={invite.data.invitationCode} label={m.code} />
      {m.codeExpires(f.dateTime(invite.data.expiresAt))}
    </div>
  );
}
