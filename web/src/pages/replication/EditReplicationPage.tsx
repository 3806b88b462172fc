import { useSearchParams } from 'react-router';

import { useECR } from '../../app/registry';
import { Waiting } from '../../app/Waiting';
import { usePeers } from '../../parts/peers/usePeers';
import { ReplicationEditor } from './ReplicationEditor';

/** Edits all rules; ?rule= in the address is the number of the one to begin with, or "new". */
export function EditReplicationPage() {
  const [parameters] = useSearchParams();
  const { data, error, failureReason } = useECR('DescribeRegistry', {});
  const peers = usePeers();
  if (!data || !peers.data) {
    return <Waiting error={error ?? failureReason ?? peers.error ?? peers.failureReason} />;
  }
  return (
    <ReplicationEditor
      current={data.replicationConfiguration.rules}
      peers={peers.data.peers}
      begin={parameters.get('rule')}
    />
  );
}
