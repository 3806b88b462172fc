import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { ecr } from '../../api/client';
import type { ReplicationBackfillStatus, ReplicationBackfillSummary } from '../../api/ecr';
import { Empty } from '../../app/Empty';
import { useNotify } from '../../app/notifications';
import { Problem } from '../../app/Problem';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages, type Messages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { DestinationName } from '../../parts/destinations/DestinationName';
import { ListPages } from '../../parts/lists/ListPages';
import { goTo, start, tokenOf } from '../../parts/lists/trail';
import { failureText } from '../../parts/replications/failureText';
import { doneOf, isUnderWay, mayStop, percentDone, useBackfills } from './backfill';
import { BackfillResults } from './BackfillResults';

const types: Record<ReplicationBackfillStatus, StatusIndicatorProps.Type> = {
  PREPARING: 'loading',
  IN_PROGRESS: 'in-progress',
  COMPLETE: 'success',
  FAILED: 'error',
  STOPPING: 'in-progress',
  STOPPED: 'stopped',
};

/** Where a backfill replicates to, in words. */
export function placeOf({ destination }: ReplicationBackfillSummary, m: Messages['replication']): string {
  return m.place(destination.registryId, destination.region);
}

/** The registry's backfills: how far each is, how to stop it, and what came of it. */
export function Backfills() {
  const { backfills: m, replication, shell } = useMessages();
  const format = useFormat();
  const [trail, setTrail] = useState(start);
  const [chosen, setChosen] = useState<ReplicationBackfillSummary>();
  const nextToken = tokenOf(trail);
  const read = useBackfills(nextToken);
  return (
    <>
      <Table<ReplicationBackfillSummary>
        variant="container"
        trackBy="replicationBackfillId"
        items={read.data?.backfills ?? []}
        loading={read.isPending}
        loadingText={shell.loading}
        ariaLabels={{ tableLabel: m.title }}
        wrapLines
        header={
          <SpaceBetween size="m">
            <Header variant="h2" description={m.description}>
              {m.title}
            </Header>
            <Problem
              error={read.error ?? (read.data ? undefined : read.failureReason)}
              onRetry={() => void read.refetch()}
            />
          </SpaceBetween>
        }
        columnDefinitions={[
          {
            id: 'destination',
            header: m.destination,
            isRowHeader: true,
            cell: (b) => <DestinationName destination={b.destination} />,
            minWidth: 170,
          },
          { id: 'status', header: m.status, cell: (b) => <BackfillState backfill={b} />, minWidth: 150 },
          { id: 'progress', header: m.progress, cell: (b) => <BackfillProgress backfill={b} />, minWidth: 180 },
          {
            id: 'failed',
            header: m.failed,
            cell: ({ progress }) =>
              progress && progress.failedReplicationCount > 0 ? (
                <StatusIndicator type="error">{format.number(progress.failedReplicationCount)}</StatusIndicator>
              ) : (
                '–'
              ),
            minWidth: 90,
          },
          {
            id: 'started',
            header: m.startedAt,
            cell: (b) => (
              <>
                {format.dateTime(b.startedAt)}
                {b.endedAt !== undefined && (
                  <Box color="text-body-secondary" fontSize="body-s">
                    {m.took(format.duration(Math.max(0, Math.round((b.endedAt - b.startedAt) * 1000))))}
                  </Box>
                )}
              </>
            ),
            minWidth: 150,
          },
          {
            id: 'actions',
            header: m.actions,
            cell: (b) =>
              isUnderWay(b) ? (
                mayStop(b) && <Stop backfill={b} />
              ) : (
                <Button
                  variant="inline-link"
                  ariaLabel={m.resultsOf(placeOf(b, replication))}
                  onClick={() => setChosen(b)}
                >
                  {m.results}
                </Button>
              ),
            minWidth: 110,
          },
        ]}
        pagination={
          (nextToken !== undefined || read.data?.nextToken !== undefined) && (
            <ListPages
              place={{ trail, go: (wanted, next) => setTrail(goTo(trail, wanted, next)) }}
              next={read.data?.nextToken}
              label={m.pages}
              disabled={read.isPlaceholderData}
            />
          )
        }
        empty={read.error ? null : <Empty title={m.none} advice={m.noneAdvice} />}
      />
      {chosen && <BackfillResults backfill={chosen} onClose={() => setChosen(undefined)} />}
    </>
  );
}

function BackfillState({ backfill: { status, failureCode } }: { backfill: ReplicationBackfillSummary }) {
  const { backfills: m, activity } = useMessages();
  const reason = failureCode === undefined ? undefined : failureText({ failureCode }, activity);
  return (
    <>
      <StatusIndicator type={types[status]}>{m.statuses[status]}</StatusIndicator>
      {reason && (
        <Box color="text-body-secondary" fontSize="body-s">
          {reason}
        </Box>
      )}
    </>
  );
}

/** How many of its images have ended: a bar while it is under way. */
function BackfillProgress({ backfill }: { backfill: ReplicationBackfillSummary }) {
  const { backfills: m, replication } = useMessages();
  const format = useFormat();
  const { progress } = backfill;
  if (!progress) {
    return '–';
  }
  const text =
    progress.totalReplicationCount === 0
      ? m.noImages
      : m.doneOf(format.number(doneOf(progress)), format.number(progress.totalReplicationCount));
  if (!isUnderWay(backfill)) {
    return text;
  }
  return (
    <ProgressBar
      variant="standalone"
      value={percentDone(progress)}
      ariaLabel={m.progressOf(placeOf(backfill, replication))}
      additionalInfo={text}
    />
  );
}

function Stop({ backfill }: { backfill: ReplicationBackfillSummary }) {
  const { backfills: m, replication } = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const { replicationBackfillId } = backfill;
  const stop = useMutation({
    mutationFn: () => ecr(registry, 'StopReplicationBackfill', { replicationBackfillId }),
    onSuccess: () => notify({ type: 'success', header: m.stopped }),
    onSettled: () => reread(registry, 'ListReplicationBackfills'),
  });
  return (
    <SpaceBetween size="xs">
      <Button
        ariaLabel={m.stopOf(placeOf(backfill, replication))}
        loading={stop.isPending}
        onClick={() => stop.mutate()}
      >
        {m.stop}
      </Button>
      <Problem error={stop.error} />
    </SpaceBetween>
  );
}
