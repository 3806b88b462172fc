import { expect, test } from 'vitest';

import type { RepositoryCreationTemplate } from '../../api/ecr';
import { changesOf, creationOf, descriptionValid, emptyForm, formOf, prefixProblem, sameForm } from './form';

const policy = { Version: '2012-10-17', Statement: [] };

const template: RepositoryCreationTemplate = {
  prefix: 'team',
  description: 'what the team has',
  appliedFor: ['REPLICATION', 'CREATE_ON_PUSH'],
  imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
  imageTagMutabilityExclusionFilters: [{ filter: 'latest', filterType: 'WILDCARD' }],
  repositoryPolicy: JSON.stringify(policy),
  resourceTags: [{ Key: 'team', Value: 'x' }],
  createdAt: 1_795_456_000,
  updatedAt: 1_795_456_000,
};

test('a template and its form', () => {
  const form = formOf(template);
  expect(form).toMatchObject({
    appliedFor: ['CREATE_ON_PUSH', 'REPLICATION'],
    mutability: { base: 'IMMUTABLE', exclusions: ['latest'] },
    lifecyclePolicy: '',
    tags: template.resourceTags,
  });
  expect(JSON.parse(form.repositoryPolicy)).toEqual(policy);
  expect(creationOf('team', form)).toEqual({
    prefix: 'team',
    description: template.description,
    appliedFor: ['CREATE_ON_PUSH', 'REPLICATION'],
    imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
    imageTagMutabilityExclusionFilters: template.imageTagMutabilityExclusionFilters,
    repositoryPolicy: form.repositoryPolicy,
    resourceTags: template.resourceTags,
  });
});

test('what is not given is left out', () => {
  expect(creationOf('ROOT', emptyForm)).toEqual({
    prefix: 'ROOT',
    appliedFor: ['CREATE_ON_PUSH'],
    imageTagMutability: 'MUTABLE',
  });
});

test('a change has what was changed, and takes away by what is empty', () => {
  const stored = formOf(template);
  expect(changesOf('team', stored, stored)).toEqual({ prefix: 'team' });
  expect(changesOf('team', stored, { ...stored, appliedFor: stored.appliedFor.toReversed() })).toEqual({
    prefix: 'team',
  });
  expect(changesOf('team', stored, { ...stored, description: 'other' })).toEqual({
    prefix: 'team',
    description: 'other',
  });
  expect(changesOf('team', stored, { ...stored, repositoryPolicy: ' ', tags: [] })).toEqual({
    prefix: 'team',
    repositoryPolicy: '',
    resourceTags: [],
  });
  const mutability = { base: 'MUTABLE' as const, exclusions: [] };
  expect(changesOf('team', stored, { ...stored, mutability, appliedFor: ['REPLICATION'] })).toEqual({
    prefix: 'team',
    imageTagMutability: 'MUTABLE',
    appliedFor: ['REPLICATION'],
  });
  expect(sameForm(stored, formOf(template))).toBe(true);
  expect(sameForm(stored, { ...stored, lifecyclePolicy: '{}' })).toBe(false);
});

test.each([
  { prefix: 'ROOT', problem: undefined },
  { prefix: 'a', problem: undefined },
  { prefix: 'team/x', problem: undefined },
  { prefix: 'team/', problem: undefined },
  { prefix: '', problem: 'prefixNeeded' },
  { prefix: 'Team', problem: 'prefixProblem' },
  { prefix: '/team', problem: 'prefixProblem' },
  { prefix: 'a'.repeat(257), problem: 'prefixProblem' },
])('the prefix $prefix', ({ prefix, problem }) => {
  expect(prefixProblem(prefix)).toBe(problem);
});

test('a description may be long', () => {
  expect(descriptionValid({ ...emptyForm, description: '🐋'.repeat(256) })).toBe(true);
  expect(descriptionValid({ ...emptyForm, description: 'a'.repeat(257) })).toBe(false);
});
