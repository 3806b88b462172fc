import { describe, expect, it } from 'vitest';

import type { DestinationStatistics, StatisticsInterval } from '../../api/twinport';
import { lagPercentile, pointsOf } from './statistics';

function interval(time: number, completed: number, p50: number, p99: number, max = p99): StatisticsInterval {
  return {
    time,
    completed,
    failed: 1,
    bytes: completed * 10,
    lagP50InMillis: p50,
    lagP99InMillis: p99,
    lagMaxInMillis: max,
  };
}

function destination(...intervals: StatisticsInterval[]): DestinationStatistics {
  return { registryId: '444455556666', region: 'us-east-1', inRules: true, inProgress: 0, failed: 0, intervals };
}

describe('percentiles of lags', () => {
  it('of one interval are its own', () => {
    expect(lagPercentile([interval(0, 10, 2, 30, 40)], 0.5)).toBeCloseTo(2, 2);
    expect(lagPercentile([interval(0, 10, 2, 30, 40)], 0.99)).toBeCloseTo(30, 1);
  });

  it('count each replication the same', () => {
    const quick = interval(0, 990, 1, 2);
    const slow = interval(60, 10, 1000, 2000);
    expect(lagPercentile([quick, slow], 0.5)).toBeLessThan(1.2);
    expect(lagPercentile([quick, slow], 0.995)).toBeGreaterThan(500);
    expect(lagPercentile([quick, { ...slow, completed: 990 }], 0.75)).toBeGreaterThan(500);
  });

  it('are not known where nothing was completed', () => {
    expect(lagPercentile([], 0.5)).toBeUndefined();
    expect(lagPercentile([interval(0, 0, 0, 0)], 0.5)).toBeUndefined();
  });

  it('stand lags of zero', () => {
    expect(lagPercentile([interval(0, 5, 0, 0)], 0.99)).toBe(0);
  });
});

describe('points of the charts', () => {
  it('are there for each interval, empty ones too', () => {
    const points = pointsOf([destination(interval(7140, 3, 1, 2))], { length: 3600, interval: 60, now: 7210 });
    expect(points).toHaveLength(60);
    expect(points.at(-1)).toEqual({ time: 7200, completed: 0, failed: 0, bytes: 0 });
    expect(points.at(-2)).toMatchObject({ time: 7140, completed: 3, failed: 1, bytes: 30 });
    expect(points[0]!.time).toBe(7200 - 59 * 60);
  });

  it('add destinations up', () => {
    const points = pointsOf([destination(interval(7200, 3, 1, 2)), destination(interval(7200, 4, 5, 6))], {
      length: 3600,
      interval: 60,
      now: 7210,
    });
    expect(points.at(-1)).toMatchObject({ completed: 7, failed: 2, bytes: 70 });
    expect(points.at(-1)!.lagP99).toBeGreaterThan(4);
  });

  it('leave out what is too old', () => {
    const points = pointsOf([destination(interval(60, 3, 1, 2))], { length: 3600, interval: 60, now: 7210 });
    expect(points.every((p) => p.completed === 0)).toBe(true);
  });
});
