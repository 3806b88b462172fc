// What the statistics of a period say: percentiles of several intervals and
// destinations together, and the series of the charts.

import type { DestinationStatistics, Statistics, StatisticsInterval } from '../../api/twinport';

/** The share of an interval's replications that took at most the lag: a line through what is known of it. */
function share(interval: StatisticsInterval, lag: number): number {
  const points: [number, number][] = [
    [0, 0],
    [interval.lagP50InMillis, 0.5],
    [interval.lagP99InMillis, 0.99],
    [interval.lagMaxInMillis, 1],
  ];
  for (let i = 1; i < points.length; i++) {
    const [from, low] = points[i - 1]!;
    const [to, high] = points[i]!;
    if (lag < to) {
      return low + ((high - low) * (lag - from)) / (to - from);
    }
  }
  return 1;
}

/**
 * The lag, in milliseconds, that a share of all intervals' replications took at
 * most; undefined if none was completed. An estimate: of each interval only the
 * median, the 99th percentile and the greatest lag are known.
 */
export function lagPercentile(intervals: readonly StatisticsInterval[], wanted: number): number | undefined {
  const ended = intervals.filter((i) => i.completed > 0);
  const total = ended.reduce((sum, i) => sum + i.completed, 0);
  if (total === 0) {
    return undefined;
  }
  let low = 0;
  let high = Math.max(...ended.map((i) => i.lagMaxInMillis));
  for (let n = 0; n < 40 && high - low > low * 1e-4; n++) {
    const middle = (low + high) / 2;
    if (ended.reduce((sum, i) => sum + i.completed * share(i, middle), 0) < wanted * total) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return high;
}

/** One point of the charts: an interval of the period, over all destinations that are shown. */
export interface Point {
  /** When the interval began, seconds since 1970. */
  time: number;
  completed: number;
  failed: number;
  bytes: number;
  /** Missing where nothing was completed. */
  lagP50?: number;
  lagP99?: number;
}

/** A point for every interval from the first to the one that now falls into, empty ones too. */
export function pointsOf(
  destinations: readonly DestinationStatistics[],
  period: { length: number; interval: number; now: number },
): Point[] {
  const byTime = new Map<number, StatisticsInterval[]>();
  for (const interval of destinations.flatMap((d) => d.intervals)) {
    const time = Math.floor(interval.time / period.interval) * period.interval;
    byTime.set(time, [...(byTime.get(time) ?? []), interval]);
  }
  const last = Math.floor(period.now / period.interval) * period.interval;
  const points: Point[] = [];
  for (let time = last - period.length + period.interval; time <= last; time += period.interval) {
    const there = byTime.get(time) ?? [];
    const sum = (of: (i: StatisticsInterval) => number) => there.reduce((total, i) => total + of(i), 0);
    const point: Point = {
      time,
      completed: sum((i) => i.completed),
      failed: sum((i) => i.failed),
      bytes: sum((i) => i.bytes),
    };
    const lagP50 = lagPercentile(there, 0.5);
    const lagP99 = lagPercentile(there, 0.99);
    points.push(lagP50 === undefined || lagP99 === undefined ? point : { ...point, lagP50, lagP99 });
  }
  return points;
}

export interface Totals {
  inProgress: number;
  failed: number;
}

/** What is in progress and what has failed now, to all destinations. */
export function totalsOf(statistics: Statistics): Totals {
  return statistics.destinations.reduce(
    (sum, d) => ({ inProgress: sum.inProgress + d.inProgress, failed: sum.failed + d.failed }),
    { inProgress: 0, failed: 0 },
  );
}

/** The server counts no further. */
export const countedUpTo = 10_000;
