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
  /** Something could not be read, and will not be: what is not known stays so. */
  failed: boolean;
}

/** The whole at a glance: each is on, missing or failing. */
export function StateSummary({ rows, permitted, failed }: Props) {
  const m = useMessages().registry;
  const checks = rows?.every((r) => r.check) ? rows : undefined;
  const statistics = rows?.every((r) => r.statistics) ? rows : undefined;
  return (
    <Container header={<Header variant="h2">{m.state}</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          {
            label: m.replication,
            value: (
              <Known of={rows} failed={failed}>
                {(r) => <Replication rows={r} />}
              </Known>
            ),
          },
          {
            label: m.destinations,
            value: (
              <Known of={checks} failed={failed}>
                {(r) => <Grants rows={r} />}
              </Known>
            ),
          },
          {
            label: m.failures,
            value: (
              <Known of={statistics} failed={failed}>
                {(r) => <Failures rows={r} />}
              </Known>
            ),
          },
          {
            label: m.incoming,
            value: (
              <Known of={permitted} failed={failed}>
                {(p) => <Incoming permitted={p} />}
              </Known>
            ),
          },
        ]}
      />
    </Container>
  );
}

function Known<T>({ of, failed, children }: { of: T | undefined; failed: boolean; children: (known: T) => ReactNode }) {
  const m = useMessages().shell;
  if (of !== undefined) {
    return children(of);
  }
  return failed ? '–' : <StatusIndicator type="loading">{m.loading}</StatusIndicator>;
}

function Replication({ rows }: { rows: RuleDestination[] }) {
  const m = useMessages().registry;
  return rows.length === 0 ? (
    <StatusIndicator type="stopped">{m.off}</StatusIndicator>
  ) : (
    <StatusIndicator>{m.on(new Set(rows.map((r) => r.rule)).size)}</StatusIndicator>
  );
}

function Grants({ rows }: { rows: RuleDestination[] }) {
  const m = useMessages().registry;
  if (rows.length === 0) {
    return '–';
  }
  const granted = rows.filter((r) => r.check!.status === 'GRANTED').length;
  return (
    <StatusIndicator type={granted === rows.length ? 'success' : 'warning'}>
      {m.grantedOf(granted, rows.length)}
    </StatusIndicator>
  );
}

function Failures({ rows }: { rows: RuleDestination[] }) {
  const m = useMessages().registry;
  const format = useFormat();
  const registry = useRegistry();
  // A destination of several rules is counted once.
  const failed = [...new Map(rows.map((r) => [`${r.registryId}/${r.region}`, r.statistics!.failed])).values()].reduce(
    (sum, n) => sum + n,
    0,
  );
  if (failed === 0) {
    return <StatusIndicator>{m.noFailures}</StatusIndicator>;
  }
  return (
    <StatusIndicator type="error">
      <PageLink to={pagePath(registry, 'activity?state=FAILED')} ariaLabel={m.showFailed(format.number(failed))}>
        {format.number(failed)}
      </PageLink>
    </StatusIndicator>
  );
}

function Incoming({ permitted }: { permitted: Permitted[] }) {
  const m = useMessages().registry;
  const accounts = new Set(permitted.filter((p) => p.effect === 'Allow' && p.replicates).flatMap((p) => p.principals));
  return accounts.size === 0 ? (
    <StatusIndicator type="stopped">{m.ownOnly}</StatusIndicator>
  ) : (
    <StatusIndicator>{m.allowedFor(accounts.size)}</StatusIndicator>
  );
}
