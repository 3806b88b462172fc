import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { ecr } from '../../api/client';
import { limitsPrincipalArn } from '../../api/ecr';
import { Empty } from '../../app/Empty';
import { useNotify } from '../../app/notifications';
import { Problem } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { useECR, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { ActionDialog } from '../../parts/ActionDialog';

/** As many as a registry may have: one page lists them all. */
const most = 100;

/** Whose pulls do not count as use of an image. */
export function PullTimeExclusions() {
  const { registrySettings: m, shell } = useMessages();
  const [adding, setAdding] = useState(false);
  const read = useECR('ListPullTimeUpdateExclusions', { maxResults: most });
  const principals = read.data?.pullTimeUpdateExclusions ?? [];
  return (
    <>
      <Table<string>
        header={
          <SpaceBetween size="m">
            <Header
              variant="h2"
              description={m.exclusionsDescription}
              actions={
                <Button disabled={principals.length >= most} onClick={() => setAdding(true)}>
                  {m.addExclusion}
                </Button>
              }
            >
              {m.exclusions}
            </Header>
            <Problem error={read.error} onRetry={() => void read.refetch()} />
          </SpaceBetween>
        }
        items={principals}
        loading={read.isPending}
        loadingText={shell.loading}
        ariaLabels={{ tableLabel: m.exclusions }}
        wrapLines
        columnDefinitions={[
          {
            id: 'principal',
            header: m.principal,
            isRowHeader: true,
            cell: (principal) => <Box variant="code">{principal}</Box>,
            minWidth: 220,
          },
          {
            id: 'actions',
            header: m.actions,
            cell: (principal) => <Remove principal={principal} />,
            minWidth: 120,
          },
        ]}
        empty={read.error ? null : <Empty title={m.noExclusions} advice={m.noExclusionsAdvice} />}
      />
      {adding && <AddDialog onClose={() => setAdding(false)} />}
    </>
  );
}

function Remove({ principal }: { principal: string }) {
  const { registrySettings: m, shell } = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const remove = useMutation({
    mutationFn: () => ecr(registry, 'DeregisterPullTimeUpdateExclusion', { principalArn: principal }),
    onSuccess: () => notify({ type: 'success', header: m.included }),
    onSettled: () => reread(registry, 'ListPullTimeUpdateExclusions'),
  });
  return (
    <SpaceBetween size="xs">
      <Button
        variant="inline-link"
        ariaLabel={m.includePulls(principal)}
        loading={remove.isPending}
        onClick={() => remove.mutate()}
      >
        {shell.remove}
      </Button>
      <Problem error={remove.error} />
    </SpaceBetween>
  );
}

function AddDialog({ onClose }: { onClose: () => void }) {
  const { registrySettings: m, shell } = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const [principal, setPrincipal] = useState('');
  const [tried, setTried] = useState(false);
  const wanted = principal.trim();
  const valid = wanted.length <= limitsPrincipalArn.max && limitsPrincipalArn.pattern.test(wanted);
  const add = useMutation({
    mutationFn: () => ecr(registry, 'RegisterPullTimeUpdateExclusion', { principalArn: wanted }),
    onSuccess: async () => {
      await reread(registry, 'ListPullTimeUpdateExclusions');
      notify({ type: 'success', header: m.excluded });
      onClose();
    },
  });
  return (
    <ActionDialog
      header={m.addExclusion}
      action={shell.save}
      error={add.error}
      pending={add.isPending}
      onAction={() => {
        setTried(true);
        if (valid) {
          add.mutate();
        }
      }}
      onClose={onClose}
    >
      <FormField
        label={m.principal}
        description={m.principalHint}
        errorText={tried && !valid ? m.principalProblem : undefined}
        stretch
      >
        <Input
          value={principal}
          onChange={({ detail }) => setPrincipal(detail.value)}
          placeholder={`arn:aws:iam::${registry.account}:user/scanner`}
          autoFocus
          autoComplete={false}
          spellcheck={false}
          disableBrowserAutocorrect
        />
      </FormField>
    </ActionDialog>
  );
}
