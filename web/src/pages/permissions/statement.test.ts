import { expect, test } from 'vitest';

import { checkForm, emptyForm, readPrefixes, statementOf } from './statement';

const registry = { account: '444455556666', region: 'us-east-1' };
const source = '111122223333';

test('a replication, as the AWS console writes it', () => {
  expect(statementOf({ ...emptyForm, accounts: source }, registry)).toEqual({
    Sid: 'ReplicationAccessCrossAccount',
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::111122223333:root' },
    Action: ['ecr:CreateRepository', 'ecr:ReplicateImage'],
    Resource: ['arn:aws:ecr:us-east-1:444455556666:repository/*'],
  });
});

test('a replication without new repositories, of several accounts, for some repositories', () => {
  const form = {
    ...emptyForm,
    accounts: `${source} 777788889999`,
    creates: false,
    everyRepository: false,
    prefixes: 'team/, base/*',
  };
  expect(statementOf(form, registry)).toMatchObject({
    Principal: { AWS: ['arn:aws:iam::111122223333:root', 'arn:aws:iam::777788889999:root'] },
    Action: ['ecr:ReplicateImage'],
    Resource: [
      'arn:aws:ecr:us-east-1:444455556666:repository/team/*',
      'arn:aws:ecr:us-east-1:444455556666:repository/base/*',
    ],
  });
});

test('a custom statement has the effect and actions that were chosen', () => {
  const form = {
    ...emptyForm,
    type: 'custom' as const,
    sid: ' Mine ',
    accounts: source,
    effect: 'Deny' as const,
    actions: ['ecr:PutImage'],
  };
  expect(statementOf(form, registry)).toMatchObject({ Sid: 'Mine', Effect: 'Deny', Action: ['ecr:PutImage'] });
});

test('what is missing is reported by field, and what does not apply is not', () => {
  expect(checkForm(emptyForm, registry.account, [])).toEqual({ accounts: 'missing' });
  expect(checkForm({ ...emptyForm, sid: ' ', type: 'custom', everyRepository: false }, registry.account, [])).toEqual({
    sid: 'missing',
    accounts: 'missing',
    actions: 'missing',
    prefixes: 'missing',
  });
  expect(checkForm({ ...emptyForm, accounts: source }, registry.account, ['Other', undefined])).toEqual({});
});

test('a Sid is unique, and accounts are not one’s own', () => {
  expect(
    checkForm({ ...emptyForm, accounts: registry.account }, registry.account, ['ReplicationAccessCrossAccount']),
  ).toEqual({
    sid: 'taken',
    accounts: { kind: 'own', account: registry.account },
  });
});

test.each(['Team/', '/team', 'team//x', 'te am,$', '*'])('%s is no prefix', (text) => {
  expect(readPrefixes(text).problems.length).toBeGreaterThan(0);
});

test.each(['team', 'team/', 'team/a-b_c.d', 'team/*', '0'])('%s is a prefix', (text) => {
  expect(readPrefixes(text).problems).toEqual([]);
});
