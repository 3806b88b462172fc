import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { ecr } from '../../api/client';
import type { Repository } from '../../api/ecr';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { ActionDialog } from '../../parts/ActionDialog';

/** Whether the images of a repository are to be scanned when they are pushed, and a button that changes it. */
export function ScanOnPush({ repository }: { repository: Repository }) {
  const { repositories: m, shell } = useMessages();
  const [editing, setEditing] = useState(false);
  const on = repository.imageScanningConfiguration?.scanOnPush ?? false;
  return (
    <>
      <SpaceBetween size="xs" direction="horizontal" alignItems="center">
        <span>{on ? m.scansOnPush : m.scansNot}</span>
        <Button variant="inline-link" ariaLabel={m.editScanOnPush} onClick={() => setEditing(true)}>
          {shell.edit}
        </Button>
      </SpaceBetween>
      {editing && <ChangeDialog repositoryName={repository.repositoryName} on={on} onClose={() => setEditing(false)} />}
    </>
  );
}

function ChangeDialog({ repositoryName, on, onClose }: { repositoryName: string; on: boolean; onClose: () => void }) {
  const { registrySettings, repositories: m, shell } = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const [wanted, setWanted] = useState(on);
  const save = useMutation({
    mutationFn: () =>
      ecr(registry, 'PutImageScanningConfiguration', {
        repositoryName,
        imageScanningConfiguration: { scanOnPush: wanted },
      }),
    onSuccess: async () => {
      await reread(registry, 'FindRepositories');
      notify({ type: 'success', header: m.saved, id: 'saved' });
      onClose();
    },
  });
  return (
    <ActionDialog
      header={m.editScanOnPush}
      action={shell.save}
      error={save.error}
      pending={save.isPending}
      disabled={wanted === on}
      onAction={() => save.mutate()}
      onClose={onClose}
    >
      <Box color="text-body-secondary">{registrySettings.nothingScans}</Box>
      <Checkbox checked={wanted} description={m.scanOnPushHint} onChange={({ detail }) => setWanted(detail.checked)}>
        {m.scanOnPushChoice}
      </Checkbox>
    </ActionDialog>
  );
}
