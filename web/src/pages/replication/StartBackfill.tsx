import Button from '@cloudscape-design/components/button';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { ecr } from '../../api/client';
import type { ReplicationDestination } from '../../api/ecr';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { ActionDialog } from '../../parts/ActionDialog';
import { underWayIn, useBackfills } from './backfill';

/** Replicates to a destination what is here already, after asking. */
export function StartBackfill({ destination }: { destination: ReplicationDestination }) {
  const { backfills: m, replication } = useMessages();
  const registry = useRegistry();
  const reread = useReread();
  const notify = useNotify();
  const [asking, setAsking] = useState(false);
  const { data } = useBackfills();
  const underWay = underWayIn(data?.backfills ?? [], destination.region);
  const place = replication.place(destination.registryId, destination.region);
  const start = useMutation({
    mutationFn: () =>
      ecr(registry, 'StartReplicationBackfill', {
        destination: { registryId: destination.registryId, region: destination.region },
      }),
    onSuccess: () => {
      notify({ type: 'success', header: m.started });
      setAsking(false);
    },
    onSettled: () => reread(registry, 'ListReplicationBackfills'),
  });
  const ask = () => {
    start.reset();
    setAsking(true);
  };
  return (
    <>
      <Button
        ariaLabel={m.startFor(place)}
        disabled={underWay !== undefined}
        disabledReason={m.underWay(destination.region)}
        onClick={ask}
      >
        {m.start}
      </Button>
      {asking && (
        <ActionDialog
          header={m.startTitle(place)}
          action={m.confirm}
          error={start.error}
          pending={start.isPending}
          onAction={() => start.mutate()}
          onClose={() => setAsking(false)}
        >
          <div>{m.startAdvice}</div>
        </ActionDialog>
      )}
    </>
  );
}
