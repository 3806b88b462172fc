// A statement of a registry policy, from what is filled in.

import type { Registry } from '../../api/client';
import { limitsRepositoryName } from '../../api/ecr';
import { readAccounts, type AccountProblem } from '../../parts/policy/accounts';
import type { Statement } from '../../parts/policy/document';

export interface StatementForm {
  type: 'replication' | 'custom';
  sid: string;
  /** As typed: several, apart by commas, spaces or lines. */
  accounts: string;
  /** Of a replication: whether repositories that are missing are made. */
  creates: boolean;
  /** Of a custom statement. */
  effect: Statement['Effect'];
  actions: string[];
  everyRepository: boolean;
  /** As typed, like accounts. */
  prefixes: string;
}

/** What a statement of each type is called before it is given a name. */
export const defaultSids: Record<StatementForm['type'], string> = {
  replication: 'ReplicationAccessCrossAccount',
  custom: 'CustomAccess',
};

export const emptyForm: StatementForm = {
  type: 'replication',
  sid: defaultSids.replication,
  accounts: '',
  creates: true,
  effect: 'Allow',
  actions: [],
  everyRepository: true,
  prefixes: '',
};

/** Actions on repositories that a registry policy may speak of, by what they are for. */
export const actionGroups = {
  replicate: ['ecr:ReplicateImage', 'ecr:CreateRepository'],
  pull: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
  push: ['ecr:InitiateLayerUpload', 'ecr:UploadLayerPart', 'ecr:CompleteLayerUpload', 'ecr:PutImage'],
  list: [
    'ecr:DescribeRepositories',
    'ecr:DescribeImages',
    'ecr:ListImages',
    'ecr:DescribeImageReplicationStatus',
    'ecr:ListTagsForResource',
    'ecr:GetRepositoryPolicy',
  ],
  manage: [
    'ecr:BatchDeleteImage',
    'ecr:DeleteRepository',
    'ecr:PutImageTagMutability',
    'ecr:SetRepositoryPolicy',
    'ecr:DeleteRepositoryPolicy',
    'ecr:TagResource',
    'ecr:UntagResource',
  ],
} as const;

export type PrefixProblem = { prefix: string };

/** Beginnings of repository names. */
export function readPrefixes(text: string): { prefixes: string[]; problems: PrefixProblem[] } {
  const words = [
    ...new Set(
      text
        .normalize('NFKC')
        .split(/[\s,;、]+/)
        .filter((w) => w !== ''),
    ),
  ].map((w) => w.replace(/\*$/, ''));
  return {
    prefixes: words,
    problems: words
      .filter((w) => w.length > limitsRepositoryName.max || !/^[a-z0-9](?:[a-z0-9]|[._/-](?!\/))*$/.test(w))
      .map((prefix) => ({ prefix })),
  };
}

export interface FormProblems {
  sid?: 'missing' | 'taken' | 'characters';
  accounts?: 'missing' | AccountProblem;
  actions?: 'missing';
  prefixes?: 'missing' | PrefixProblem;
}

/** What keeps the form from being a statement of the policy; none: nothing. */
export function checkForm(form: StatementForm, own: string, sids: (string | undefined)[]): FormProblems {
  const problems: FormProblems = {};
  if (form.sid.trim() === '') {
    problems.sid = 'missing';
  } else if (sids.includes(form.sid.trim())) {
    problems.sid = 'taken';
  } else if (/[\p{Cc}]/u.test(form.sid)) {
    problems.sid = 'characters';
  }
  const { accounts, problems: wrong } = readAccounts(form.accounts, own);
  if (wrong[0]) {
    problems.accounts = wrong[0];
  } else if (accounts.length === 0) {
    problems.accounts = 'missing';
  }
  if (form.type === 'custom' && form.actions.length === 0) {
    problems.actions = 'missing';
  }
  if (!form.everyRepository) {
    const { prefixes, problems: wrong } = readPrefixes(form.prefixes);
    if (wrong[0]) {
      problems.prefixes = wrong[0];
    } else if (prefixes.length === 0) {
      problems.prefixes = 'missing';
    }
  }
  return problems;
}

/** The statement as far as it is filled in. */
export function statementOf(form: StatementForm, registry: Registry): Statement {
  const roots = readAccounts(form.accounts, registry.account).accounts.map((account) => `arn:aws:iam::${account}:root`);
  const prefixes = form.everyRepository ? [''] : readPrefixes(form.prefixes).prefixes;
  const replication = form.creates ? ['ecr:CreateRepository', 'ecr:ReplicateImage'] : ['ecr:ReplicateImage'];
  return {
    Sid: form.sid.trim(),
    Effect: form.type === 'replication' ? 'Allow' : form.effect,
    Principal: { AWS: roots.length === 1 ? roots[0]! : roots },
    Action: form.type === 'replication' ? replication : form.actions,
    Resource: prefixes.map((p) => `arn:aws:ecr:${registry.region}:${registry.account}:repository/${p}*`),
  };
}
