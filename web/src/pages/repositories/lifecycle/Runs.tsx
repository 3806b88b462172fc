import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';

import type { LifecycleRun } from '../../../api/twinport';
import { Empty } from '../../../app/Empty';
import { useNow } from '../../../app/now';
import { Problem } from '../../../app/Problem';
import { useTwinport } from '../../../app/registry';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { ListPages } from '../../../parts/lists/ListPages';
import { goTo, start, tokenOf } from '../../../parts/lists/trail';
import { RunDialog } from './RunDialog';

const pageSize = 10;

/** Runs go on elsewhere, too: how often they are read again, in seconds, beside what the page hears of. */
const every = 30;

const types: Record<LifecycleRun['status'], StatusIndicatorProps.Type> = {
  IN_PROGRESS: 'in-progress',
  COMPLETE: 'success',
  FAILED: 'error',
};

/** What the repository's lifecycle policies have done. */
export function Runs({ repositoryName }: { repositoryName: string }) {
  const { lifecycle: m, shell } = useMessages();
  const format = useFormat();
  const now = useNow(every);
  const [trail, setTrail] = useState(start);
  const [chosen, setChosen] = useState<LifecycleRun>();
  const nextToken = tokenOf(trail);
  const read = useTwinport(
    'ListLifecycleRuns',
    { repositoryName, maxResults: pageSize, ...(nextToken === undefined ? {} : { nextToken }) },
    { keep: true, every },
  );
  const { runs = [], nextRunAt } = read.data ?? {};
  const next = nextRunAt === undefined ? '' : nextRunAt <= now ? m.nextRunDue : m.nextRun(format.dateTime(nextRunAt));
  return (
    <>
      <Table<LifecycleRun>
        variant="container"
        trackBy="runId"
        items={runs}
        loading={read.isPending}
        loadingText={shell.loading}
        ariaLabels={{ tableLabel: m.runs }}
        header={
          <SpaceBetween size="m">
            <Header variant="h2" description={[m.runsAdvice, next].join(' ').trim()}>
              {m.runs}
            </Header>
            <Problem
              error={read.error ?? (read.data ? undefined : read.failureReason)}
              onRetry={() => void read.refetch()}
            />
          </SpaceBetween>
        }
        columnDefinitions={[
          {
            id: 'began',
            header: m.startedAt,
            cell: (run) => (
              <Button variant="inline-link" onClick={() => setChosen(run)}>
                {format.dateTime(run.startedAt)}
              </Button>
            ),
            isRowHeader: true,
            minWidth: 170,
          },
          {
            id: 'status',
            header: m.status,
            cell: (run) => <RunState run={run} />,
            minWidth: 150,
          },
          {
            id: 'marked',
            header: m.marked,
            cell: (run) =>
              run.markedImageCount > 0
                ? m.markedOf(run.markedImageCount, format.bytes(run.markedSizeInBytes))
                : run.status === 'IN_PROGRESS'
                  ? '–'
                  : m.markedNone,
            minWidth: 150,
          },
          {
            id: 'expired',
            header: m.expired,
            cell: (run) => (run.status === 'IN_PROGRESS' ? '–' : format.number(run.expiredImageCount)),
            minWidth: 100,
          },
        ]}
        pagination={
          (nextToken !== undefined || read.data?.nextToken !== undefined) && (
            <ListPages
              place={{ trail, go: (wanted, next) => setTrail(goTo(trail, wanted, next)) }}
              next={read.data?.nextToken}
              label={m.runPages}
              disabled={read.isPlaceholderData}
            />
          )
        }
        empty={read.error ? null : <Empty title={m.noRuns} advice={m.noRunsAdvice} />}
      />
      {chosen && <RunDialog repositoryName={repositoryName} run={chosen} onClose={() => setChosen(undefined)} />}
    </>
  );
}

function RunState({ run }: { run: LifecycleRun }) {
  const m = useMessages().lifecycle;
  const format = useFormat();
  return (
    <>
      <StatusIndicator type={types[run.status]}>{m.statuses[run.status]}</StatusIndicator>
      {run.endedAt !== undefined && (
        <Box variant="span" color="text-body-secondary" fontSize="body-s" padding={{ left: 'xxs' }}>
          {m.took(format.duration(Math.round((run.endedAt - run.startedAt) * 1000)))}
        </Box>
      )}
    </>
  );
}
