import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { lazy, Suspense, useMemo, useState } from 'react';

import { loadCode } from '../../app/code';
import { Problem } from '../../app/Problem';
import { useTwinport } from '../../app/registry';
import { useNow } from '../../app/now';
import { useMessages } from '../../i18n';
import { destinationKey } from '../../parts/destinations/destinationChecks';
import { pointsOf } from './statistics';

const Charts = lazy(async () => ({ default: await loadCode(async () => (await import('./Charts')).Charts, reload) }));

function reload(): boolean {
  location.reload();
  return true;
}

type Period = 'HOUR' | 'DAY';

const lengths: Record<Period, number> = { HOUR: 3600, DAY: 86_400 };

/** Every destination together. */
const all = 'all';

/** The charts, and which time and destination they show. */
export function ChartSection() {
  const { activity: m, replication: words } = useMessages();
  const [period, setPeriod] = useState<Period>('HOUR');
  const [chosen, setChosen] = useState(all);
  const { data, error, refetch } = useTwinport('GetReplicationStatistics', { period }, { keep: true });
  const now = useNow(10); // the charts move on while nothing happens
  const destinations = data?.destinations ?? [];
  const options = [
    { value: all, label: m.allDestinations },
    ...destinations.map((d) => ({ value: destinationKey(d), label: words.place(d.registryId, d.region) })),
  ];
  const option = options.find((o) => o.value === chosen) ?? options[0]!;
  const answered = data?.intervalInSeconds ?? 60;
  const interval = answered === 60 ? 120 : 3600; // a phone has room for thirty bars or so
  const length = lengths[answered === 60 ? 'HOUR' : 'DAY']; // of what is there: the other period may still be on its way
  const at = Math.floor(now / interval) * interval;
  const points = useMemo(
    () =>
      pointsOf(
        (data?.destinations ?? []).filter((d) => option.value === all || destinationKey(d) === option.value),
        { length, interval, now: Math.max(at, (data?.endTime ?? 0) - interval) }, // the server's clock may be ahead
      ),
    [data, option.value, length, interval, at],
  );
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Select
                selectedOption={option}
                options={options}
                onChange={({ detail }) => setChosen(detail.selectedOption.value ?? all)}
                ariaLabel={m.ofDestination}
                expandToViewport
              />
              <SegmentedControl
                label={m.period}
                selectedId={period}
                onChange={({ detail }) => setPeriod(detail.selectedId === 'DAY' ? 'DAY' : 'HOUR')}
                options={[
                  { id: 'HOUR', text: m.hour },
                  { id: 'DAY', text: m.day },
                ]}
              />
            </SpaceBetween>
          }
        >
          {m.charts}
        </Header>
      }
    >
      {error && !data ? <Problem error={error} onRetry={() => void refetch()} /> : null}
      <Suspense
        fallback={
          <Box textAlign="center" padding="xxl">
            <Spinner size="large" />
          </Box>
        }
      >
        <Charts points={points} hourly={answered > 60} />
      </Suspense>
    </Container>
  );
}
