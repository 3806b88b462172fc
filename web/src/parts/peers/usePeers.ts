import { useTwinport } from '../../app/registry';

/** Peers are asked for their state this often, in seconds: nobody notifies the console of it. */
const every = 5;

/** The deployments that this one replicates with; with follow, as they are now. */
export function usePeers({ follow = false } = {}) {
  return useTwinport('ListPeers', {}, follow ? { every } : {});
}
