import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { ReplicationBackfillSummary, StartReplicationBackfillRequest } from '../../api/ecr';
import { activity } from '../../i18n/en/activity';
import { backfills as m } from '../../i18n/en/backfills';
import { replication } from '../../i18n/en/replication';
import { show, type Answers } from '../../testing/show';
import { ReplicationPage } from './ReplicationPage';

const dev = '444455556666';
const destinations = ['us-east-1', 'ap-northeast-1'].map((region) => ({ registryId: dev, region }));

const underWay: ReplicationBackfillSummary = {
  replicationBackfillId: '11111111-1111-4111-8111-111111111111',
  destination: destinations[0]!,
  status: 'IN_PROGRESS',
  startedAt: 1_795_456_100,
  progress: { totalReplicationCount: 400, completedReplicationCount: 99, failedReplicationCount: 3, failureCodes: [] },
};

const ended: ReplicationBackfillSummary = {
  replicationBackfillId: '22222222-2222-4222-8222-222222222222',
  destination: destinations[1]!,
  status: 'FAILED',
  failureCode: 'TooManyReplicationsFailed',
  startedAt: 1_795_456_000,
  endedAt: 1_795_456_012,
  progress: { totalReplicationCount: 900, completedReplicationCount: 1, failedReplicationCount: 99, failureCodes: [] },
};

function answers(backfills: ReplicationBackfillSummary[], more: Answers = {}): Answers {
  return {
    DescribeRegistry: { registryId: '111122223333', replicationConfiguration: { rules: [{ destinations }] } },
    FindRepositories: { repositories: [] },
    CheckReplicationDestinations: { destinations: [] },
    ListReplicationBackfills: { backfills },
    ...more,
  };
}

const place = (index: number) => replication.place(dev, destinations[index]!.region);

test('what is there is replicated once that was confirmed', async () => {
  const started: StartReplicationBackfillRequest[] = [];
  await show(<ReplicationPage />, {
    answers: answers([], {
      StartReplicationBackfill: (input) => {
        started.push(input);
        return {};
      },
    }),
  });
  fireEvent.click(await screen.findByRole('button', { name: m.startFor(place(1)) }));
  expect(started).toEqual([]);
  fireEvent.click(screen.getByRole('button', { name: m.confirm }));
  await waitFor(() => expect(started).toEqual([{ destination: destinations[1] }]));
  await waitFor(() => expect(screen.queryByRole('button', { name: m.confirm })).toBeNull());
});

test('one that is under way shows how far it is, can be stopped, and keeps others from its Region', async () => {
  const stopped: string[] = [];
  await show(<ReplicationPage />, {
    answers: answers([underWay], {
      StopReplicationBackfill: ({ replicationBackfillId }) => {
        stopped.push(replicationBackfillId);
        return {};
      },
    }),
  });
  const bar = await screen.findByRole('progressbar', { name: m.progressOf(place(0)) });
  expect(bar.getAttribute('value')).toBe('25');
  screen.getByText(m.doneOf('102', '400'));
  const start = (index: number) => screen.getByRole('button', { name: m.startFor(place(index)) });
  expect(start(0).getAttribute('aria-disabled')).toBe('true');
  expect(start(1).getAttribute('aria-disabled')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: m.stopOf(place(0)) }));
  await waitFor(() => expect(stopped).toEqual([underWay.replicationBackfillId]));
});

test('the results of one that has ended begin with what has failed', async () => {
  await show(<ReplicationPage />, {
    answers: answers([ended], {
      DescribeReplicationBackfillResults: ({ resultStatusFilter }) => ({
        results:
          resultStatusFilter === 'FAILED'
            ? [
                {
                  repositoryName: 'team/web',
                  imageId: { imageDigest: 'sha256:0', imageTag: 'v1' },
                  status: 'FAILED',
                  failureCode: 'SourceImageNotFound',
                },
              ]
            : [{ repositoryName: 'team/api', imageId: { imageDigest: 'sha256:1' }, status: 'COMPLETE' }],
      }),
    }),
  });
  await screen.findByText(activity.failures.TooManyReplicationsFailed!);
  fireEvent.click(screen.getByRole('button', { name: m.resultsOf(place(1)) }));
  const dialog = within(await screen.findByRole('dialog'));
  await dialog.findByText('team/web:v1');
  dialog.getByText(activity.failures.SourceImageNotFound!);
  fireEvent.click(dialog.getByRole('button', { name: m.withCount(m.resultStatuses.COMPLETE, '1') }));
  await dialog.findByText('team/api@sha256:1…');
});
