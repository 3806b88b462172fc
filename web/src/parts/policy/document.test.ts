import { expect, test } from 'vitest';

import {
  addStatement,
  coversAction,
  freeSid,
  NotAPolicyError,
  policyText,
  principalsOf,
  readPolicy,
  type Statement,
} from './document';

const grant: Statement = {
  Sid: 'Replication',
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::111122223333:root' },
  Action: ['ecr:CreateRepository', 'ecr:ReplicateImage'],
  Resource: 'arn:aws:ecr:us-east-1:444455556666:repository/*',
};

test('an empty text becomes a policy of the statement', () => {
  const { text, sid, added } = addStatement(' \n', grant);
  expect(JSON.parse(text)).toEqual({ Version: '2012-10-17', Statement: [grant] });
  expect({ sid, added }).toEqual({ sid: 'Replication', added: true });
});

test('nothing that is there is lost, and a Sid that is taken gets a number', () => {
  const other = {
    Sid: 'Replication',
    Effect: 'Deny',
    Principal: '*',
    Action: '*',
    Resource: '*',
    Condition: { Bool: { 'aws:SecureTransport': false } },
  };
  const before = { Version: '2008-10-17', Id: 'mine', Statement: other };
  const { text, sid } = addStatement(JSON.stringify(before), grant);
  expect(sid).toBe('Replication2');
  expect(JSON.parse(text)).toEqual({ ...before, Statement: [other, { ...grant, Sid: 'Replication2' }] });
});

test('what is said already is not said twice, in whatever order and under whatever Sid', () => {
  const text = policyText({
    Statement: [
      {
        ...grant,
        Sid: 'Else',
        Action: ['ecr:ReplicateImage', 'ecr:CreateRepository'],
        Resource: ['arn:aws:ecr:us-east-1:444455556666:repository/*'],
      },
    ],
  });
  expect(addStatement(text, grant)).toEqual({ text, sid: 'Else', added: false });
  expect(addStatement(text, { ...grant, Effect: 'Deny' }).added).toBe(true);
});

test.each(['{', '[]', '"text"', '{"Statement": ["x"]}'])('nothing is added to %s', (text) => {
  expect(() => addStatement(text, grant)).toThrow(NotAPolicyError);
});

test('a free Sid', () => {
  expect(freeSid('a', [])).toBe('a');
  expect(
    freeSid('a', [
      { Sid: 'a', Effect: 'Allow' },
      { Sid: 'a2', Effect: 'Allow' },
    ]),
  ).toBe('a3');
});

test('principals are accounts where they are', () => {
  expect(principalsOf(grant)).toEqual(['111122223333']);
  expect(principalsOf({ Effect: 'Allow', Principal: '*' })).toEqual(['*']);
  expect(
    principalsOf({
      Effect: 'Allow',
      Principal: { AWS: ['444455556666', 'arn:aws:iam::111122223333:role/x'], Service: 'a.amazonaws.com' },
    }),
  ).toEqual(['444455556666', 'arn:aws:iam::111122223333:role/x', 'a.amazonaws.com']);
});

test.each([
  ['ecr:ReplicateImage', true],
  ['ECR:replicateimage', true],
  ['ecr:Replicate*', true],
  ['*', true],
  ['ecr:?eplicateImage', true],
  ['ecr:ReplicateImag', false],
  ['ecr.ReplicateImage', false],
])('%s covers ecr:ReplicateImage: %s', (action, covers) => {
  expect(coversAction({ Effect: 'Allow', Action: ['ecr:PutImage', action] }, 'ecr:ReplicateImage')).toBe(covers);
});

test('texts that are no policies', () => {
  expect(readPolicy('null')).toBeUndefined();
  expect(readPolicy('{"Statement": null}')).toBeUndefined();
  expect(readPolicy('')?.Statement).toEqual([]);
});
