import { useMutation } from '@tanstack/react-query';

import { twinport } from '../../api/client';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { ActionDialog } from '../../parts/ActionDialog';

/** Asks, and removes the peer of a name. */
export function RemoveDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const { deployments: m, shell } = useMessages();
  const registry = useRegistry();
  const notify = useNotify();
  const reread = useReread();
  const remove = useMutation({
    mutationFn: () => twinport(registry, 'RemovePeer', { peerName: name }),
    onSuccess: async () => {
      await reread(registry, 'ListPeers', 'DescribePeers', 'CheckReplicationDestinations');
      notify({ type: 'success', header: m.removed(name), content: m.removeThere });
      onClose();
    },
  });
  return (
    <ActionDialog
      header={m.removeTitle(name)}
      action={shell.remove}
      error={remove.error}
      pending={remove.isPending}
      onAction={() => remove.mutate()}
      onClose={onClose}
    >
      <div>{m.removeAdvice}</div>
    </ActionDialog>
  );
}
