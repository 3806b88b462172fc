import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Tabs from '@cloudscape-design/components/tabs';
import { useSearchParams } from 'react-router';

import type { Direction, ReplicationState } from '../../api/twinport';
import { useConnection } from '../../app/live';
import { Problem } from '../../app/Problem';
import { useECR, useTwinport } from '../../app/registry';
import { Waiting } from '../../app/Waiting';
import { useMessages } from '../../i18n';
import { ChartSection } from './ChartSection';
import { Health } from './Health';
import { NoneIncoming, NoPush, NoRules } from './NothingYet';
import { ReplicationTable } from './ReplicationTable';
import { totalsOf } from './statistics';

const states: readonly ReplicationState[] = ['IN_PROGRESS', 'COMPLETE', 'FAILED'];

/** What is replicated now and was lately; the address says which part: ?direction=INCOMING, ?state=FAILED. */
export function ActivityPage() {
  const m = useMessages().activity;
  const [parameters, setParameters] = useSearchParams();
  const registry = useECR('DescribeRegistry', {});
  const statistics = useTwinport('GetReplicationStatistics', { period: 'HOUR' });
  const rules = registry.data?.replicationConfiguration.rules ?? [];
  const destinations = statistics.data?.destinations ?? [];
  const header = (
    <Header variant="h1" description={m.description} actions={<Connection />}>
      {m.title}
    </Header>
  );
  if (!registry.data) {
    return (
      <ContentLayout header={header}>
        <Waiting error={registry.error ?? registry.failureReason} />
      </ContentLayout>
    );
  }
  // Who replicates nothing wants to see what arrives.
  const sends = rules.length > 0 || destinations.length > 0;
  const asked = parameters.get('direction');
  const direction: Direction = asked === 'INCOMING' || (asked === null && !sends) ? 'INCOMING' : 'OUTGOING';
  const status = states.find((s) => s === parameters.get('state'));
  const show = (to: Direction, state?: ReplicationState) =>
    setParameters({ direction: to, ...(state ? { state } : {}) }, { replace: true });
  return (
    <ContentLayout header={header}>
      <SpaceBetween size="l">
        {statistics.error && !statistics.data ? (
          <Problem error={statistics.error} onRetry={() => void statistics.refetch()} />
        ) : null}
        {destinations.length > 0 && <Health destinations={destinations} rules={rules} />}
        {destinations.length > 0 && <ChartSection />}
        <Tabs
          variant="container"
          activeTabId={direction}
          onChange={({ detail }) => show(detail.activeTabId === 'INCOMING' ? 'INCOMING' : 'OUTGOING')}
          ariaLabel={m.list}
          tabs={[
            {
              id: 'OUTGOING',
              label: m.outgoing,
              content: (
                <ReplicationTable
                  direction="OUTGOING"
                  status={status}
                  setStatus={(state) => show('OUTGOING', state)}
                  totals={statistics.data && totalsOf(statistics.data)}
                  empty={rules.length > 0 ? <NoPush rules={rules} /> : <NoRules />}
                />
              ),
            },
            {
              id: 'INCOMING',
              label: m.incoming,
              content: (
                <ReplicationTable
                  direction="INCOMING"
                  status={undefined}
                  setStatus={() => {}}
                  totals={undefined}
                  empty={<NoneIncoming />}
                />
              ),
            },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Connection() {
  const m = useMessages().activity;
  switch (useConnection()) {
    case 'live':
      return <StatusIndicator>{m.live}</StatusIndicator>;
    case 'connecting':
      return <StatusIndicator type="in-progress">{m.connecting}</StatusIndicator>;
    case 'offline':
      return <StatusIndicator type="warning">{m.offline}</StatusIndicator>;
  }
}
