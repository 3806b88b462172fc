import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Popover from '@cloudscape-design/components/popover';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';

import type { Replication } from '../../../api/twinport';
import { useMessages } from '../../../i18n';
import { useFormat } from '../../../i18n/format';
import { failureText } from '../../../parts/replications/failureText';
import { ReplicationDetail } from '../../../parts/replications/ReplicationDetail';

/**
 * How the replication of an image to one destination stands: when and with which lag, or why not, and more on a click.
 */
export function ReplicationCell({ replication }: { replication: Replication | undefined }) {
  const m = useMessages().images;
  const [open, setOpen] = useState(false);
  if (!replication) {
    return (
      <Popover triggerType="text" header={m.notReplicated} content={m.notReplicatedReason} renderWithPortal>
        <StatusIndicator type="stopped">{m.notReplicated}</StatusIndicator>
      </Popover>
    );
  }
  return (
    <>
      <State replication={replication} onOpen={() => setOpen(true)} />
      {open && <ReplicationDetail replication={replication} direction="OUTGOING" onClose={() => setOpen(false)} />}
    </>
  );
}

function State({ replication, onOpen }: { replication: Replication; onOpen: () => void }) {
  const { images: m, activity } = useMessages();
  const format = useFormat();
  const { status, finishedAt, lagInMillis } = replication;
  if (status === 'COMPLETE') {
    return (
      <>
        <StatusIndicator>
          {lagInMillis === undefined ? m.complete : m.after(format.duration(lagInMillis))}
        </StatusIndicator>
        {finishedAt !== undefined && (
          <Box color="text-body-secondary" fontSize="body-s">
            {format.dateTime(finishedAt)}
          </Box>
        )}
      </>
    );
  }
  const why = failureText(replication, activity);
  return (
    <>
      <StatusIndicator type={status === 'FAILED' ? 'error' : 'in-progress'}>
        <Button variant="inline-link" onClick={onOpen}>
          {status === 'FAILED' ? m.failed : m.inProgress}
        </Button>
      </StatusIndicator>
      {why && (
        <Box color="text-body-secondary" fontSize="body-s">
          {why}
        </Box>
      )}
    </>
  );
}
