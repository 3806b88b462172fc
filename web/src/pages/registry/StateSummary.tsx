import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { ReactNode } from 'react';

import { PageLink } from '../../app/PageLink';
import { pagePath, useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { RuleDestination } from './destinations';
import type { Permitted } from './permitted';

interface Props {
  rows: RuleDestination[] | undefined;
  permitted: Permitted[] | undefined;
}

/** The whole at a glance: each is on, missing or failing. */
export function StateSummary({ rows, permitted }: Props) {
  const m = useMessages().registry;
  return (
    <Container header={<Header variant="h2">{m.state}</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { label: m.replication, value: <Known of={rows}>{(r) => <Replication rows={r} />}</Known> },
          { label: m.destinations, value: <Known of={rows}>{(r) => <Grants rows={r} />}</Known> },
          { label: m.failures, value: <Known of={rows}>{(r) => <Failures rows={r} />}</Known> },
          { label: m.incoming, value: <Known of={permitted}>{(p) => <Incoming permitted={p} />}</Known> },
        ]}
      />
    </Container>
  );
}

function Known<T>({ of, children }: { of: T | undefined; children: (known: T) => ReactNode }) {
  const m = useMessages().shell;
  return of === undefined ? <StatusIndicator type="loading">{m.loading}</StatusIndicator> : children(of);
}

function Replication({ rows }: { rows: RuleDestination[] }) {
  const m = useMessages().registry;
  return rows.length === 0 ? <StatusIndicator type="stopped">{m.off}</StatusIndicator> : <StatusIndicator>{m.on(new Set(rows.map((r) => r.rule)).size)}</StatusIndicator>;
}

function Grants({ rows }: { rows: RuleDestination[] }) {
  const m = useMessages().registry;
  if (rows.length === 0) {
    return '–';
  }
  if (rows.some((r) => !r.check)) {
    return <StatusIndicator type="loading">{m.checking}</StatusIndicator>;
  }
  const granted = rows.filter((r) => r.check!.status === 'GRANTED' || r.check!.status === 'NO_CREATION').length;
  return <StatusIndicator type={granted === rows.length ? 'success' : 'warning'}>{m.grantedOf(granted, rows.length)}</StatusIndicator>;
}

function Failures({ rows }: { rows: RuleDestination[] }) {
  const m = useMessages().registry;
  const format = useFormat();
  const registry = useRegistry();
  if (rows.some((r) => !r.statistics)) {
    return <StatusIndicator type="loading">{m.checking}</StatusIndicator>;
  }
  // A destination of several rules is counted once.
  const failed = [...new Map(rows.map((r) => [`${r.registryId}/${r.region}`, r.statistics!.failed])).values()].reduce((sum, n) => sum + n, 0);
  if (failed === 0) {
    return <StatusIndicator>{m.noFailures}</StatusIndicator>;
  }
  return (
    <StatusIndicator type="error">
      <PageLink to={pagePath(registry, 'activity?state=FAILED')} ariaLabel={m.showFailed(format.number(failed))}>{format.number(failed)}</PageLink>
    </StatusIndicator>
  );
}

function Incoming({ permitted }: { permitted: Permitted[] }) {
  const m = useMessages().registry;
  const accounts = new Set(permitted.filter((p) => p.effect === 'Allow' && p.replicates).flatMap((p) => p.principals));
  return accounts.size === 0 ? <StatusIndicator type="stopped">{m.ownOnly}</StatusIndicator> : <StatusIndicator>{m.allowedFor(accounts.size)}</StatusIndicator>;
}
