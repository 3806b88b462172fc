import { beforeEach, describe, expect, it, vi } from 'vitest';

import { allowReplication } from './grant';

const registry = { account: '444455556666', region: 'us-east-1' };
const grant = {
  Sid: 'Replication111122223333',
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::111122223333:root' },
  Action: ['ecr:CreateRepository', 'ecr:ReplicateImage'],
  Resource: 'arn:aws:ecr:us-east-1:444455556666:repository/*',
};
const deny = { Sid: grant.Sid, Effect: 'Deny', Principal: '*', Action: 'ecr:ReplicateImage', Resource: '*' };

/** The registry's policy, as a server would keep it. */
let policy: object | undefined;
let puts: number;
/** Called when the policy was read. */
let afterRead: () => void;

beforeEach(() => {
  policy = undefined;
  puts = 0;
  afterRead = () => {};
  vi.stubGlobal('fetch', (_: string, request: RequestInit) => {
    const headers = new Headers(request.headers);
    expect(headers.get('X-Twinport-Registry')).toBe('444455556666/us-east-1');
    const revision = policy ? JSON.stringify(policy) : 'none';
    if (headers.get('X-Amz-Target')!.endsWith('.GetRegistryPolicy')) {
      const answer = policy
        ? new Response(JSON.stringify({ registryId: registry.account, policyText: JSON.stringify(policy) }), {
            headers: { 'X-Twinport-Revision': revision },
          })
        : new Response(JSON.stringify({ __type: 'RegistryPolicyNotFoundException', message: 'none' }), {
            status: 400,
          });
      afterRead();
      return Promise.resolve(answer);
    }
    if (headers.get('X-Twinport-If-Revision') !== revision) {
      return Promise.resolve(
        new Response(JSON.stringify({ __type: 'PreconditionFailedException', message: 'changed' }), { status: 412 }),
      );
    }
    puts++;
    policy = JSON.parse((JSON.parse(request.body as string) as { policyText: string }).policyText) as object;
    return Promise.resolve(new Response('{}'));
  });
});

describe('allowing replication', () => {
  it('sets the first policy', async () => {
    await allowReplication(registry, JSON.stringify(grant));
    expect(policy).toEqual({ Version: '2012-10-17', Statement: [grant] });
  });

  it('keeps what the policy says, under names of their own', async () => {
    policy = { Version: '2012-10-17', Id: 'ours', Statement: deny };
    await allowReplication(registry, JSON.stringify(grant));
    expect(policy).toEqual({
      Version: '2012-10-17',
      Id: 'ours',
      Statement: [deny, { ...grant, Sid: `${grant.Sid}2` }],
    });
  });

  it('keeps what comes between reading and writing', async () => {
    afterRead = () => (policy = { Version: '2012-10-17', Statement: [deny] });
    await allowReplication(registry, JSON.stringify(grant));
    expect(policy).toEqual({ Version: '2012-10-17', Statement: [deny, { ...grant, Sid: `${grant.Sid}2` }] });
  });

  it('gives up when others are always first', async () => {
    let n = 0;
    afterRead = () => (policy = { Version: '2012-10-17', Id: String(n++), Statement: [] });
    await expect(allowReplication(registry, JSON.stringify(grant))).rejects.toMatchObject({ conflict: true });
    expect([n, puts]).toEqual([5, 0]);
  });

  it('says nothing twice', async () => {
    await allowReplication(registry, JSON.stringify(grant));
    await allowReplication(registry, JSON.stringify({ ...grant, Sid: 'Other' }));
    expect(puts).toBe(1);
  });

  it('leaves a policy alone that it cannot read', async () => {
    policy = ['no policy'];
    await expect(allowReplication(registry, JSON.stringify(grant))).rejects.toThrow();
    expect(puts).toBe(0);
  });
});
