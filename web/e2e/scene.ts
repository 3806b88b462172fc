// Two accounts as they may look in use, for tests that go through all pages.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { dev, prod, tokyo, virginia, type Registry, type Server } from './server';

export const source: Registry = { account: prod, region: virginia };
export const taker: Registry = { account: dev, region: virginia };

/** A statement of a registry's policy that lets prod replicate into it. */
export function grantOf({ account, region }: Registry): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'ReplicationFromProd',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${prod.id}:root` },
        Action: ['ecr:CreateRepository', 'ecr:ReplicateImage'],
        Resource: [`arn:aws:ecr:${region}:${account.id}:repository/*`],
      },
    ],
  });
}

/**
 * prod has repositories with images, an index and an SBOM, and replicates them
 * to dev, which takes them in Virginia and refuses them in Tokyo.
 */
export async function furnish(server: Server): Promise<void> {
  await server.ecr(taker, 'PutRegistryPolicy', { policyText: grantOf(taker) });
  await server.ecr(source, 'PutReplicationConfiguration', {
    replicationConfiguration: {
      rules: [
        { destinations: [{ registryId: dev.id, region: virginia }, { registryId: prod.id, region: tokyo }] },
        { destinations: [{ registryId: dev.id, region: tokyo }], repositoryFilters: [{ filter: 'team/', filterType: 'PREFIX_MATCH' }] },
      ],
    },
  });
  for (const repositoryName of ['team/web', 'team/api', 'base/alpine', 'tools/migrate']) {
    await server.ecr(source, 'CreateRepository', { repositoryName, tags: [{ Key: 'owner', Value: 'platform' }] });
  }
  await server.push(source, 'base/alpine:3.23', 'alpine 3.23');
  await server.push(source, 'team/api:2026.11.1', 'api 1');
  await server.push(source, 'team/api:2026.11.2', 'api 2');
  await server.push(source, 'team/web:1.4.0', 'web 1.4.0');
  for (const platform of ['linux/amd64', 'linux/arm64']) {
    const image = server.image(source, `team/web:build-${platform.split('/')[1]}`);
    await server.push(source, `team/web:build-${platform.split('/')[1]}`, `web 1.5.0 ${platform}`, '--platform', platform);
    await server.client('crane', source, ['mutate', '--set-platform', platform, '--tag', image, image]);
  }
  const index = server.image(source, 'team/web:1.5.0');
  await server.client('crane', source, ['index', 'append', '--manifest', server.image(source, 'team/web:build-amd64'), '--manifest', server.image(source, 'team/web:build-arm64'), '--tag', index]);
  writeFileSync(join(server.folder, 'sbom.json'), '{"spdxVersion":"SPDX-2.3","name":"team/web"}');
  await server.client('oras', source, ['attach', '--plain-http', '--artifact-type', 'application/spdx+json', index, 'sbom.json:application/spdx+json']);
  await server.ecr(source, 'SetRepositoryPolicy', {
    repositoryName: 'team/web',
    policyText: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Sid: 'PullFromDev', Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${dev.id}:root` }, Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'] }],
    }),
  });
}
