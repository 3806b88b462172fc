import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useMemo, useState } from 'react';

import type { FoundRepository } from '../../../api/twinport';
import { useBarHeight } from '../../../app/barHeight';
import { Empty } from '../../../app/Empty';
import { useTwinport } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { ListFilter, NoMatch } from '../ListFilter';
import { ListPages } from '../../../parts/lists/ListPages';
import { ListProblem } from '../ListProblem';
import { usePlace } from '../place';
import { useImageColumns } from './columns';
import { DeleteImagesDialog } from './DeleteImagesDialog';
import { shortDigest } from './kind';
import { renewed, rowOf, type ImageRow } from './rows';

const pageSize = 50;

/** The images of a repository: the page and what is selected stay while pushes come in. */
export function ImagesTab({ repository, onPush }: { repository: FoundRepository; onPush: () => void }) {
  const { images: m, repositories, shell } = useMessages();
  const barHeight = useBarHeight();
  const place = usePlace();
  const { repositoryName } = repository;
  const found = useTwinport(
    'FindImages',
    { repositoryName, startsWith: place.search || undefined, maxResults: pageSize, nextToken: place.token },
    { keep: true },
  );
  const rows = useMemo(() => (found.data?.images ?? []).map(rowOf), [found.data]);
  const [chosen, setChosen] = useState<ImageRow[]>([]);
  const [expanded, setExpanded] = useState<ImageRow[]>([]);
  const [deleting, setDeleting] = useState(false);
  const selected = renewed(chosen, rows);
  const columns = useImageColumns(repository);
  const nameOf = (row: ImageRow) => row.tags[0] ?? row.platform ?? shortDigest(row.digest);
  return (
    <>
      <Table<ImageRow>
        variant="container"
        stickyHeader
        stickyHeaderVerticalOffset={barHeight}
        trackBy="key"
        items={rows}
        loading={found.isPending}
        loadingText={shell.loading}
        columnDefinitions={columns}
        stickyColumns={{ first: 1 }}
        selectionType="multi"
        selectedItems={selected}
        onSelectionChange={({ detail }) => setChosen(detail.selectedItems)}
        expandableRows={{
          getItemChildren: (row) => row.parts,
          isItemExpandable: (row) => row.parts.length > 0,
          expandedItems: expanded,
          onExpandableItemToggle: ({ detail: { item, expanded: open } }) =>
            setExpanded((before) => (open ? [...before, item] : before.filter((row) => row.key !== item.key))),
        }}
        ariaLabels={{
          tableLabel: m.title,
          selectionGroupLabel: m.selection,
          allItemsSelectionLabel: () => m.selectAll,
          itemSelectionLabel: (_, row) => m.select(nameOf(row)),
          expandButtonLabel: (row) => m.expand(nameOf(row)),
          collapseButtonLabel: (row) => m.collapse(nameOf(row)),
        }}
        header={
          <SpaceBetween size="m">
            <Header
              variant="h2"
              description={place.search ? m.searchHint : m.liveHint}
              counter={selected.length > 0 ? `(${m.selected(selected.length)})` : undefined}
              actions={
                <Button disabled={selected.length === 0} onClick={() => setDeleting(true)}>
                  {m.delete}
                </Button>
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
            <Empty
              title={m.none}
              advice={m.noneAdvice}
              action={
                <Button variant="primary" onClick={onPush}>
                  {repositories.pushCommands}
                </Button>
              }
            />
          )
        }
      />
      {deleting && (
        <DeleteImagesDialog
          repository={repository}
          selected={selected}
          onClose={(gone) => {
            setDeleting(false);
            setChosen((before) => before.filter((row) => !gone.has(row.digest)));
          }}
        />
      )}
    </>
  );
}
