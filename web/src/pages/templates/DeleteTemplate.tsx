import { useMutation } from '@tanstack/react-query';

import { ecr } from '../../api/client';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { ActionDialog } from '../../parts/ActionDialog';

/** Asks, and deletes a template. */
export function DeleteTemplate({ prefix, onClose }: { prefix: string; onClose: () => void }) {
  const { templates: m, shell } = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const remove = useMutation({
    mutationFn: () => ecr(registry, 'DeleteRepositoryCreationTemplate', { prefix }),
    onSuccess: async () => {
      await reread(registry, 'DescribeRepositoryCreationTemplates');
      notify({ type: 'success', header: m.deleted(prefix) });
      onClose();
    },
  });
  return (
    <ActionDialog
      header={m.deleteTitle(prefix)}
      action={shell.delete}
      error={remove.error}
      pending={remove.isPending}
      onAction={() => remove.mutate()}
      onClose={onClose}
    >
      <div>{m.deleteAdvice}</div>
    </ActionDialog>
  );
}
