import type { ReplicationDestination, ReplicationRule } from '../../api/ecr';
import { sameDestination } from '../../parts/destinations/destination';

/** Where the rules send the images of a repository, each destination once. */
export function destinationsFor(repositoryName: string, rules: readonly ReplicationRule[]): ReplicationDestination[] {
  const matching = rules.filter(
    ({ repositoryFilters = [] }) =>
      repositoryFilters.length === 0 || repositoryFilters.some((f) => repositoryName.startsWith(f.filter)),
  );
  const all: ReplicationDestination[] = [];
  for (const destination of matching.flatMap((rule) => rule.destinations)) {
    if (!all.some((other) => sameDestination(other, destination))) {
      all.push(destination);
    }
  }
  return all;
}
