// Who replicates where: the destinations of a registry's rules, by the deployment that serves them.

import type { ReplicationDestination, ReplicationRule } from '../../api/ecr';
import type { DestinationCheck, DestinationStatistics, Peer } from '../../api/twinport';
import { destinationKey } from '../../parts/destinations/destinationChecks';

export interface MapDestination extends ReplicationDestination {
  /** What the names of the repositories begin with that go there; none: all go. */
  prefixes: string[];
  check: DestinationCheck | undefined;
  statistics: DestinationStatistics | undefined;
}

/** How a way is: the worst of what is known of it. */
export type WayState = 'good' | 'unknown' | 'away' | 'refused';

export interface MapGroup {
  /** Who serves the destinations: this deployment, a peer, nobody, or it is not known yet. */
  served: 'here' | 'peer' | 'nowhere' | 'unknown';
  /** Of the peer. */
  name: string;
  /** Undefined unless a peer serves them. */
  peer: Peer | undefined;
  state: WayState;
  destinations: MapDestination[];
}

/** The destinations of rules, each once, with what is known of them. */
function destinationsOf(
  rules: readonly ReplicationRule[],
  checkOf: (destination: ReplicationDestination) => DestinationCheck | undefined,
  statistics: readonly DestinationStatistics[],
): MapDestination[] {
  const known = new Map(statistics.map((s) => [destinationKey(s), s]));
  const all = new Map<string, MapDestination>();
  const whole = new Set<string>(); // of which all repositories go there
  for (const rule of rules) {
    for (const d of rule.destinations) {
      const key = destinationKey(d);
      const destination = all.get(key) ?? { ...d, prefixes: [], check: checkOf(d), statistics: known.get(key) };
      const filters = (rule.repositoryFilters ?? []).map((f) => f.filter);
      if (filters.length === 0) {
        whole.add(key);
      }
      destination.prefixes = whole.has(key) ? [] : [...new Set([...destination.prefixes, ...filters])];
      all.set(key, destination);
    }
  }
  return [...all.values()];
}

function servedBy(
  { region, check, statistics }: MapDestination,
  here: readonly string[],
  peers: readonly Peer[],
): Pick<MapGroup, 'served' | 'name' | 'peer'> {
  const name = check?.peerName ?? statistics?.peerName;
  if (name !== undefined) {
    return { served: 'peer', name, peer: peers.find((p) => p.name === name) };
  }
  if (check?.status === 'NO_REGISTRY') {
    return { served: 'nowhere', name: '', peer: undefined };
  }
  return { served: check || here.includes(region) ? 'here' : 'unknown', name: '', peer: undefined };
}

const severity: readonly WayState[] = ['good', 'unknown', 'away', 'refused'];

function stateOf({ check }: MapDestination, peer: Peer | undefined): WayState {
  switch (check?.status) {
    case undefined:
      return peer?.status === 'UNREACHABLE' ? 'away' : 'unknown';
    case 'GRANTED':
      return peer?.status === 'UNREACHABLE' ? 'away' : 'good';
    case 'UNREACHABLE':
      return 'away';
    default:
      return 'refused';
  }
}

const order: readonly MapGroup['served'][] = ['here', 'peer', 'unknown', 'nowhere'];

/** The destinations in groups: this deployment's first, then those of peers by their names. */
export function mapOf(
  rules: readonly ReplicationRule[],
  checkOf: (destination: ReplicationDestination) => DestinationCheck | undefined,
  statistics: readonly DestinationStatistics[],
  here: readonly string[],
  peers: readonly Peer[],
): MapGroup[] {
  const groups = new Map<string, MapGroup>();
  for (const destination of destinationsOf(rules, checkOf, statistics)) {
    const by = servedBy(destination, here, peers);
    const key = `${by.served} ${by.name}`;
    const group = groups.get(key) ?? { ...by, state: 'good', destinations: [] };
    const state = stateOf(destination, by.peer);
    if (severity.indexOf(state) > severity.indexOf(group.state)) {
      group.state = state;
    }
    group.destinations.push(destination);
    groups.set(key, group);
  }
  return [...groups.values()].sort(
    (a, b) => order.indexOf(a.served) - order.indexOf(b.served) || (a.name < b.name ? -1 : 1),
  );
}
