import Box from '@cloudscape-design/components/box';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';

import type { Replication, ReplicationState as State } from '../../api/twinport';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { failureText } from './failureText';
import { isSending, percentSent } from './Progress';

const types: Record<State, StatusIndicatorProps.Type> = {
  IN_PROGRESS: 'in-progress',
  COMPLETE: 'success',
  FAILED: 'error',
};

/** How a replication is, how often it was tried if not once, and in a few words why it is not done. */
export function ReplicationState({ replication: r }: { replication: Replication }) {
  const m = useMessages().activity;
  const f = useFormat();
  const sending = isSending(r);
  const waits = r.status === 'IN_PROGRESS' && r.failureCode !== undefined && !sending;
  return (
    <>
      <StatusIndicator type={waits ? 'warning' : types[r.status]}>
        {waits ? m.waiting : m.states[r.status]}
      </StatusIndicator>
      <Box fontSize="body-s" color="text-body-secondary">
        {sending && <div>{m.percentSent(f.number(percentSent(r)))}</div>}
        {r.status !== 'COMPLETE' && !sending && r.failureCode && <div>{failureText(r, m)}</div>}
        {r.tries > 1 && <div>{m.triedTimes(f.number(r.tries))}</div>}
        {waits && r.nextTryAt !== undefined && <div>{m.nextTryAt(f.time(r.nextTryAt))}</div>}
      </Box>
    </>
  );
}
