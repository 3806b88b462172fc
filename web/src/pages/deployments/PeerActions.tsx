import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { twinport } from '../../api/client';
import type { PeerDetail } from '../../api/twinport';
import { useNotify } from '../../app/notifications';
import { describeError } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { GrantDialog } from './GrantDialog';
import { RemoveDialog } from './RemoveDialog';

/** What an operator can do with a peer; peer is missing while it is read. */
export function PeerActions({ name, peer }: { name: string; peer: PeerDetail | undefined }) {
  const m = useMessages().deployments;
  const check = useCheck(name);
  const [open, setOpen] = useState<string>();
  const close = () => setOpen(undefined);
  const configured = peer?.source === 'CONFIGURATION';
  const changing = { disabled: !peer || configured, ...(configured ? { disabledReason: m.isConfigured } : {}) };
  return (
    <>
      <ButtonDropdown
        ariaLabel={m.actionsOn(name)}
        expandToViewport
        loading={check.isPending}
        items={[
          { id: 'check', text: m.checkNow },
          { id: 'grant', text: m.changeGrant, ...changing },
          { id: 'remove', text: m.removePeer, ...changing },
        ]}
        onItemClick={({ detail: { id } }) => (id === 'check' ? check.mutate() : setOpen(id))}
      >
        {m.actions}
      </ButtonDropdown>
      {open === 'grant' && peer && <GrantDialog peer={peer} onClose={close} />}
      {open === 'remove' && <RemoveDialog name={name} onClose={close} />}
    </>
  );
}

/** Calls the peer of a name now, and says whether it has answered. */
function useCheck(name: string) {
  const { deployments: m, activity, errors } = useMessages();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  return useMutation({
    mutationFn: () => twinport(registry, 'CheckPeers', { peerName: name }),
    onSuccess: ({ peers: [peer] }) =>
      notify(
        peer?.answered
          ? { type: 'success', id: 'checked', header: m.hasAnswered(name) }
          : {
              type: 'error',
              id: 'checked',
              header: m.problem(name, activity.failures[peer?.failureCode ?? ''] ?? m.states.UNREACHABLE),
              content: peer?.failureReason,
            },
      ),
    onError: (error) => {
      const { header, detail } = describeError(error, errors);
      notify({ type: 'error', id: 'checked', header, content: detail });
    },
    onSettled: () => reread(registry, 'ListPeers'),
  });
}
