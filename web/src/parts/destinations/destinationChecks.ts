// Whether the destinations of rules allow what is replicated to them.

import { keepPreviousData, useQueries } from '@tanstack/react-query';

import { twinport } from '../../api/client';
import type { ReplicationDestination, ReplicationRule } from '../../api/ecr';
import type { DestinationCheck, Grant } from '../../api/twinport';
import { readKey } from '../../app/queries';
import { useRegistry } from '../../app/registry';

/**
 * While a destination is not as it should be it is looked at again this often, in milliseconds: another account's
 * policy notifies nobody here that it changed.
 */
const recheckInterval = 5000;

export interface RuleCheck {
  /** The state of each destination, by destinationKey; missing while it is not known. */
  checks: ReadonlyMap<string, DestinationCheck>;
  loading: boolean;
  error: unknown;
  retry: () => void;
}

export function destinationKey(d: ReplicationDestination): string {
  return `${d.registryId}/${d.region}`;
}

/** Checks the destinations of each rule, and those that are not right again and again until they are. */
export function useDestinationChecks(rules: readonly ReplicationRule[]): RuleCheck[] {
  const registry = useRegistry();
  const results = useQueries({
    queries: rules.map((rule) => {
      const input = {
        destinations: rule.destinations,
        ...(rule.repositoryFilters?.length ? { repositoryFilters: rule.repositoryFilters } : {}),
      };
      return {
        queryKey: readKey(registry, 'CheckReplicationDestinations', input),
        queryFn: ({ signal }: { signal: AbortSignal }) =>
          twinport(registry, 'CheckReplicationDestinations', input, signal),
        enabled: rule.destinations.length > 0,
        placeholderData: keepPreviousData,
        refetchInterval: (query: { state: { data?: { destinations: DestinationCheck[] } } }) =>
          query.state.data?.destinations.some((d) => d.status !== 'GRANTED') ? recheckInterval : (false as const),
      };
    }),
  });
  return results.map((result) => ({
    checks: new Map((result.data?.destinations ?? []).map((d) => [destinationKey(d), d])),
    loading: result.isFetching && !result.data,
    error: result.data ? null : result.error,
    retry: () => void result.refetch(),
  }));
}

const severity: readonly Grant[] = [
  'GRANTED',
  'UNREACHABLE',
  'NOT_GRANTED',
  'PEER_NOT_GRANTED',
  'DENIED',
  'NO_REGISTRY',
];

/** The worst that the rules' checks say of a destination; undefined while none says anything. */
export function worstCheck(
  checks: readonly RuleCheck[],
  destination: ReplicationDestination,
): DestinationCheck | undefined {
  return checks
    .map((c) => c.checks.get(destinationKey(destination)))
    .filter((c) => c !== undefined)
    .reduce<DestinationCheck | undefined>(
      (worst, c) => (worst && severity.indexOf(worst.status) >= severity.indexOf(c.status) ? worst : c),
      undefined,
    );
}
