// Policies to begin with, where a repository has none.

import { newRule, type Rule } from './document';

export type Preset = 'keepLast' | 'untagged' | 'releases' | 'unused';

export const presets: readonly Preset[] = ['keepLast', 'untagged', 'releases', 'unused'];

/** A count that no repository reaches: a rule that never acts keeps its images from the rules after it. */
const never = 9999;

/** What rules are for, in the viewer's language. */
export interface Descriptions {
  releases: string;
  others: string;
}

export function presetRules(preset: Preset, descriptions: Descriptions): Rule[] {
  switch (preset) {
    case 'keepLast':
      return [newRule({ priority: 1, tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 30 })];
    case 'untagged':
      return [newRule({ priority: 1, countNumber: 7 })];
    case 'releases':
      return [
        newRule({
          priority: 1,
          description: descriptions.releases,
          tagStatus: 'tagged',
          tags: ['v*'],
          countType: 'imageCountMoreThan',
          countNumber: never,
        }),
        newRule({ priority: 2, description: descriptions.others, tagStatus: 'any', countNumber: 30 }),
      ];
    case 'unused':
      return [newRule({ priority: 1, tagStatus: 'any', countNumber: 30, sinceTagged: 30, sincePulled: 30 })];
  }
}
