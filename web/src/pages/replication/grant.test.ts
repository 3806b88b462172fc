import { describe, expect, it, vi } from 'vitest';

import { addStatement, withStatement } from './grant';

const grant = {
  Sid: 'Replication111122223333',
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::111122223333:root' },
  Action: ['ecr:CreateRepository', 'ecr:ReplicateImage'],
  Resource: 'arn:aws:ecr:us-east-1:444455556666:repository/*',
};
const text = JSON.stringify(grant);
const deny = { Sid: 'NoSecrets', Effect: 'Deny', Principal: '*', Action: 'ecr:ReplicateImage', Resource: '*', Condition: { StringEquals: { 'aws:RequestedRegion': 'x' } } };

function statements(policy: string) {
  return (JSON.parse(policy) as { Statement: { Sid?: string }[] }).Statement;
}

describe('adding a statement to a policy', () => {
  it('begins one', () => {
    expect(JSON.parse(withStatement('', text))).toEqual({ Version: '2012-10-17', Statement: [grant] });
  });

  it('loses nothing', () => {
    const policy = { Version: '2008-10-17', Id: 'ours', Statement: [deny] };
    expect(JSON.parse(withStatement(JSON.stringify(policy), text))).toEqual({ ...policy, Statement: [deny, grant] });
    expect(statements(withStatement(JSON.stringify({ ...policy, Statement: deny }), text))).toEqual([deny, grant]);
  });

  it('adds nothing twice, under whatever name and in whatever order', () => {
    const { Sid: _, ...nameless } = grant;
    for (const there of [grant, nameless, Object.fromEntries(Object.entries(grant).reverse()), { ...grant, Sid: 'Ours' }]) {
      const policy = JSON.stringify({ Version: '2012-10-17', Statement: [there] });
      expect(withStatement(policy, text)).toBe(policy);
    }
  });

  it('gives it a free name', () => {
    const policy = { Statement: [{ ...deny, Sid: grant.Sid }, { ...deny, Sid: `${grant.Sid}-2` }] };
    expect(statements(withStatement(JSON.stringify(policy), text)).map((s) => s.Sid)).toEqual([grant.Sid, `${grant.Sid}-2`, `${grant.Sid}-3`]);
  });

  it('refuses what is no policy', () => {
    expect(() => withStatement('{', text)).toThrow();
  });
});

describe('adding a statement to a registry', () => {
  const registry = { account: '444455556666', region: 'us-east-1' };

  /** Answers operations as the server would; what is put is kept. */
  function server(policyText: string | undefined) {
    const put: string[] = [];
    vi.stubGlobal('fetch', (_: string, request: RequestInit) => {
      const operation = new Headers(request.headers).get('X-Amz-Target')!.split('.')[1];
      if (operation === 'GetRegistryPolicy') {
        return Promise.resolve(
          policyText === undefined
            ? new Response(JSON.stringify({ __type: 'RegistryPolicyNotFoundException', message: 'none' }), { status: 400 })
            : new Response(JSON.stringify({ registryId: registry.account, policyText })),
        );
      }
      put.push((JSON.parse(request.body as string) as { policyText: string }).policyText);
      return Promise.resolve(new Response('{}'));
    });
    return put;
  }

  it('sets the first policy', async () => {
    const put = server(undefined);
    await addStatement(registry, text);
    expect(put.map(statements)).toEqual([[grant]]);
  });

  it('leaves a policy that has it alone', async () => {
    const put = server(JSON.stringify({ Version: '2012-10-17', Statement: [grant] }));
    await addStatement(registry, text);
    expect(put).toEqual([]);
  });
});
