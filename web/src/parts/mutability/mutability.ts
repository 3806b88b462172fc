// Which tags of a repository may be moved, as a form shows it; or of those that a creation template makes.

import type { ImageTagMutabilityExclusionFilter, Repository, ImageTagMutability } from '../../api/ecr';
import { filterProblem, maxExclusions } from './filters';

/** The choice, and the filters of the tags that are excluded from it: a filter may be empty while it is typed. */
export interface Mutability {
  base: 'MUTABLE' | 'IMMUTABLE';
  exclusions: string[];
}

export function mutabilityOf(
  of: Pick<Repository, 'imageTagMutability' | 'imageTagMutabilityExclusionFilters'>,
): Mutability {
  return {
    base: of.imageTagMutability.startsWith('IMMUTABLE') ? 'IMMUTABLE' : 'MUTABLE',
    exclusions: (of.imageTagMutabilityExclusionFilters ?? []).map((f) => f.filter),
  };
}

/** The members of the operations that set it. */
export function settingOf({ base, exclusions }: Mutability): {
  imageTagMutability: ImageTagMutability;
  imageTagMutabilityExclusionFilters?: ImageTagMutabilityExclusionFilter[];
} {
  if (exclusions.length === 0) {
    return { imageTagMutability: base };
  }
  return {
    imageTagMutability: `${base}_WITH_EXCLUSION`,
    imageTagMutabilityExclusionFilters: exclusions.map((filter) => ({ filter, filterType: 'WILDCARD' })),
  };
}

export function sameMutability(a: Mutability, b: Mutability): boolean {
  return (
    a.base === b.base &&
    a.exclusions.length === b.exclusions.length &&
    a.exclusions.every((filter, i) => filter === b.exclusions[i])
  );
}

export function mutabilityValid({ exclusions }: Mutability): boolean {
  return exclusions.length <= maxExclusions && exclusions.every((filter) => !filterProblem(filter, exclusions));
}
