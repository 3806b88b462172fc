import Box from '@cloudscape-design/components/box';

import type { ReplicationDestination } from '../../api/ecr';
import { AccountName } from '../../app/AccountName';
import { useMessages } from '../../i18n';

/** A destination, with the deployment that serves it if that is a peer, and of what kind it is if that is given. */
export function DestinationName({
  destination: { registryId, region, peerName },
  kind,
}: {
  destination: ReplicationDestination & { peerName?: string | undefined };
  kind?: string;
}) {
  const m = useMessages().replication;
  return (
    <>
      <AccountName account={registryId} region={region} />
      {(kind || peerName) && (
        <Box fontSize="body-s" color="text-body-secondary">
          {kind && <div>{kind}</div>}
          {peerName && <div>{m.servedBy(peerName)}</div>}
        </Box>
      )}
    </>
  );
}
