import { useMutation } from '@tanstack/react-query';

import { readRevised, replace } from '../../api/client';
import type { ReplicationRule } from '../../api/ecr';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { onWhatIsThere } from '../../parts/saving/onWhatIsThere';
import { ActionDialog } from '../../parts/ActionDialog';
import { sameRule } from './form';

/** Asks, and takes the rule out of the rules as they are at that moment. */
export function RemoveRule({ rule, number, onClose }: { rule: ReplicationRule; number: number; onClose: () => void }) {
  const m = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const remove = useMutation({
    mutationFn: () =>
      onWhatIsThere(async () => {
        const { value, revision } = await readRevised(registry, 'DescribeRegistry', {});
        const { rules } = value.replicationConfiguration;
        const at = rules.findIndex((r) => sameRule(r, rule));
        if (at < 0) {
          return false;
        }
        await replace(registry, revision, 'PutReplicationConfiguration', {
          replicationConfiguration: { rules: rules.toSpliced(at, 1) },
        });
        return true;
      }),
    onSuccess: async (removed) => {
      await reread(registry, 'DescribeRegistry', 'FindRepositories', 'GetReplicationStatistics');
      notify(
        removed ? { type: 'success', header: m.replication.removed } : { type: 'info', header: m.replication.ruleGone },
      );
      onClose();
    },
  });
  return (
    <ActionDialog
      header={m.replication.removeTitle(number)}
      action={m.shell.remove}
      error={remove.error}
      pending={remove.isPending}
      onAction={() => remove.mutate()}
      onClose={onClose}
    >
      <div>{m.replication.removeAdvice}</div>
    </ActionDialog>
  );
}
