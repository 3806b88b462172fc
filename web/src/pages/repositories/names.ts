// What ECR takes as names: of repositories, and as filters of tags.

import {
  limitsImageTagMutabilityExclusionFilters,
  limitsImageTagMutabilityExclusionFilterValue as limitsFilter,
  limitsRepositoryName as limitsName,
} from '../../api/ecr';

/** Why a text cannot be a repository's name; 'short' and 'end' may yet be mended by typing on. */
export type NameProblem = 'short' | 'long' | 'capitals' | 'characters' | 'begin' | 'end' | 'separators';

/** The first thing that is wrong with a repository's name. */
export function nameProblem(name: string): NameProblem | undefined {
  if (/[A-Z]/.test(name)) {
    return 'capitals';
  }
  if (/[^a-z0-9._/-]/.test(name)) {
    return 'characters';
  }
  if (/^[^a-z0-9]/.test(name)) {
    return 'begin';
  }
  // Between two letters or digits: one of . / _, or two of _, or any number of -.
  if (name.match(/[._/-]+(?=[a-z0-9])/g)?.some((separators) => !/^([./_]|__|-+)$/.test(separators))) {
    return 'separators';
  }
  if (name.length > limitsName.max) {
    return 'long';
  }
  if (name.length < limitsName.min) {
    return 'short';
  }
  return /[^a-z0-9]$/.test(name) ? 'end' : undefined;
}

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
