import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';

import type { Peer } from '../../api/twinport';
import { useMessages } from '../../i18n';

const types: Record<Peer['status'], StatusIndicatorProps.Type> = {
  REACHABLE: 'success',
  UNREACHABLE: 'error',
  UNKNOWN: 'pending',
};

/** Whether a peer answers, in two words. */
export function PeerState({ peer }: { peer: Peer }) {
  const m = useMessages().deployments;
  const type = peer.status === 'REACHABLE' && peer.failureCode ? 'warning' : types[peer.status];
  return <StatusIndicator type={type}>{m.states[peer.status]}</StatusIndicator>;
}
