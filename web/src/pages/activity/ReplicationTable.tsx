import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { useMemo, useState, type ReactNode } from 'react';

import type { Direction, Replication, ReplicationState as State } from '../../api/twinport';
import { AccountName } from '../../app/AccountName';
import { useNow } from '../../app/now';
import { Problem } from '../../app/Problem';
import { useMessages, type Messages } from '../../i18n';
import { useFormat, type Format } from '../../i18n/format';
import { DestinationName } from '../../parts/destinations/DestinationName';
import { imageName } from '../../parts/replications/imageName';
import { isSending } from '../../parts/replications/Progress';
import { ReplicationDetail } from '../../parts/replications/ReplicationDetail';
import { ReplicationState } from '../../parts/replications/ReplicationState';
import { useRetry } from '../../parts/replications/useRetry';
import { countedUpTo, type Totals } from './statistics';
import { useFeed } from './useFeed';

const states: readonly State[] = ['IN_PROGRESS', 'COMPLETE', 'FAILED'];

interface Shown {
  direction: Direction;
  /** The state to which the list is narrowed. */
  status: State | undefined;
  setStatus: (status: State | undefined) => void;
  /** What there is of some states, if that is known. */
  totals: Totals | undefined;
  /** What to say where there is nothing at all. */
  empty: ReactNode;
}

/** The replications of one direction, live. */
export function ReplicationTable({ direction, status, setStatus, totals, empty }: Shown) {
  const m = useMessages().activity;
  const f = useFormat();
  const feed = useFeed({ direction, status });
  const retry = useRetry();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState<Replication>();
  const columns = useColumns(direction, setOpened, retry.mutate, retry.isPending ? retry.variables : noIDs);
  const failed = feed.rows.filter((r) => r.status === 'FAILED');
  const chosen = failed.filter((r) => selected.has(r.replicationId));
  const outgoing = direction === 'OUTGOING';
  const stateText = (state: State) => {
    const count = state === 'IN_PROGRESS' ? totals?.inProgress : state === 'FAILED' ? totals?.failed : undefined;
    const text = f.number(count ?? 0);
    return count === undefined
      ? m.states[state]
      : m.withCount(m.states[state], count >= countedUpTo ? m.countedUpTo(text) : text);
  };
  const mayBeMore = feed.page > 1 || feed.hasOlder;
  return (
    <>
      {feed.error && !feed.loading ? <Problem error={feed.error} onRetry={feed.reread} /> : null}
      <Table<Replication>
        variant="embedded"
        items={feed.rows}
        trackBy="replicationId"
        columnDefinitions={columns}
        loading={feed.loading && !feed.error}
        loadingText={m.list}
        wrapLines
        ariaLabels={{
          tableLabel: outgoing ? m.outgoingList : m.incomingList,
          selectionGroupLabel: m.list,
          allItemsSelectionLabel: () => m.selectAll,
          itemSelectionLabel: (_, r) => m.select(imageName(r, m)),
        }}
        {...(outgoing
          ? {
              selectionType: 'multi' as const,
              selectedItems: chosen,
              isItemDisabled: (r: Replication) => r.status !== 'FAILED',
              onSelectionChange: ({ detail }) =>
                setSelected(new Set(detail.selectedItems.map((r: Replication) => r.replicationId))),
            }
          : {})}
        header={
          <Header
            variant="h2"
            description={outgoing ? undefined : m.incomingAdvice}
            actions={
              outgoing && (
                <SpaceBetween direction="horizontal" size="xs">
                  <Button
                    disabled={chosen.length === 0}
                    loading={retry.isPending}
                    onClick={() => retry.mutate(chosen.map((r) => r.replicationId))}
                  >
                    {m.retrySelected}
                  </Button>
                  <Button
                    disabled={failed.length === 0}
                    loading={retry.isPending}
                    onClick={() => retry.mutate(failed.map((r) => r.replicationId))}
                  >
                    {m.retryAll}
                  </Button>
                </SpaceBetween>
              )
            }
          >
            {outgoing ? m.outgoingList : m.incomingList}
          </Header>
        }
        filter={
          outgoing && (
            <SegmentedControl
              label={m.state}
              selectedId={status ?? 'ALL'}
              onChange={({ detail }) => setStatus(states.find((s) => s === detail.selectedId))}
              options={[{ id: 'ALL', text: m.all }, ...states.map((id) => ({ id, text: stateText(id) }))]}
            />
          )
        }
        pagination={
          mayBeMore && (
            <Pagination
              currentPageIndex={feed.page}
              pagesCount={feed.page}
              openEnd={feed.hasOlder}
              onChange={({ detail }) =>
                detail.currentPageIndex > feed.page ? feed.older() : feed.goTo(detail.currentPageIndex)
              }
            />
          )
        }
        footer={feed.page > 1 && <Box color="text-body-secondary">{m.still}</Box>}
        empty={
          feed.loading ? null : status && outgoing ? (
            <Box padding={{ vertical: 'l' }} textAlign="center" color="text-body-secondary">
              {m.noneInState[status]}
            </Box>
          ) : (
            empty
          )
        }
      />
      {opened && (
        <ReplicationDetail replication={feed.now(opened)} direction={direction} onClose={() => setOpened(undefined)} />
      )}
    </>
  );
}

const noIDs: string[] = [];

/** The columns of a direction; the same from one change of the rows to the next. */
function useColumns(
  direction: Direction,
  onOpen: (r: Replication) => void,
  onRetry: (ids: string[]) => void,
  retrying: string[],
) {
  const { activity: m, replication: words } = useMessages();
  const f = useFormat();
  return useMemo(
    () => columnsOf(direction, { m, words, f, onOpen, onRetry, retrying }),
    [direction, m, words, f, onOpen, onRetry, retrying],
  );
}

interface Parts {
  m: Messages['activity'];
  words: Messages['replication'];
  f: Format;
  onOpen: (r: Replication) => void;
  onRetry: (ids: string[]) => void;
  retrying: string[];
}

function columnsOf(
  direction: Direction,
  { m, words, f, onOpen, onRetry, retrying }: Parts,
): TableProps.ColumnDefinition<Replication>[] {
  const image: TableProps.ColumnDefinition<Replication> = {
    id: 'image',
    header: m.image,
    isRowHeader: true,
    minWidth: 120,
    cell: (r) => (
      <Button variant="inline-link" ariaLabel={m.detailsOf(imageName(r, m))} onClick={() => onOpen(r)}>
        <span style={{ overflowWrap: 'anywhere' }}>{imageName(r, m)}</span>
      </Button>
    ),
  };
  const nowrap = { whiteSpace: 'nowrap' } as const;
  const size: TableProps.ColumnDefinition<Replication> = {
    id: 'size',
    header: m.size,
    minWidth: 95,
    cell: (r) => (r.action === 'DELETE' ? '–' : <span style={nowrap}>{f.bytes(r.imageSizeInBytes)}</span>),
  };
  const lag: TableProps.ColumnDefinition<Replication> = {
    id: 'lag',
    header: m.lagAndRate,
    minWidth: 115,
    cell: (r) => <div style={nowrap}>{lagCell(r)}</div>,
  };
  const lagCell = (r: Replication) => {
    if (r.lagInMillis === undefined) {
      return r.status === 'IN_PROGRESS' ? (
        <>
          <Elapsed since={r.pushedAt} />
          {isSending(r) && r.bytesPerSecond && (
            <Box fontSize="body-s" color="text-body-secondary">
              {m.perSecond(f.bytes(r.bytesPerSecond))}
            </Box>
          )}
        </>
      ) : (
        '–'
      );
    }
    return (
      <>
        {f.duration(r.lagInMillis)}
        {r.lagInMillis > 0 && r.action !== 'DELETE' && (
          <Box fontSize="body-s" color="text-body-secondary">
            {m.perSecond(f.bytes(r.imageSizeInBytes / (r.lagInMillis / 1000)))}
          </Box>
        )}
      </>
    );
  };
  const time = (
    id: string,
    header: string,
    of: (r: Replication) => number,
  ): TableProps.ColumnDefinition<Replication> => ({
    id,
    header,
    minWidth: 115,
    cell: (r) =>
      Date.now() / 1000 - of(r) < 43_200 ? (
        <span style={nowrap} title={f.dateTime(of(r))}>
          {f.time(of(r))}
        </span>
      ) : (
        f.dateTime(of(r))
      ),
  });
  const stateCell = (r: Replication) => (
    <>
      <ReplicationState replication={r} />
      {r.status === 'FAILED' && (
        <Button
          variant="inline-link"
          ariaLabel={m.retryOf(imageName(r, m), words.place(r.registryId, r.region))}
          loading={retrying.includes(r.replicationId)}
          onClick={() => onRetry([r.replicationId])}
        >
          {m.retry}
        </Button>
      )}
    </>
  );
  if (direction === 'INCOMING') {
    return [
      image,
      {
        id: 'source',
        header: m.source,
        minWidth: 170,
        cell: (r) => <AccountName account={r.sourceRegistryId} region={r.sourceRegion} />,
      },
      size,
      lag,
      time('arrived', m.arrived, (r) => r.finishedAt ?? r.changedAt),
    ];
  }
  return [
    image,
    { id: 'state', header: m.state, minWidth: 150, cell: stateCell },
    {
      id: 'destination',
      header: m.destination,
      minWidth: 170,
      cell: (r) => <DestinationName destination={r} />,
    },
    size,
    lag,
    time('changed', m.changed, (r) => r.changedAt),
  ];
}

/** How long a replication has been under way. */
function Elapsed({ since }: { since: number }) {
  const m = useMessages().activity;
  const f = useFormat();
  return m.soFar(f.duration(Math.max(0, Math.round(useNow(1) - since)) * 1000));
}
