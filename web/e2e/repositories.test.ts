// Repositories and images, from creating one to deleting it.

import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

import { expectAccessible, expectNoSidewaysScrolling } from './accessibility';
import { messages, settle, test, visit } from './console';
import { prod, virginia, type Registry } from './server';

const m = messages.en;
const here: Registry = { account: prod, region: virginia };

/** The row of the image with a tag. */
function row(page: Page, tag: string): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('link', { name: tag, exact: true }) });
}

/** Selects images by tags, and opens the dialog that deletes them. */
async function startDeleting(page: Page, ...tags: string[]): Promise<Locator> {
  for (const tag of tags) {
    await row(page, tag).getByRole('checkbox').check();
  }
  await page.getByRole('tabpanel').getByRole('button', { name: m.images.delete, exact: true }).click();
  return page.getByRole('dialog');
}

test('a repository is created, and an image that is pushed to it appears by itself', async ({ open, server }) => {
  const page = await open();
  await visit(page, m, here, 'repositories');
  await page.getByText(m.repositories.none).waitFor();
  await page.getByRole('button', { name: m.repositories.create }).first().click();
  await page.getByLabel(m.repositories.name).fill('Team/web');
  await page.getByText(m.repositories.nameProblems.capitals).waitFor();
  await page.getByLabel(m.repositories.name).fill('team/web');
  await page.getByRole('button', { name: m.repositories.create }).click();
  await page.getByRole('heading', { name: 'team/web', level: 1 }).waitFor();
  await page.getByText(m.images.none).waitFor();
  await server.push(here, 'team/web:1.0.0', 'one');
  await row(page, '1.0.0').waitFor();
});

test('the push commands name a place that takes the image', async ({ open, server }) => {
  await server.ecr(here, 'CreateRepository', { repositoryName: 'pushed' });
  const page = await open();
  await visit(page, m, here, 'repository/pushed');
  await page.getByRole('button', { name: m.repositories.pushCommands }).first().click();
  const command = await page.getByRole('dialog').getByLabel(m.repositories.stepPush).first().textContent();
  const image = command!.replace('docker push ', '');
  expect(image).toBe(server.image(here, 'pushed:latest'));
  await server.push(here, 'pushed:latest', 'pushed');
  await page.getByRole('button', { name: m.shell.close, exact: true }).last().click();
  await row(page, 'latest').waitFor();
});

test('a password for docker lets its holder in', async ({ open, server }) => {
  await server.ecr(here, 'CreateRepository', { repositoryName: 'by-password' });
  const page = await open();
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await visit(page, m, here, 'repository/by-password');
  await page.getByRole('button', { name: m.repositories.pushCommands }).first().click();
  await page.getByRole('tab', { name: m.repositories.withoutAws }).click();
  await expectAccessible(page);
  await page.getByRole('button', { name: m.repositories.makePassword }).click();
  await page.getByRole('button', { name: m.repositories.copyPassword }).click();
  await page.getByText(m.shell.copied, { exact: true }).waitFor();
  const password = await page.evaluate(() => navigator.clipboard.readText());
  const answer = await fetch(`${server.url}/v2/by-password/tags/list`, {
    headers: { Authorization: `Basic ${btoa(`AWS:${password}`)}` },
  });
  expect(answer.status).toBe(200);
});

test('an index goes with what belongs to it, but for what has a tag or is named by another', async ({
  open,
  server,
}) => {
  await server.ecr(here, 'CreateRepository', { repositoryName: 'many' });
  for (const [name, tag] of [
    ['one', 'amd64'],
    ['two', 'arm64'],
    ['three', 'riscv64'],
  ] as const) {
    const image = server.image(here, `many:${tag}`);
    await server.push(here, `many:${tag}`, name);
    await server.client('crane', here, ['mutate', '--set-platform', `linux/${tag}`, '--tag', image, image]);
  }
  const append = (tag: string, ...parts: string[]) =>
    server.client('crane', here, [
      'index',
      'append',
      ...parts.flatMap((part) => ['--manifest', server.image(here, `many:${part}`)]),
      '--tag',
      server.image(here, `many:${tag}`),
    ]);
  await append('1.0', 'amd64', 'arm64', 'riscv64');
  await append('2.0', 'arm64');
  for (const tag of ['amd64', 'arm64']) {
    await server.client('crane', here, ['delete', server.image(here, `many:${tag}`)]); // riscv64 keeps its tag
  }
  const page = await open();
  await visit(page, m, here, 'repository/many');
  await row(page, '1.0')
    .getByRole('button', { name: m.images.expand('1.0') })
    .click();
  await page.getByRole('link', { name: 'linux/riscv64' }).waitFor();

  const dialog = await startDeleting(page, '1.0');
  await dialog.getByText(m.images.childrenToo(2)).waitFor();
  await expectAccessible(page);
  await dialog.getByText(m.images.taggedStay).waitFor();
  await dialog.getByRole('button', { name: m.images.delete, exact: true }).click();
  await dialog.getByText(m.images.deletedPartly(2, 1)).waitFor();
  await dialog.getByText(m.images.failures.ImageReferencedByManifestList!).waitFor();
  await dialog.getByRole('button', { name: m.shell.close, exact: true }).last().click();
  await row(page, '1.0').waitFor({ state: 'detached' });
  await row(page, '2.0').waitFor();
  const left = await server.twinport(here, 'FindImages', { repositoryName: 'many' });
  expect(left.images.map((image) => [image.imageTags, image.children.length])).toEqual(
    expect.arrayContaining([
      [['2.0'], 1],
      [['riscv64'], 0],
    ]),
  );
});

test('a repository with images is deleted once its name is typed', async ({ open, server }) => {
  await server.ecr(here, 'CreateRepository', { repositoryName: 'full' });
  await server.push(here, 'full:1', 'full');
  const page = await open();
  await visit(page, m, here, 'repository/full');
  await page.getByRole('button', { name: m.shell.delete, exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(m.repositories.deleteImagesToo).waitFor();
  expect(await dialog.getByRole('button', { name: m.shell.delete, exact: true }).isDisabled()).toBe(true);
  await dialog.getByRole('textbox').fill('full');
  await dialog.getByRole('button', { name: m.shell.delete, exact: true }).click();
  await page.getByText(m.repositories.deleted('full')).waitFor();
  await page.waitForURL('**/repositories');
});

test('searching and paging through many images keeps the place', async ({ open, server }) => {
  await server.ecr(here, 'CreateRepository', { repositoryName: 'long' });
  const first = server.image(here, 'long:v000');
  await server.push(here, 'long:v000', 'the same for all');
  for (let i = 1; i < 60; i++) {
    const tag = `v${String(i).padStart(3, '0')}`;
    await server.client('crane', here, [
      'mutate',
      '--annotation',
      `n=${i}`,
      '--tag',
      server.image(here, `long:${tag}`),
      first,
    ]);
  }
  const page = await open();
  await visit(page, m, here, 'repository/long');
  await row(page, 'v059').waitFor();
  await page.getByRole('button', { name: 'Next page' }).click();
  await row(page, 'v009').waitFor();
  await page.getByRole('link', { name: 'v009' }).click();
  await page.getByRole('heading', { name: 'v009', level: 1 }).waitFor();
  await page.goBack();
  await row(page, 'v009').waitFor();
  await server.push(here, 'long:new', 'new'); // on the first page
  await page.getByPlaceholder(m.images.search).fill('v05');
  await row(page, 'v050').waitFor();
  await row(page, 'v009').waitFor({ state: 'detached' });
  expect(await page.getByRole('row').count()).toBe(11); // with the header
});

test('the page of an image shows its layers and how to pull it, on a phone too', async ({ open, server }) => {
  await server.ecr(here, 'CreateRepository', { repositoryName: 'single' });
  const digest = await server.push(here, 'single:1.0', 'single');
  const page = await open();
  await visit(page, m, here, 'repository/single');
  await page.getByRole('link', { name: '1.0', exact: true }).click();
  await page.getByRole('heading', { name: '1.0', level: 1 }).waitFor();
  expect(await page.getByLabel(m.images.pullByDigest).first().textContent()).toBe(
    `docker pull ${server.image(here, 'single')}@${digest}`,
  );
  await page.getByRole('button', { name: m.images.showManifest }).click();
  await page.getByLabel(m.images.json).waitFor();
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await settle(page);
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
  }
});

test('what another saves between the last look of the console and its write is not overwritten', async ({
  open,
  server,
}) => {
  const repositoryName = 'edited';
  await server.ecr(here, 'CreateRepository', { repositoryName });
  const page = await open();
  await visit(page, m, here, `repository/${repositoryName}?tab=settings`);
  await page.getByText(m.repositories.immutable, { exact: true }).click();
  let others = 0;
  await page.route('/', async (route) => {
    if (others === 0 && route.request().headers()['x-amz-target']?.endsWith('.PutImageTagMutability')) {
      others++;
      await server.ecr(here, 'PutImageTagMutability', {
        repositoryName,
        imageTagMutability: 'MUTABLE_WITH_EXCLUSION',
        imageTagMutabilityExclusionFilters: [{ filter: 'v*', filterType: 'WILDCARD' }],
      });
    }
    await route.continue();
  });
  const save = page.getByRole('button', { name: m.shell.save, exact: true });
  await save.click();
  await page.getByText(m.repositories.conflict).waitFor();
  await page.getByText(m.repositories.except(m.repositories.mutable, 'v*')).waitFor();
  const stored = async () => (await server.ecr(here, 'DescribeRepositories', {})).repositories;
  const edited = (repository: { repositoryName: string }) => repository.repositoryName === repositoryName;
  expect((await stored()).find(edited)?.imageTagMutability).toBe('MUTABLE_WITH_EXCLUSION');
  await expectAccessible(page);
  await page.getByRole('button', { name: m.repositories.keepMine }).click();
  await save.click();
  await page.getByText(m.repositories.saved, { exact: true }).waitFor();
  expect((await stored()).find(edited)?.imageTagMutability).toBe('IMMUTABLE');
});
