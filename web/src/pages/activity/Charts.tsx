import BarChart from '@cloudscape-design/components/bar-chart';
import Box from '@cloudscape-design/components/box';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import LineChart from '@cloudscape-design/components/line-chart';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMemo, useState } from 'react';

import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Point } from './statistics';

const height = 180;

/** The shortest lag that is drawn, in milliseconds. */
const shortest = 0.1;

/** A chart is as wide as its column, not the column as wide as the chart was. */
const narrow = { minWidth: 0 };

// Dark enough in light mode and light enough in dark mode, and told apart by
// people who see colours differently.
const colours = { p50: '#688ae8', p99: '#c33d69', completed: '#2ea597', failed: '#d63f38', bytes: '#688ae8' };

/** Lag and throughput over the points' time. */
export function Charts({ points, hourly }: { points: readonly Point[]; hourly: boolean }) {
  const m = useMessages().activity;
  return (
    <ColumnLayout columns={2}>
      <div style={narrow}>
        <Box variant="h3">{m.lagChart}</Box>
        <Box variant="p" color="text-body-secondary" fontSize="body-s">
          {m.lagChartAdvice}
        </Box>
        <Box padding={{ top: 's' }}>
          <LagChart points={points} />
        </Box>
      </div>
      <div style={narrow}>
        <Box variant="h3">{m.throughputChart}</Box>
        <Box variant="p" color="text-body-secondary" fontSize="body-s">
          {m.throughputAdvice(hourly ? m.oneHour : m.twoMinutes)}
        </Box>
        <ThroughputChart points={points} />
      </div>
    </ColumnLayout>
  );
}

function useAxis(points: readonly Point[]) {
  const f = useFormat();
  return useMemo(() => {
    const times = points.map((p) => new Date(p.time * 1000));
    return { times, label: (time: Date) => f.clock(time.getTime() / 1000) };
  }, [points, f]);
}

function LagChart({ points }: { points: readonly Point[] }) {
  const m = useMessages().activity;
  const f = useFormat();
  const { times, label } = useAxis(points);
  const series = (title: string, color: string, of: (p: Point) => number | undefined) => {
    const data = points.flatMap((p, i) => {
      const lag = of(p);
      return lag === undefined ? [] : [{ x: times[i]!, y: Math.max(lag, shortest) }];
    });
    const [only, another] = data;
    if (only && !another) {
      // A line of one point would not be seen: this one is as long as an interval.
      const interval = times[1]!.getTime() - times[0]!.getTime();
      data.unshift({ ...only, x: new Date(only.x.getTime() - interval) });
    }
    return { title, color, type: 'line' as const, valueFormatter: f.duration, data };
  };
  const lines = [series(m.p50, colours.p50, (p) => p.lagP50), series(m.p99, colours.p99, (p) => p.lagP99)];
  const known = lines.some((l) => l.data.length > 0);
  const lags = lines.flatMap((l) => l.data.map((d) => d.y));
  const least = Math.min(...lags);
  const most = Math.max(...lags);
  // A missing grant makes hours of what takes milliseconds: then powers of ten,
  // at least five of them, for with fewer the axis shows what is between them.
  const wide = most / least > 1000;
  const floor = 10 ** Math.floor(Math.log10(least));
  const domain = wide ? [floor, Math.max(10 ** Math.ceil(Math.log10(most)), floor * 1e5)] : [0, most * 1.1];
  return (
    <LineChart
      series={known ? lines : []}
      xScaleType="time"
      xDomain={[times[0]!, times.at(-1)!]}
      yScaleType={wide ? 'log' : 'linear'}
      yDomain={known ? domain : [0, 1]}
      xTickFormatter={label}
      yTickFormatter={f.duration}
      xTitle={m.time}
      ariaLabel={m.lagChart}
      ariaDescription={m.lagChartAdvice}
      height={height}
      hideFilter
      empty={<NoChart />}
    />
  );
}

function ThroughputChart({ points }: { points: readonly Point[] }) {
  const m = useMessages().activity;
  const f = useFormat();
  const [measure, setMeasure] = useState<'images' | 'bytes'>('images');
  const { times, label } = useAxis(points);
  const series = (title: string, color: string, of: (p: Point) => number, format: (n: number) => string) => ({
    title,
    color,
    type: 'bar' as const,
    valueFormatter: format,
    data: points.map((p, i) => ({ x: times[i]!, y: of(p) })),
  });
  const images = [
    series(m.completedSeries, colours.completed, (p) => p.completed, f.number),
    series(m.failedSeries, colours.failed, (p) => p.failed, f.number),
  ];
  const bytes = [series(m.bytesSeries, colours.bytes, (p) => p.bytes, f.bytes)];
  const shown = measure === 'images' ? images : bytes;
  const most = Math.max(...points.map((p) => (measure === 'images' ? p.completed + p.failed : p.bytes)));
  return (
    <SpaceBetween size="xs">
      <SegmentedControl
        label={m.measure}
        selectedId={measure}
        onChange={({ detail }) => setMeasure(detail.selectedId === 'bytes' ? 'bytes' : 'images')}
        options={[
          { id: 'images', text: m.images },
          { id: 'bytes', text: m.bytes },
        ]}
      />
      <BarChart
        series={most > 0 ? shown : []}
        stackedBars
        xDomain={times}
        yDomain={[0, most * 1.1 || 1]}
        xTickFormatter={label}
        yTickFormatter={measure === 'images' ? f.number : f.bytes}
        xTitle={m.time}
        ariaLabel={m.throughputChart}
        height={height}
        hideFilter
        empty={<NoChart />}
      />
    </SpaceBetween>
  );
}

function NoChart() {
  const m = useMessages().activity;
  return (
    <Box textAlign="center" color="text-body-secondary">
      {m.noChart}
    </Box>
  );
}
