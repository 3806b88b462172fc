import { useSearchParams } from 'react-router';

import { useECR } from '../../app/registry';
import { Waiting } from '../../app/Waiting';
import { ReplicationEditor } from './ReplicationEditor';

/** Edits all rules; ?rule= in the address is the number of the one to begin with, or "new". */
export function EditReplicationPage() {
  const [parameters] = useSearchParams();
  const { data, error, failureReason } = useECR('DescribeRegistry', {});
  if (!data) {
    return <Waiting error={error ?? failureReason} />;
  }
  return <ReplicationEditor current={data.replicationConfiguration.rules} begin={parameters.get('rule')} />;
}
