import { expect, test } from 'vitest';

import type { ReplicationBackfillStatus, ReplicationBackfillSummary } from '../../api/ecr';
import { isUnderWay, mayStop, percentDone, underWayIn } from './backfill';

const progress = (
  totalReplicationCount: number,
  completedReplicationCount: number,
  failedReplicationCount: number,
) => ({
  totalReplicationCount,
  completedReplicationCount,
  failedReplicationCount,
  failureCodes: [],
});

test.each([
  { of: progress(0, 0, 0), percent: 100 },
  { of: progress(3, 0, 0), percent: 0 },
  { of: progress(3, 1, 1), percent: 66 },
  { of: progress(1_000_000, 999_998, 1), percent: 99 },
  { of: progress(3, 1, 2), percent: 100 },
])('$of.completedReplicationCount and $of.failedReplicationCount of $of.totalReplicationCount', ({ of, percent }) => {
  expect(percentDone(of)).toBe(percent);
});

test.each<{ status: ReplicationBackfillStatus; underWay: boolean; stop: boolean }>([
  { status: 'PREPARING', underWay: true, stop: true },
  { status: 'IN_PROGRESS', underWay: true, stop: true },
  { status: 'STOPPING', underWay: true, stop: false },
  { status: 'STOPPED', underWay: false, stop: false },
  { status: 'COMPLETE', underWay: false, stop: false },
  { status: 'FAILED', underWay: false, stop: false },
])('a backfill that is $status', ({ status, underWay, stop }) => {
  expect(isUnderWay({ status })).toBe(underWay);
  expect(mayStop({ status })).toBe(stop);
});

test('a Region has one backfill at a time, whatever the account', () => {
  const backfill = (region: string, status: ReplicationBackfillStatus): ReplicationBackfillSummary => ({
    replicationBackfillId: region + status,
    destination: { registryId: '444455556666', region },
    status,
    startedAt: 1_795_456_000,
  });
  const all = [backfill('us-east-1', 'COMPLETE'), backfill('us-east-1', 'STOPPING'), backfill('us-west-2', 'FAILED')];
  expect(underWayIn(all, 'us-east-1')).toBe(all[1]);
  expect(underWayIn(all, 'us-west-2')).toBeUndefined();
});
