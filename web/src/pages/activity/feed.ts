// A page of the list of replications, kept as it is by the events that follow.

import type { Direction, Replication, ReplicationState } from '../../api/twinport';

/** What of the registry's replications is shown. */
export interface Selection {
  direction: Direction;
  /** Every state if missing. */
  status?: ReplicationState | undefined;
}

/** Rows of one page. */
export const pageSize = 50;

/** How many changes are kept for what is on the screen; where more were reported since the reading, it is read again. */
const maxChanges = 1000;

/** Counts the changes that were reported, so that those before a reading can be told from those after it. */
export class Changes {
  private readonly latest = new Map<string, { row: Replication; number: number; direction: Direction }>();
  private count = 0;
  private dropped = 0;

  /** The number of the last change. */
  get number(): number {
    return this.count;
  }

  /** Whether every change after the number is still known. */
  knownSince(number: number): boolean {
    return this.dropped <= number;
  }

  add(direction: Direction, rows: readonly Replication[]): void {
    for (const row of rows) {
      const key = `${direction} ${row.replicationId}`;
      const before = this.latest.get(key);
      this.latest.delete(key); // the map keeps the order of the latest changes
      this.latest.set(key, {
        row: before && !newer(row, before.row) ? before.row : row,
        number: ++this.count,
        direction,
      });
    }
    for (const [key, change] of this.latest) {
      if (this.latest.size <= maxChanges) {
        break;
      }
      this.latest.delete(key);
      this.dropped = change.number;
    }
  }

  /** The latest that was reported of a replication, or the row itself. */
  latestOf(direction: Direction, row: Replication): Replication {
    const change = this.latest.get(`${direction} ${row.replicationId}`);
    return change && newer(change.row, row) ? change.row : row;
  }

  /** The changes of a direction that were reported after the number. */
  since(number: number, direction: Direction): Replication[] {
    const rows: Replication[] = [];
    for (const change of this.latest.values()) {
      if (change.number > number && change.direction === direction) {
        rows.push(change.row);
      }
    }
    return rows;
  }
}

/** Whether a has a later state of a replication than b. */
export function newer(a: Replication, b: Replication): boolean {
  return a.changedAt > b.changedAt || (a.changedAt === b.changedAt && a.tries >= b.tries);
}

/** The order of the list: the latest changed first. */
export function inOrder(a: Replication, b: Replication): number {
  return (
    b.changedAt - a.changedAt ||
    b.replicationId.length - a.replicationId.length ||
    (b.replicationId > a.replicationId ? 1 : -1)
  );
}

/** The first page as it is after the changes: what changed comes to the top, what is not selected any more goes. */
export function firstPage(
  listed: readonly Replication[],
  changes: readonly Replication[],
  { status }: Selection,
): Replication[] {
  const rows = new Map(listed.map((row) => [row.replicationId, row]));
  for (const change of changes) {
    const row = rows.get(change.replicationId);
    if (!row || newer(change, row)) {
      rows.set(change.replicationId, change);
    }
  }
  return [...rows.values()]
    .filter((row) => status === undefined || row.status === status)
    .sort(inOrder)
    .slice(0, pageSize);
}

/** A later page stands still while it is read: its rows change where they are. */
export function laterPage(listed: readonly Replication[], changes: readonly Replication[]): Replication[] {
  const changed = new Map(changes.map((row) => [row.replicationId, row]));
  return listed.map((row) => {
    const change = changed.get(row.replicationId);
    return change && newer(change, row) ? change : row;
  });
}
