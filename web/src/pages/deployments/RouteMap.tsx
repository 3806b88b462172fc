import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import type { ReactNode } from 'react';

import type { Peer } from '../../api/twinport';
import { AccountName } from '../../app/AccountName';
import { Empty } from '../../app/Empty';
import { useNow } from '../../app/now';
import { PageButton, PageLink } from '../../app/PageLink';
import { Problem } from '../../app/Problem';
import { pagePath, useECR, useRegistry, useTwinport } from '../../app/registry';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { destinationKey, useDestinationChecks, worstCheck } from '../../parts/destinations/destinationChecks';
import { GrantState } from '../../parts/destinations/GrantState';
import { mapOf, type MapDestination, type MapGroup, type WayState } from './map';
import { PeerState } from './PeerState';
import './map.css';

const types: Record<WayState, StatusIndicatorProps.Type> = {
  good: 'success',
  unknown: 'loading',
  away: 'warning',
  refused: 'error',
};

/** A picture of where the registry's images go, by deployment; to a screen reader it is a list of lists. */
export function RouteMap({ peers }: { peers: readonly Peer[] }) {
  const m = useMessages().deployments;
  const registry = useRegistry();
  const described = useECR('DescribeRegistry', {});
  const rules = described.data?.replicationConfiguration.rules ?? [];
  const checks = useDestinationChecks(rules);
  const statistics = useTwinport('GetReplicationStatistics', { period: 'HOUR' });
  const groups = mapOf(
    rules,
    (d) => worstCheck(checks, d),
    statistics.data?.destinations ?? [],
    registry.regions,
    peers,
  );
  const loading = checks.some((c) => c.loading);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={m.mapAdvice}
          actions={<PageButton to={pagePath(registry, 'replication')}>{m.editRules}</PageButton>}
        >
          {m.map}
        </Header>
      }
    >
      <Problem error={described.error ?? checks.find((c) => c.error)?.error} />
      {described.data && groups.length === 0 && (
        <Empty
          title={m.noRules}
          advice={m.noRulesAdvice}
          action={<PageButton to={pagePath(registry, 'replication/edit')}>{m.setUp}</PageButton>}
        />
      )}
      {groups.length > 0 && (
        <div className="route-map">
          <Source />
          <ul className="route-map-groups" aria-label={m.replicatesTo}>
            {groups.map((group) => (
              <li key={`${group.served} ${group.name}`} className={`route-map-way route-map-${group.state}`}>
                <Group group={group} loading={loading} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </Container>
  );
}

/** The registry itself, in its deployment. */
function Source() {
  const m = useMessages().deployments;
  const { account, region } = useRegistry();
  const name = useTwinport('DescribeDeployment', {}).data?.deploymentName;
  return (
    <div className="route-map-source">
      <div className="route-map-box">
        <Box variant="awsui-key-label">{m.thisRegistry}</Box>
        <AccountName account={account} region={region} />
        {name && (
          <Box fontSize="body-s" color="text-body-secondary">
            {m.inDeployment(name)}
          </Box>
        )}
      </div>
    </div>
  );
}

function Group({ group, loading }: { group: MapGroup; loading: boolean }) {
  const m = useMessages().deployments;
  const f = useFormat();
  const names: Record<MapGroup['served'], string> = {
    here: m.here,
    peer: group.name,
    nowhere: m.nowhere,
    unknown: m.unknown,
  };
  const { peer } = group;
  return (
    <div className="route-map-box">
      <div className="route-map-head">
        <Box variant="h3" padding="n">
          {names[group.served]}
        </Box>
        <StatusIndicator type={types[group.state]}>{m.ways[group.state]}</StatusIndicator>
        {peer && (
          <Box fontSize="body-s" color="text-body-secondary">
            <PeerState peer={peer} />
            {peer.status === 'REACHABLE' && peer.roundTripInMillis !== undefined && (
              <> {f.duration(peer.roundTripInMillis)}</>
            )}
          </Box>
        )}
      </div>
      <ul className="route-map-destinations">
        {group.destinations.map((d) => (
          <li key={destinationKey(d)}>
            <Destination destination={d} loading={loading} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Destination({ destination: d, loading }: { destination: MapDestination; loading: boolean }) {
  const { deployments: m } = useMessages();
  const f = useFormat();
  const registry = useRegistry();
  const now = useNow(5);
  const { statistics: s } = d;
  const facts: ReactNode[] = [
    d.prefixes.length === 0 ? m.allRepositories : f.list(d.prefixes.map((prefix) => `${prefix}*`)),
  ];
  if (s) {
    facts.push(s.lastCompletedAt === undefined ? m.neverDone : m.lastDone(f.ago(s.lastCompletedAt, now)));
    if (s.inProgress > 0) {
      facts.push(m.waitingCount(f.number(s.inProgress)));
    }
    if (s.failed > 0) {
      facts.push(
        <PageLink to={pagePath(registry, 'activity?state=FAILED')} fontSize="body-s">
          {m.failedCount(f.number(s.failed))}
        </PageLink>,
      );
    }
  }
  return (
    <>
      <div className="route-map-head">
        <AccountName account={d.registryId} region={d.region} />
        <GrantState check={d.check} loading={loading} />
      </div>
      <Box fontSize="body-s" color="text-body-secondary">
        <span className="route-map-facts">
          {facts.map((fact, i) => (
            <span key={i}>{fact}</span>
          ))}
        </span>
      </Box>
    </>
  );
}
