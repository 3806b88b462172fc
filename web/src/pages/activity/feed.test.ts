import { describe, expect, it } from 'vitest';

import type { Replication, ReplicationState } from '../../api/twinport';
import { Changes, firstPage, laterPage, pageSize } from './feed';

function replication(id: number, changedAt: number, status: ReplicationState = 'COMPLETE', tries = 1): Replication {
  return {
    replicationId: String(id),
    sourceRegistryId: '111122223333',
    sourceRegion: 'us-east-1',
    registryId: '444455556666',
    region: 'us-east-1',
    repositoryName: 'app',
    imageDigest: 'sha256:0',
    imageSizeInBytes: 1,
    imageManifestMediaType: 'application/vnd.oci.image.manifest.v1+json',
    action: 'REPLICATE',
    status,
    tries,
    pushedAt: 0,
    changedAt,
  };
}

const ids = (rows: Replication[]) => rows.map((row) => Number(row.replicationId));
const outgoing = { direction: 'OUTGOING' as const };

describe('the first page', () => {
  it('has the latest change at the top, and each replication once', () => {
    const listed = [replication(3, 30), replication(2, 20), replication(1, 10)];
    expect(ids(firstPage(listed, [replication(1, 40), replication(4, 35)], outgoing))).toEqual([1, 4, 3, 2]);
  });

  it('does not go back to what was reported before the reading', () => {
    const rows = firstPage([replication(1, 40)], [replication(1, 30, 'IN_PROGRESS')], outgoing);
    expect(rows).toEqual([replication(1, 40)]);
  });

  it('lets go of what is in another state now', () => {
    const failed = { ...outgoing, status: 'FAILED' as const };
    const listed = [replication(2, 20, 'FAILED'), replication(1, 10, 'FAILED')];
    expect(
      ids(
        firstPage(
          listed,
          [replication(2, 30, 'IN_PROGRESS'), replication(3, 31), replication(4, 32, 'FAILED')],
          failed,
        ),
      ),
    ).toEqual([4, 1]);
  });

  it('is as long as a page', () => {
    const listed = Array.from({ length: pageSize }, (_, i) => replication(100 - i, 100 - i));
    const rows = firstPage(listed, [replication(1000, 1000)], outgoing);
    expect(rows).toHaveLength(pageSize);
    expect(rows[0]!.replicationId).toBe('1000');
  });

  it('orders what changed at the same time by number', () => {
    expect(ids(firstPage([replication(9, 1), replication(10, 1), replication(8, 1)], [], outgoing))).toEqual([
      10, 9, 8,
    ]);
  });
});

describe('a later page', () => {
  it('stands still', () => {
    const listed = [replication(2, 20, 'FAILED'), replication(1, 10, 'FAILED')];
    const rows = laterPage(listed, [replication(1, 30), replication(3, 31)]);
    expect(ids(rows)).toEqual([2, 1]);
    expect(rows[1]!.status).toBe('COMPLETE');
  });
});

describe('changes', () => {
  it('are told from those before a reading', () => {
    const changes = new Changes();
    changes.add('OUTGOING', [replication(1, 10)]);
    const reading = changes.number;
    changes.add('OUTGOING', [replication(2, 20)]);
    changes.add('INCOMING', [replication(2, 21)]);
    expect(ids(changes.since(reading, 'OUTGOING'))).toEqual([2]);
    expect(ids(changes.since(0, 'OUTGOING'))).toEqual([1, 2]);
    expect(changes.since(0, 'INCOMING')[0]!.changedAt).toBe(21);
  });

  it('may be reported twice and late', () => {
    const changes = new Changes();
    changes.add('OUTGOING', [replication(1, 10, 'COMPLETE', 2)]);
    changes.add('OUTGOING', [replication(1, 10, 'COMPLETE', 2), replication(1, 9, 'IN_PROGRESS', 1)]);
    expect(changes.since(0, 'OUTGOING')).toEqual([replication(1, 10, 'COMPLETE', 2)]);
  });

  it('are bounded, and say so', () => {
    const changes = new Changes();
    changes.add(
      'OUTGOING',
      Array.from({ length: 1000 }, (_, i) => replication(i, i)),
    );
    expect(changes.knownSince(0)).toBe(true);
    changes.add('OUTGOING', [replication(1000, 1000)]);
    expect(changes.knownSince(0)).toBe(false);
    expect(changes.knownSince(1)).toBe(true);
    const kept = ids(changes.since(0, 'OUTGOING'));
    expect(kept).toHaveLength(1000);
    expect(kept).not.toContain(0);
    expect(kept).toContain(1000);
  });
});
