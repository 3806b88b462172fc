import { expect, test } from 'vitest';

import { permittedBy } from './permitted';

test('a grant of replication', () => {
  const statement = {
    Sid: 'a',
    Effect: 'Allow',
    Principal: { AWS: ['arn:aws:iam::111122223333:root', '444455556666'] },
    Action: ['ecr:CreateRepository', 'ecr:ReplicateImage'],
    Resource: ['arn:aws:ecr:us-east-1:777788889999:repository/team/*', '*'],
  };
  expect(permittedBy(JSON.stringify({ Statement: [statement] }))).toEqual([
    {
      sid: 'a',
      effect: 'Allow',
      principals: ['111122223333', '444455556666'],
      replicates: true,
      creates: true,
      more: false,
      resources: ['team/*', '*'],
    },
  ]);
});

test('what a wildcard, a condition or another action adds is not hidden', () => {
  const of = (members: object) =>
    permittedBy(JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*', Resource: '*', ...members } }))[0]!;
  expect(of({ Action: 'ecr:*' })).toMatchObject({ replicates: true, creates: true, more: true });
  expect(of({ Action: 'ecr:ReplicateImage', Condition: {} })).toMatchObject({
    replicates: true,
    creates: false,
    more: true,
  });
  expect(of({ NotAction: 'ecr:PutImage' })).toMatchObject({ replicates: false, more: true });
});

test('no policy, and none that can be read, permits nothing', () => {
  expect(permittedBy('')).toEqual([]);
  expect(permittedBy('{')).toEqual([]);
});
