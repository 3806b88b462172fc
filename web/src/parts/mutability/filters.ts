// What ECR takes as filters of tags.

import {
  limitsImageTagMutabilityExclusionFilters,
  limitsImageTagMutabilityExclusionFilterValue as limitsFilter,
} from '../../api/ecr';

/** How many filters may be excluded from a repository's mutability. */
export const maxExclusions = limitsImageTagMutabilityExclusionFilters.max;

export type FilterProblem = 'empty' | 'characters' | 'long' | 'twice';

/** What is wrong with one of the filters that are excluded from a mutability. */
export function filterProblem(filter: string, all: readonly string[]): FilterProblem | undefined {
  if (filter === '') {
    return 'empty';
  }
  if (filter.length > limitsFilter.max) {
    return 'long';
  }
  if (!limitsFilter.pattern.test(filter)) {
    return 'characters';
  }
  return all.filter((other) => other === filter).length > 1 ? 'twice' : undefined;
}
