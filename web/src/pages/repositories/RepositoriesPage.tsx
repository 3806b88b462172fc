import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import { useNavigate } from 'react-router';

import type { FoundRepository } from '../../api/twinport';
import { useBarHeight } from '../../app/barHeight';
import { Empty } from '../../app/Empty';
import { PageLink } from '../../app/PageLink';
import { pagePath, repositoryPath, useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { CopyButton } from '../../parts/CopyButton';
import { useDestinationName } from '../../parts/destinations/destination';
import { mutabilityOf } from '../../parts/mutability/mutability';
import { MutabilityText } from '../../parts/mutability/MutabilityText';
import { useStorage } from '../../parts/storage/useStorage';
import { DeleteRepositoryDialog } from './DeleteRepositoryDialog';
import { ListFilter, NoMatch } from './ListFilter';
import { ListPages } from '../../parts/lists/ListPages';
import { ListProblem } from './ListProblem';
import { usePlace } from './place';
import { PushCommands } from './PushCommands';

const pageSize = 50;

export function RepositoriesPage() {
  const { repositories: m, shell, storage } = useMessages();
  const barHeight = useBarHeight();
  const format = useFormat();
  const registry = useRegistry();
  const navigate = useNavigate();
  const nameOf = useDestinationName();
  const place = usePlace();
  const found = useTwinport(
    'FindRepositories',
    { contains: place.search || undefined, maxResults: pageSize, nextToken: place.token },
    { keep: true },
  );
  const [chosen, setChosen] = useState<FoundRepository>();
  const [dialog, setDialog] = useState<'push' | 'delete'>();
  const items = found.data?.repositories ?? [];
  const stored = useStorage(items.map((r) => r.repositoryName));
  const storedIn = new Map(stored.data?.repositories?.map((r) => [r.repositoryName, r.sizeInBytes]));
  const selected = items.find((r) => r.repositoryName === chosen?.repositoryName);
  const create = (
    <Button variant="primary" onClick={() => void navigate(pagePath(registry, 'repositories/create'))}>
      {m.create}
    </Button>
  );
  return (
    <>
      <Table<FoundRepository>
        variant="full-page"
        stickyHeader
        stickyHeaderVerticalOffset={barHeight}
        trackBy="repositoryName"
        items={items}
        loading={found.isPending}
        loadingText={shell.loading}
        selectionType="single"
        selectedItems={selected ? [selected] : []}
        onSelectionChange={({ detail }) => setChosen(detail.selectedItems[0])}
        ariaLabels={{
          tableLabel: m.title,
          selectionGroupLabel: m.selection,
          itemSelectionLabel: (_, r) => m.select(r.repositoryName),
        }}
        header={
          <SpaceBetween size="m">
            <Header
              variant="awsui-h1-sticky"
              actions={
                <SpaceBetween direction="horizontal" size="xs">
                  <Button disabled={!selected} onClick={() => setDialog('push')}>
                    {m.pushCommands}
                  </Button>
                  <Button disabled={!selected} onClick={() => setDialog('delete')}>
                    {shell.delete}
                  </Button>
                  {create}
                </SpaceBetween>
              }
            >
              {m.title}
            </Header>
            <ListProblem read={found} place={place} firstPage={m.firstPage} />
          </SpaceBetween>
        }
        filter={<ListFilter place={place} words={m} />}
        pagination={
          <ListPages place={place} next={found.data?.nextToken} label={m.pages} disabled={found.isPlaceholderData} />
        }
        empty={
          place.search ? (
            <NoMatch place={place} words={m} />
          ) : (
            <Empty title={m.none} advice={m.noneAdvice} action={create} />
          )
        }
        columnDefinitions={[
          {
            id: 'name',
            header: m.name,
            cell: (r) => <PageLink to={repositoryPath(registry, r.repositoryName)}>{r.repositoryName}</PageLink>,
            isRowHeader: true,
            minWidth: 180,
          },
          {
            id: 'replicates',
            header: m.replicatesTo,
            cell: (r) =>
              r.replicatesTo.length > 0 ? (
                format.list(r.replicatesTo.map(nameOf))
              ) : (
                <Box color="text-status-inactive">{m.replicatesNowhere}</Box>
              ),
            minWidth: 160,
          },
          {
            id: 'stored',
            header: storage.stored,
            cell: (r) => {
              const size = storedIn.get(r.repositoryName);
              return size !== undefined ? (
                <span title={storage.hint}>{format.bytes(size)}</span>
              ) : stored.data?.counting ? (
                storage.counting
              ) : (
                '–'
              );
            },
            minWidth: 110,
          },
          {
            id: 'mutability',
            header: m.mutability,
            cell: (r) => <MutabilityText mutability={mutabilityOf(r)} />,
            minWidth: 140,
          },
          { id: 'created', header: m.createdAt, cell: (r) => format.dateTime(r.createdAt), minWidth: 180 },
          {
            id: 'uri',
            header: m.uri,
            cell: (r) => (
              <CopyButton
                variant="inline"
                textToCopy={r.repositoryUri}
                copyButtonAriaLabel={m.copyURI(r.repositoryName)}
              />
            ),
            minWidth: 300,
          },
        ]}
      />
      {dialog === 'push' && selected && <PushCommands repository={selected} onClose={() => setDialog(undefined)} />}
      {dialog === 'delete' && selected && (
        <DeleteRepositoryDialog
          repository={selected}
          onClose={() => setDialog(undefined)}
          onDeleted={() => setDialog(undefined)}
        />
      )}
    </>
  );
}
