import type { Peer, PeerDetail } from '../api/twinport';

/** A peer as it is most of the time, but for what is given. */
export function peerOf(peer: Partial<Peer> = {}): Peer {
  return {
    peerId: `id-of-${peer.name ?? 'oregon'}`,
    name: 'oregon',
    url: 'https://oregon.example.com',
    regions: ['us-west-2'],
    servesAccount: false,
    speaksForAccount: false,
    takesAccount: true,
    status: 'REACHABLE',
    statusSince: 1_795_456_000,
    lastAnsweredAt: 1_795_456_000,
    roundTripInMillis: 98.2,
    version: 'v1.2.3',
    protocol: 1,
    inProgress: 0,
    failed: 0,
    ...peer,
  };
}

/** The same peer as operators see it. */
export function detailOf(detail: Partial<PeerDetail> = {}): PeerDetail {
  const { peerId, name, url, regions, status } = peerOf({ name: detail.name ?? 'oregon' });
  return {
    peerId,
    name,
    url: url!,
    regions,
    status,
    accounts: ['444455556666'],
    grant: { allAccounts: false, accounts: ['444455556666'] },
    source: 'JOINED',
    joinedAt: 1_795_456_000,
    outbound: false,
    ...detail,
  };
}
