// Images that were there before the rules go to the destinations when that is asked for.

import type { Page } from 'playwright-core';
import { expect } from 'vitest';

import { expectAccessible, expectNoSidewaysScrolling } from './accessibility';
import { messages, settle, test, visit } from './console';
import { dev, prod, tokyo, virginia, type Registry } from './server';

const m = messages.en;
const here: Registry = { account: prod, region: virginia };

/** Has what is there replicated, and waits until that has ended. */
async function backfill(page: Page, { account, region }: Registry): Promise<void> {
  const place = m.replication.place(account.id, region);
  await page.getByRole('button', { name: m.backfills.startFor(place) }).click();
  await page.getByRole('dialog').getByRole('button', { name: m.backfills.confirm }).click();
  const row = page.getByRole('table', { name: m.backfills.title }).getByRole('row', { name: region });
  await row.getByText(m.backfills.statuses.COMPLETE).waitFor();
  await row.getByText(m.backfills.doneOf('2', '2')).waitFor();
  await row.getByRole('button', { name: m.backfills.resultsOf(place) }).click();
}

test('what is there already is replicated, and what could not be says why', async ({ open, server }) => {
  const own: Registry = { account: prod, region: tokyo };
  const closed: Registry = { account: dev, region: virginia };
  await server.ecr(here, 'CreateRepository', { repositoryName: 'team/web' });
  const digest = await server.push(here, 'team/web:1', 'one');
  await server.push(here, 'team/web:2', 'two');
  await server.ecr(here, 'PutReplicationConfiguration', {
    replicationConfiguration: {
      rules: [{ destinations: [own, closed].map(({ account, region }) => ({ registryId: account.id, region })) }],
    },
  });
  const page = await open();
  await visit(page, m, here, 'replication');
  await page.getByText(m.backfills.none).waitFor();

  await backfill(page, own);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('link', { name: 'team/web:1', exact: true }).waitFor();
  await settle(page);
  await expectAccessible(page);
  const there = await server.ecr(own, 'DescribeImages', { repositoryName: 'team/web' });
  expect(there.imageDetails.map(({ imageDigest }) => imageDigest)).toContain(digest);
  await dialog.getByRole('button', { name: m.shell.close, exact: true }).last().click();

  await backfill(page, closed);
  await dialog.getByText(m.activity.failures.DESTINATION_REGISTRY_ACCESS_DENIED!).first().waitFor();
  await dialog.getByRole('button', { name: m.shell.close, exact: true }).last().click();
  for (const width of [1024, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await settle(page);
    await expectNoSidewaysScrolling(page);
  }
});
