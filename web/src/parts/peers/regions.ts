import type { Peer } from '../../api/twinport';

/** A Region that a destination may be in. */
export interface OfferedRegion {
  region: string;
  /** This deployment serves it. */
  here: boolean;
  /** The names of the peers that serve it. */
  peers: string[];
  /** The registry's own account is there. */
  own: boolean;
}

/** The Regions that are served, by this deployment first. */
export function offeredRegions(here: readonly string[], peers: readonly Peer[]): OfferedRegion[] {
  const offered = new Map<string, OfferedRegion>(
    here.map((region) => [region, { region, here: true, peers: [], own: true }]),
  );
  for (const peer of peers) {
    for (const region of peer.regions) {
      const known = offered.get(region) ?? { region, here: false, peers: [], own: false };
      known.peers.push(peer.name);
      known.own ||= peer.servesAccount;
      offered.set(region, known);
    }
  }
  const first = here.length;
  const all = [...offered.values()];
  return [...all.slice(0, first), ...all.slice(first).sort((a, b) => (a.region < b.region ? -1 : 1))];
}
