import Box from '@cloudscape-design/components/box';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { twinport } from '../../api/client';
import type { PeerDetail } from '../../api/twinport';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { ActionDialog } from '../../parts/ActionDialog';
import { AccountsField } from './AccountsField';
import { accountsOf, grantOf, textOf } from './join';

/** So many accounts of the peer are named. */
const named = 20;

/** Changes for which accounts a peer may replicate into this deployment. */
export function GrantDialog({ peer, onClose }: { peer: PeerDetail; onClose: () => void }) {
  const { deployments: m, shell } = useMessages();
  const f = useFormat();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const [text, setText] = useState(() => textOf(peer.grant));
  const grant = useMutation({
    mutationFn: () => twinport(registry, 'GrantPeer', { peerName: peer.name, grant: grantOf(text) }),
    onSuccess: async () => {
      await reread(registry, 'ListPeers', 'DescribePeers');
      notify({ type: 'success', header: m.grantSaved(peer.name) });
      onClose();
    },
  });
  return (
    <ActionDialog
      header={m.grantTitle(peer.name)}
      action={shell.save}
      error={grant.error}
      pending={grant.isPending}
      disabled={accountsOf(text).problems.length > 0}
      onAction={() => grant.mutate()}
      onClose={onClose}
    >
      <AccountsField label={m.intoHere} value={text} onChange={setText} />
      <Box color="text-body-secondary">
        {m.serves(peer.name, f.list(peer.accounts.slice(0, named)), peer.accounts.length > named)}
      </Box>
    </ActionDialog>
  );
}
