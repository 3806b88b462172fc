// A repository creation template, as a form shows it.

import {
  limitsPrefix,
  limitsRepositoryTemplateDescription,
  type CreateRepositoryCreationTemplateRequest,
  type RCTAppliedFor,
  type RepositoryCreationTemplate,
  type Tag,
  type UpdateRepositoryCreationTemplateRequest,
} from '../../api/ecr';
import { mutabilityOf, sameMutability, settingOf, type Mutability } from '../../parts/mutability/mutability';
import { formatted } from '../../parts/policy/document';
import { sameTags } from '../../parts/resourceTags';

/** When a template makes a repository, in the order in which the console names them. */
export const occasions: readonly RCTAppliedFor[] = ['CREATE_ON_PUSH', 'REPLICATION', 'PULL_THROUGH_CACHE'];

/** Its prefix is given once; the texts of its policies are empty where it has none. */
export interface TemplateForm {
  description: string;
  appliedFor: readonly RCTAppliedFor[];
  mutability: Mutability;
  repositoryPolicy: string;
  lifecyclePolicy: string;
  tags: readonly Tag[];
}

export const emptyForm: TemplateForm = {
  description: '',
  appliedFor: ['CREATE_ON_PUSH'],
  mutability: { base: 'MUTABLE', exclusions: [] },
  repositoryPolicy: '',
  lifecyclePolicy: '',
  tags: [],
};

/** The form of a stored template, its policies as the console writes them. */
export function formOf(t: RepositoryCreationTemplate): TemplateForm {
  return {
    description: t.description ?? '',
    appliedFor: occasions.filter((o) => t.appliedFor.includes(o)),
    mutability: mutabilityOf(t),
    repositoryPolicy: t.repositoryPolicy ? formatted(t.repositoryPolicy) : '',
    lifecyclePolicy: t.lifecyclePolicy ? formatted(t.lifecyclePolicy) : '',
    tags: t.resourceTags ?? [],
  };
}

/** What creates a template. */
export function creationOf(prefix: string, form: TemplateForm): CreateRepositoryCreationTemplateRequest {
  return {
    prefix,
    appliedFor: [...form.appliedFor],
    ...settingOf(form.mutability),
    ...(form.description ? { description: form.description } : {}),
    ...(form.repositoryPolicy.trim() ? { repositoryPolicy: form.repositoryPolicy } : {}),
    ...(form.lifecyclePolicy.trim() ? { lifecyclePolicy: form.lifecyclePolicy } : {}),
    ...(form.tags.length > 0 ? { resourceTags: [...form.tags] } : {}),
  };
}

const textMembers = ['description', 'repositoryPolicy', 'lifecyclePolicy'] as const;

/** What makes of a stored template the edited one: it has nothing of what stays, which others may change meanwhile. */
export function changesOf(
  prefix: string,
  stored: TemplateForm,
  edited: TemplateForm,
): UpdateRepositoryCreationTemplateRequest {
  const texts: Pick<UpdateRepositoryCreationTemplateRequest, (typeof textMembers)[number]> = {};
  for (const name of textMembers) {
    if (edited[name].trim() !== stored[name].trim()) {
      texts[name] = edited[name].trim();
    }
  }
  return {
    prefix,
    ...texts,
    ...(sameOccasions(edited, stored) ? {} : { appliedFor: [...edited.appliedFor] }),
    ...(sameMutability(edited.mutability, stored.mutability) ? {} : settingOf(edited.mutability)),
    ...(sameTags(edited.tags, stored.tags) ? {} : { resourceTags: [...edited.tags] }),
  };
}

export function sameForm(a: TemplateForm, b: TemplateForm): boolean {
  return Object.keys(changesOf('', a, b)).length === 1;
}

function sameOccasions(a: TemplateForm, b: TemplateForm): boolean {
  return a.appliedFor.length === b.appliedFor.length && a.appliedFor.every((o) => b.appliedFor.includes(o));
}

/** What is wrong with a prefix. */
export function prefixProblem(prefix: string): 'prefixNeeded' | 'prefixProblem' | undefined {
  if (prefix === '') {
    return 'prefixNeeded';
  }
  return prefix.length > limitsPrefix.max || !limitsPrefix.pattern.test(prefix) ? 'prefixProblem' : undefined;
}

export function descriptionValid({ description }: TemplateForm): boolean {
  return [...description].length <= limitsRepositoryTemplateDescription.max;
}
