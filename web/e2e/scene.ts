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

/** A lifecycle policy that keeps what is deployed, and the newest image of the others. */
const lifecyclePolicyText = JSON.stringify({
  rules: [
    {
      rulePriority: 1,
      description: 'What is deployed stays',
      selection: {
        tagStatus: 'tagged',
        tagPatternList: ['1.5.*'],
        countType: 'imageCountMoreThan',
        countNumber: 9999,
      },
      action: { type: 'expire' },
    },
    {
      rulePriority: 2,
      description: 'Of the others one is enough',
      selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 1 },
      action: { type: 'expire' },
      twinport: { unsigned: true },
    },
  ],
});

/**
 * prod has repositories with images, an index and an SBOM, and replicates them
 * to dev, which takes them in Virginia and refuses them in Tokyo.
 */
export async function furnish(server: Server): Promise<void> {
  await server.ecr(taker, 'PutRegistryPolicy', { policyText: grantOf(taker) });
  for (const repositoryName of ['build', 'team/web', 'team/api', 'base/alpine', 'tools/migrate']) {
    await server.ecr(source, 'CreateRepository', { repositoryName, tags: [{ Key: 'owner', Value: 'platform' }] });
  }
  const platforms = ['linux/amd64', 'linux/arm64'].map((name) => ({ name, tag: name.split('/')[1]! }));
  for (const { name, tag } of platforms) {
    await server.push(source, `build:${tag}`, `web 1.5.0 ${name}`, 6);
  }
  await server.ecr(source, 'PutReplicationConfiguration', {
    replicationConfiguration: {
      rules: [
        {
          destinations: [
            { registryId: dev.id, region: virginia },
            { registryId: prod.id, region: tokyo },
          ],
        },
        {
          destinations: [{ registryId: dev.id, region: tokyo }],
          repositoryFilters: [{ filter: 'team/', filterType: 'PREFIX_MATCH' }],
        },
      ],
    },
  });
  await server.push(source, 'base/alpine:3.23', 'alpine 3.23', 3);
  await server.push(source, 'tools/migrate:7', 'migrate 7', 2);
  await server.push(source, 'team/api:2026.11.1', 'api 1', 4);
  await server.push(source, 'team/api:2026.11.2', 'api 2', 4);
  await server.push(source, 'team/web:1.4.0', 'web 1.4.0', 5);
  for (const { name, tag } of platforms) {
    await server.client('crane', source, [
      'mutate',
      '--set-platform',
      name,
      '--tag',
      server.image(source, `team/web:1.5.0-${tag}`),
      server.image(source, `build:${tag}`),
    ]);
  }
  await server.ecr(source, 'DeleteRepository', { repositoryName: 'build', force: true });
  const index = server.image(source, 'team/web:1.5.0');
  const children = platforms.flatMap(({ tag }) => ['--manifest', server.image(source, `team/web:1.5.0-${tag}`)]);
  await server.client('crane', source, ['index', 'append', ...children, '--tag', index]);
  writeFileSync(join(server.folder, 'sbom.json'), '{"spdxVersion":"SPDX-2.3","name":"team/web"}');
  await server.client('oras', source, [
    'attach',
    '--plain-http',
    '--artifact-type',
    'application/spdx+json',
    index,
    'sbom.json:application/spdx+json',
  ]);
  await server.ecr(source, 'CreateRepositoryCreationTemplate', {
    prefix: 'team',
    description: 'What the services of teams begin with',
    appliedFor: ['CREATE_ON_PUSH'],
    imageTagMutability: 'IMMUTABLE',
    lifecyclePolicy: lifecyclePolicyText,
    resourceTags: [{ Key: 'owner', Value: 'platform' }],
  });
  await server.ecr(source, 'PutLifecyclePolicy', { repositoryName: 'team/web', lifecyclePolicyText });
  await server.ecr(source, 'SetRepositoryPolicy', {
    repositoryName: 'team/web',
    policyText: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'PullFromDev',
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${dev.id}:root` },
          Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
        },
      ],
    }),
  });
}
