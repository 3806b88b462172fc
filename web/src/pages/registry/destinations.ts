// The destinations of a registry's rules, with what is known of each.

import type { ReplicationDestination, ReplicationRule } from '../../api/ecr';
import type { DestinationCheck, DestinationStatistics, Statistics } from '../../api/twinport';
import { useECR, useTwinport } from '../../app/registry';
import { destinationKey, useDestinationChecks } from '../../parts/destinations/destinationChecks';

export interface RuleDestination extends ReplicationDestination {
  /** Which rule names it, from 0. */
  rule: number;
  /** The prefixes of the rule; none: every repository. */
  prefixes: string[];
  /** Undefined until it is known. */
  check: DestinationCheck | undefined;
  statistics: DestinationStatistics | undefined;
}

/** One row per rule and destination, in the rules' order; checks are the rules', by destinationKey. */
export function destinationRows(
  rules: ReplicationRule[],
  checks: ReadonlyMap<string, DestinationCheck>[],
  statistics: Statistics | undefined,
): RuleDestination[] {
  const statisticsOf = new Map(statistics?.destinations.map((s) => [destinationKey(s), s]));
  return rules.flatMap((rule, i) =>
    rule.destinations.map((d) => ({
      ...d,
      rule: i,
      prefixes: (rule.repositoryFilters ?? []).map((f) => f.filter),
      check: checks[i]?.get(destinationKey(d)),
      statistics: statisticsOf.get(destinationKey(d)),
    })),
  );
}

const noRules: ReplicationRule[] = [];

/** Reads them for the page's registry. The error is the first that keeps the rows from being whole. */
export function useDestinations() {
  const described = useECR('DescribeRegistry', {});
  const rules = described.data?.replicationConfiguration.rules;
  const checks = useDestinationChecks(rules ?? noRules);
  const statistics = useTwinport('GetReplicationStatistics', { period: 'HOUR' });
  return {
    /** Undefined until the rules are known. */
    rows:
      rules &&
      destinationRows(
        rules,
        checks.map((c) => c.checks),
        statistics.data,
      ),
    error: described.error ?? checks.find((c) => c.error)?.error ?? statistics.error,
  };
}
