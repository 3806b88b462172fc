// What an image says of itself, how it is fetched, and what is stored.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Page } from 'playwright-core';
import { expect } from 'vitest';

import { expectAccessible, expectNoSidewaysScrolling } from './accessibility';
import { messages, settle, test, visit } from './console';
import { source } from './scene';
import type { Server } from './server';

const m = messages.en;
const repositoryName = 'team/shop';

/** Opens another page of the registry. */
async function goTo(page: Page, path: string): Promise<void> {
  await page.goto(`/console/${source.account.id}/${source.region}/${path}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** Pushes an image of one platform with a configuration, and returns its digest. */
async function push(server: Server, tag: string, platform: string, mutations: string[]): Promise<string> {
  const image = server.image(source, `${repositoryName}:${tag}`);
  await server.push(source, `${repositoryName}:${tag}`, `shop for ${platform}`, 1);
  await server.client('crane', source, ['mutate', '--set-platform', platform, ...mutations, '--tag', image, image]);
  return (await server.client('crane', source, ['digest', image])).trim();
}

test('an image shows its configuration, its platforms and its commands, and the registry what it stores', async ({
  open,
  server,
}) => {
  await server.ecr(source, 'CreateRepository', { repositoryName });
  const both = [
    '--user',
    'shop',
    '--entrypoint',
    '/shop',
    '--env',
    'PATH=/bin',
    '--label',
    'org.example.team=\u202eweb',
  ];
  const amd64 = await push(server, '1.0-amd64', 'linux/amd64', [
    ...both,
    '--annotation',
    'org.example.commit=abc',
    '--env',
    'GOAMD64=v3',
  ]);
  await push(server, '1.0-arm64', 'linux/arm64', [...both, '--env', 'GOARM64=v8.0']);
  const index = server.image(source, `${repositoryName}:1.0`);
  const children = ['amd64', 'arm64'].flatMap((tag) => ['--manifest', `${index}-${tag}`]);
  await server.client('crane', source, ['index', 'append', ...children, '--tag', index]);

  const page = await open();
  await visit(page, m, source, `repository/${repositoryName}`);
  await page.getByRole('link', { name: '1.0', exact: true }).click();
  await page.getByRole('heading', { name: '1.0', level: 1 }).waitFor();
  await page.getByRole('cell', { name: 'GOAMD64=v3' }).waitFor();
  await page.getByRole('cell', { name: 'GOARM64=v8.0' }).waitFor();
  await page.getByText(m.content.entrypoint).waitFor(); // among what all have alike
  await page.getByRole('tab', { name: m.content.clients.kubernetes }).click();
  await page.getByText(`image: ${server.image(source, repositoryName)}:1.0`, { exact: false }).waitFor();

  // The command of the page is run as it is.
  await page.getByRole('tab', { name: m.content.clients.crane }).click();
  const command = await page.getByLabel(m.images.pullByTag).first().textContent();
  expect(command).toBe(`crane pull --format=oci ${index} shop`);
  await server.client('crane', source, command!.split(' ').slice(1));
  const layout = JSON.parse(readFileSync(join(server.folder, 'shop', 'index.json'), 'utf8')) as {
    manifests: { mediaType: string }[];
  };
  expect(layout.manifests.map((d) => d.mediaType)).toEqual(['application/vnd.oci.image.index.v1+json']);

  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await settle(page);
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
  }
  await page.setViewportSize({ width: 1280, height: 900 });

  await page.getByRole('link', { name: 'linux/amd64', exact: true }).click();
  await page.getByRole('heading', { name: '1.0-amd64', level: 1 }).waitFor();
  await page.getByText('["/shop"]').waitFor();
  await page.getByText('⟨U+202E⟩web').waitFor();
  await page.getByRole('row').filter({ hasText: 'org.example.commit' }).getByText('abc').waitFor();
  await page.getByRole('heading', { name: m.content.history }).waitFor();
  await settle(page);
  await expectAccessible(page);

  // A config that is none is not shown as one.
  const config = join(server.folder, 'config.json');
  writeFileSync(config, '{"config":{"Env":"PATH=/bin"}}');
  writeFileSync(join(server.folder, 'file'), 'x');
  await server.client('oras', source, [
    'push',
    '--plain-http',
    '--config',
    'config.json:application/vnd.oci.image.config.v1+json',
    server.image(source, `${repositoryName}:broken`),
    'file',
  ]);
  await goTo(page, `repository/${repositoryName}`);
  await page.getByRole('link', { name: 'broken', exact: true }).click();
  await page.getByText(m.content.statuses['INVALID']!).waitFor();
  await page.getByText('config.Env is a string').waitFor();

  // What is stored: of the repository, and of the registry, where a copy adds only its manifest.
  // A busy server answers what it has counted before, while it counts anew.
  const ofRepository = async () =>
    (await server.twinport(source, 'DescribeStorage', { repositoryNames: [repositoryName] })).repositories?.[0];
  const poll = { timeout: 60_000, interval: 200 };
  // Each image before its configuration was changed, too.
  await expect.poll(async () => (await ofRepository())?.imageCount, poll).toBe(6);
  await server.ecr(source, 'CreateRepository', { repositoryName: 'team/copy' });
  const copy = server.image(source, 'team/copy:1');
  await server.client('crane', source, ['copy', `${server.image(source, repositoryName)}@${amd64}`, copy]);
  const ofRegistry = async () => (await server.twinport(source, 'DescribeStorage', {})).registry!;
  await expect.poll(async () => (await ofRegistry()).sharedSizeInBytes, poll).toBeGreaterThan(1 << 20);
  expect((await ofRegistry()).layerCount).toBe((await ofRepository())?.layerCount);
  await goTo(page, '');
  await page.getByRole('heading', { name: m.storage.title }).waitFor();
  await page.getByText(m.storage.saved).waitFor();
  await goTo(page, 'repositories');
  await page.getByRole('columnheader', { name: m.storage.stored }).waitFor();
  await page.getByRole('row', { name: repositoryName }).getByText('MB').waitFor();
});
