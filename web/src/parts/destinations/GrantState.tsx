import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';

import type { DestinationCheck, Grant } from '../../api/twinport';
import { useMessages } from '../../i18n';

const types: Record<Grant, StatusIndicatorProps.Type> = {
  GRANTED: 'success',
  NOT_GRANTED: 'error',
  DENIED: 'error',
  NO_REGISTRY: 'error',
  UNREACHABLE: 'warning',
  PEER_NOT_GRANTED: 'error',
};

/** Whether a destination allows replication, in two words. */
export function GrantState({ check, loading }: { check: DestinationCheck | undefined; loading: boolean }) {
  const m = useMessages().replication;
  if (check) {
    return <StatusIndicator type={types[check.status]}>{m.grants[check.status]}</StatusIndicator>;
  }
  return loading ? (
    <StatusIndicator type="loading">{m.checking}</StatusIndicator>
  ) : (
    <StatusIndicator type="pending">{m.notChecked}</StatusIndicator>
  );
}
