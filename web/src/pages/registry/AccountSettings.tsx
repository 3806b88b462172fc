import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { ecr } from '../../api/client';
import { useNotify } from '../../app/notifications';
import { Problem } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { useECR, useRegistry } from '../../app/registry';
import { useMessages, type Messages } from '../../i18n';
import { ActionDialog } from '../../parts/ActionDialog';

type Name = keyof Messages['registrySettings']['settings'];

/** What a setting's values are called: those that it may have, the first first. */
type Values = Record<string, { label: string; hint: string }>;

const names: readonly Name[] = ['REGISTRY_POLICY_SCOPE', 'BLOB_MOUNTING', 'BASIC_SCAN_TYPE_VERSION'];

/** The settings of the account in the registry's Region. */
export function AccountSettings() {
  const m = useMessages().registrySettings;
  const [changing, setChanging] = useState<{ name: Name; value: string }>();
  return (
    <>
      <Table<Name>
        header={
          <Header variant="h2" description={m.description}>
            {m.title}
          </Header>
        }
        items={names}
        ariaLabels={{ tableLabel: m.title }}
        wrapLines
        columnDefinitions={[
          {
            id: 'setting',
            header: m.setting,
            isRowHeader: true,
            cell: (name) => m.settings[name].name,
            minWidth: 180,
          },
          {
            id: 'value',
            header: m.value,
            cell: (name) => <Value name={name} onChange={(value) => setChanging({ name, value })} />,
            minWidth: 220,
          },
        ]}
      />
      {changing && <ChangeDialog {...changing} onClose={() => setChanging(undefined)} />}
    </>
  );
}

function Value({ name, onChange }: { name: Name; onChange: (now: string) => void }) {
  const { registrySettings: m, shell } = useMessages();
  const { data, error, refetch } = useECR('GetAccountSetting', { name });
  if (error) {
    return <Problem error={error} onRetry={() => void refetch()} />;
  }
  if (!data) {
    return <StatusIndicator type="loading">{shell.loading}</StatusIndicator>;
  }
  const shown = (m.settings[name].values as Values)[data.value];
  return (
    <SpaceBetween size="xxs">
      <SpaceBetween size="xs" direction="horizontal" alignItems="center">
        <span>{shown?.label ?? data.value}</span>
        <Button
          variant="inline-link"
          ariaLabel={m.changeOf(m.settings[name].name)}
          onClick={() => onChange(data.value)}
        >
          {m.change}
        </Button>
      </SpaceBetween>
      <Box color="text-body-secondary" fontSize="body-s">
        {shown?.hint}
      </Box>
    </SpaceBetween>
  );
}

function ChangeDialog({ name, value, onClose }: { name: Name; value: string; onClose: () => void }) {
  const { registrySettings: m, shell } = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const [wanted, setWanted] = useState(value);
  const save = useMutation({
    mutationFn: () => ecr(registry, 'PutAccountSetting', { name, value: wanted }),
    onSuccess: async () => {
      await reread(registry, 'GetAccountSetting');
      notify({ type: 'success', header: m.saved, id: 'saved' });
      onClose();
    },
  });
  const setting = m.settings[name];
  return (
    <ActionDialog
      header={m.changeOf(setting.name)}
      action={shell.save}
      error={save.error}
      pending={save.isPending}
      disabled={wanted === value}
      onAction={() => save.mutate()}
      onClose={onClose}
    >
      <FormField label={setting.name}>
        <RadioGroup
          value={wanted}
          onChange={({ detail }) => setWanted(detail.value)}
          items={Object.entries(setting.values as Values).map(([value, { label, hint }]) => ({
            value,
            label,
            description: hint,
          }))}
        />
      </FormField>
    </ActionDialog>
  );
}
