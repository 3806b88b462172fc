import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { FoundImage, FoundRepository, ImageConfiguration, ImageContent } from '../../../api/twinport';
import { content as en } from '../../../i18n/en/content';
import { images } from '../../../i18n/en/images';
import { content as ja } from '../../../i18n/ja/content';
import { show, type Answers } from '../../../testing/show';
import { ContentSections } from './ContentSections';
import { ImagePage } from './ImagePage';

const repository = { repositoryName: 'team/app', replicatesTo: [], hasPolicy: false } as unknown as FoundRepository;
const digest = `sha256:${'a'.repeat(64)}`;
const manifest = 'application/vnd.oci.image.manifest.v1+json';

const image: FoundImage = {
  imageDigest: digest,
  imageTags: ['1.0', 'latest'],
  imageTagCount: 2,
  imageSizeInBytes: 3_000_000,
  imagePushedAt: 1_795_456_000,
  imageManifestMediaType: manifest,
  children: [],
  referrers: [],
  replications: [],
};

const configuration: ImageConfiguration = {
  architecture: 'arm64',
  os: 'linux',
  osFeatures: [],
  createdAt: 1_795_456_000,
  user: 'app',
  entrypoint: ['/app'],
  command: ['serve', '\u202egnp'],
  environment: ['PATH=/bin', 'TOKEN=a=b'],
  labels: { 'org.example.team': '<b>web</b>' },
  exposedPorts: ['80/tcp'],
  volumes: [],
  history: [
    { createdBy: 'COPY . / # buildkit', emptyLayer: false, layerIndex: 0 },
    { createdBy: 'ENV TOKEN=a=b', emptyLayer: true },
  ],
  truncated: false,
};

const content: ImageContent = {
  imageDigest: digest,
  imageManifestMediaType: manifest,
  imageManifestSizeInBytes: 400,
  annotations: { 'org.opencontainers.image.revision': 'abc' },
  layers: [{ layerDigest: 'sha256:1', mediaType: 'layer', layerSizeInBytes: 2_500_000 }],
  layerCount: 1,
  platforms: [],
  platformCount: 0,
  configurationStatus: 'AVAILABLE',
  configuration,
};

const deployment = { registryHost: 'registry.example.com' } as never;

function answers(of: FoundImage, contents: (digest: string) => ImageContent): Answers {
  const { imageTags, ...detail } = of;
  return {
    DescribeImages: { imageDetails: [{ ...detail, imageTags, registryId: '1', repositoryName: 'team/app' }] },
    FindImages: { images: [of] },
    DescribeDeployment: deployment,
    DescribeImageConfiguration: ({ imageId }) => contents(imageId.imageDigest!),
    ListPeers: { peers: [] },
  };
}

async function open(of: FoundImage, contents: (digest: string) => ImageContent, language: 'en' | 'ja' = 'en') {
  await show(<ImagePage repository={repository} digest={digest} />, { answers: answers(of, contents), language });
  await screen.findByRole('heading', { level: 1 });
}

const rowOf = (name: string) => within(screen.getByRole('rowheader', { name }).closest('tr')!);

test('what the image says of itself is shown, and nothing in it is hidden', async () => {
  await open(image, () => content);
  await screen.findByText('["/app"]');
  screen.getByText('["serve", "⟨U+202E⟩gnp"]');
  screen.getByText('linux/arm64');
  screen.getByText('80/tcp');
  rowOf('TOKEN').getByText('a=b');
  rowOf('org.example.team').getByText('<b>web</b>');
  rowOf('org.opencontainers.image.revision').getByText('abc');
  const steps = within(screen.getByRole('heading', { name: en.history }).closest('[class*="root"]')!);
  steps.getByText(en.layersOf(1, '2.5 MB'));
  rowOf('1').getByText('COPY . /');
  rowOf('1').getByText('2.5 MB');
  rowOf('2').getByText(en.emptyLayer);
});

test('each client has its command by tag and by digest', async () => {
  await open(image, () => content);
  const command = (label: string) => screen.getAllByLabelText(label).find((e) => e.tagName === 'PRE')?.textContent;
  expect(command(images.pullByTag)).toMatch(/^docker pull .*team\/app:1\.0$/);
  expect(command(images.pullByDigest)).toMatch(new RegExp(`^docker pull .*team/app@${digest}$`));
  for (const [client, start] of [
    ['podman', 'podman pull'],
    ['crane', 'crane pull'],
  ] as const) {
    screen.getByRole('tab', { name: en.clients[client] }).click();
    await screen.findByText((text) => text.startsWith(start) && text.includes(digest));
  }
  screen.getByRole('tab', { name: en.clients.kubernetes }).click();
  await screen.findByText((text) => text.includes('kind: Pod') && text.includes(`team/app@${digest}`));
  screen.getByText((text) => text.startsWith('kubectl create secret docker-registry twinport'));
});

test('platforms are compared side by side', async () => {
  const index = 'application/vnd.oci.image.index.v1+json';
  const child = (letter: string, platform: string) => ({
    imageDigest: `sha256:${letter.repeat(64)}`,
    imageManifestMediaType: manifest,
    imageSizeInBytes: 1000,
    platform,
  });
  const amd64 = child('b', 'linux/amd64');
  const arm64 = child('c', 'linux/arm64');
  const of: FoundImage = {
    ...image,
    imageManifestMediaType: index,
    children: [amd64, arm64, child('d', 'unknown/unknown')],
  };
  await open(of, (asked) =>
    asked === digest
      ? {
          ...content,
          annotations: {},
          layers: [],
          layerCount: 0,
          configurationStatus: 'NONE',
          configuration: undefined!,
        }
      : {
          ...content,
          imageDigest: asked,
          configuration: {
            ...configuration,
            environment: ['PATH=/bin', `ARCH=${asked === amd64.imageDigest ? 1 : 2}`],
          },
        },
  );
  await screen.findByText('ARCH=1');
  rowOf('linux/amd64').getByText('ARCH=1');
  rowOf('linux/arm64').getByText('ARCH=2');
  expect(screen.queryByText('PATH=/bin')).toBeNull();
  screen.getByText((text) => text.startsWith(en.alike('').slice(0, 10)) && text.includes(en.entrypoint));
  rowOf(images.kinds.attestation); // it belongs to the index, and is no platform
});

test.each([
  ['INVALID', en, 'en'],
  ['ARTIFACT', en, 'en'],
  ['TOO_LARGE', ja, 'ja'],
  ['MISSING', ja, 'ja'],
] as const)('where the configuration is %s, the page says so and shows the layers', async (status, m, language) => {
  const { configuration: _, ...rest } = content;
  const unread: ImageContent = {
    ...rest,
    configurationStatus: status,
    configurationStatusReason: 'config.User is a number',
    config: { layerDigest: 'sha256:c', mediaType: 'application/vnd.example' },
  };
  await show(<ContentSections content={unread} />, { language });
  screen.getByText(m.statuses[status]!);
  expect(screen.queryByText('config.User is a number') !== null).toBe(status === 'INVALID');
  screen.getByText('2.5 MB');
});
