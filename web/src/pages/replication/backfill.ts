// How far backfills are.

import type { ReplicationBackfillProgress, ReplicationBackfillStatus, ReplicationBackfillSummary } from '../../api/ecr';
import { useECR } from '../../app/registry';

/** While backfills are under way they are read again this often, in seconds; else, others may begin one. */
const every = { underWay: 2, none: 30 };

const pageSize = 10;

/** Whether a backfill has not ended: it keeps others from its Region. */
export function isUnderWay({ status }: { status: ReplicationBackfillStatus }): boolean {
  return status === 'PREPARING' || status === 'IN_PROGRESS' || status === 'STOPPING';
}

/** Whether a backfill may be stopped. */
export function mayStop({ status }: { status: ReplicationBackfillStatus }): boolean {
  return status === 'PREPARING' || status === 'IN_PROGRESS';
}

/** How many of a backfill's images have ended, well or not. */
export function doneOf(p: ReplicationBackfillProgress): number {
  return p.completedReplicationCount + p.failedReplicationCount;
}

/** How much of a backfill is done; not all before its last image is, and all where there are none. */
export function percentDone(p: ReplicationBackfillProgress): number {
  return p.totalReplicationCount === 0 ? 100 : Math.floor((100 * doneOf(p)) / p.totalReplicationCount);
}

/** The backfill that keeps another from beginning in a Region, if there is one. */
export function underWayIn(
  backfills: readonly ReplicationBackfillSummary[],
  region: string,
): ReplicationBackfillSummary | undefined {
  return backfills.find((b) => isUnderWay(b) && b.destination.region === region);
}

/** A page of the registry's backfills, as they are: the first without a token. */
export function useBackfills(nextToken?: string) {
  return useECR(
    'ListReplicationBackfills',
    { maxResults: pageSize, ...(nextToken === undefined ? {} : { nextToken }) },
    { keep: true, every: (answer) => (answer?.backfills.some(isUnderWay) ? every.underWay : every.none) },
  );
}
