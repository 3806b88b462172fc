// The destinations of a registry's rules, with what is known of each.

import { useQueries } from '@tanstack/react-query';

import { twinport } from '../../api/client';
import type { Destination, ReplicationRule } from '../../api/ecr';
import type { DestinationCheck, DestinationStatistics, Statistics } from '../../api/twinport';
import { queryKey, useECR, useRegistry, useTwinport } from '../../app/registry';

export interface RuleDestination extends Destination {
  /** Which rule names it, from 0. */
  rule: number;
  /** The prefixes of the rule; none: every repository. */
  prefixes: string[];
  /** Undefined until it is known. */
  check: DestinationCheck | undefined;
  statistics: DestinationStatistics | undefined;
}

export function sameDestination(a: Destination, b: Destination): boolean {
  return a.registryId === b.registryId && a.region === b.region;
}

/** One row per rule and destination, in the rules' order. */
export function destinationRows(rules: ReplicationRule[], checks: (DestinationCheck[] | undefined)[], statistics: Statistics | undefined): RuleDestination[] {
  return rules.flatMap((rule, i) =>
    rule.destinations.map((d) => ({
      ...d,
      rule: i,
      prefixes: (rule.repositoryFilters ?? []).map((f) => f.filter),
      check: checks[i]?.find((c) => sameDestination(c, d)),
      statistics: statistics?.destinations.find((s) => sameDestination(s, d)),
    })),
  );
}

/** Reads them for the page's registry. The error is the first that keeps the rows from being whole. */
export function useDestinations() {
  const registry = useRegistry();
  const described = useECR('DescribeRegistry', {});
  const rules = described.data?.replicationConfiguration.rules;
  const checks = useQueries({
    queries: (rules ?? []).map((rule) => {
      const input = { destinations: rule.destinations, ...(rule.repositoryFilters?.length ? { repositoryFilters: rule.repositoryFilters } : {}) };
      return {
        queryKey: queryKey(registry, 'CheckReplicationDestinations', input),
        queryFn: ({ signal }: { signal: AbortSignal }) => twinport(registry, 'CheckReplicationDestinations', input, signal),
      };
    }),
  });
  const statistics = useTwinport('GetReplicationStatistics', { period: 'HOUR' });
  return {
    /** Undefined until the rules are known. */
    rows: rules && destinationRows(rules, checks.map((c) => c.data?.destinations), statistics.data),
    rules,
    error: described.error ?? checks.find((c) => c.error)?.error ?? statistics.error,
  };
}
