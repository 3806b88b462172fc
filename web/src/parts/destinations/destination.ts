import type { ReplicationDestination } from '../../api/ecr';
import { useRegistry } from '../../app/registry';

/** Names a destination for people: an account that is signed in has its name, the registry's own has none. */
export function useDestinationName(): (destination: ReplicationDestination) => string {
  const { account, sessions } = useRegistry();
  return ({ registryId, region }) => {
    if (registryId === account) {
      return region;
    }
    return `${sessions.find((s) => s.accountId === registryId)?.accountName ?? registryId} · ${region}`;
  };
}

export function sameDestination(a: ReplicationDestination, b: ReplicationDestination): boolean {
  return a.registryId === b.registryId && a.region === b.region;
}
