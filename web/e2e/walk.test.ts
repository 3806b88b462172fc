// The walk: prod replicates to dev, dev allows it, and an image arrives while both look on.

import type { Page } from 'playwright-core';
import { expect } from 'vitest';

import { giveKey, messages, test, visit } from './console';
import { dev, prod, tokyo, virginia, type Registry } from './server';
import { addToPolicy, chooseRegion, goTo, replicateTo, switchTo } from './steps';

for (const { language, region } of [
  { language: 'en', region: virginia },
  { language: 'ja', region: tokyo },
] as const) {
  const m = messages[language];
  const source: Registry = { account: prod, region };

  test(`cross-account replication is set up by clicking, and seen to work (${language})`, async ({ open, server }) => {
    await server.ecr(source, 'CreateRepository', { repositoryName: 'app' });
    const page = await open({ language });

    // In prod: replication is switched on, to dev.
    await page.goto('/console/');
    await giveKey(page, m, prod);
    await chooseRegion(page, m, region);
    await neverLoadedAgain(page);
    await goTo(page, m.shell.replication);
    await page.getByRole('link', { name: m.replication.setUp }).click();
    await replicateTo(page, m, { account: dev, region });

    // dev does not allow it yet: the rule says so, with the statement to add.
    await page.getByText(m.replication.grants.NOT_GRANTED).waitFor();
    await page.getByText(m.replication.missing.NOT_GRANTED(m.replication.place(dev.id, region))).waitFor();
    expect(await page.getByRole('group', { name: m.replication.statement }).textContent()).toContain(
      `arn:aws:iam::${prod.id}:root`,
    );

    // A push is refused, and the page of replications shows it by itself.
    await goTo(page, m.shell.activity);
    await server.push(source, 'app:1', 'hello');
    await page.getByText(m.activity.failures.DESTINATION_REGISTRY_ACCESS_DENIED!).first().waitFor();

    // In dev: the statement is generated and added.
    await switchTo(page, m, dev);
    await goTo(page, m.shell.permissions);
    await addToPolicy(page, m, [prod]);
    await page.getByText(m.permissions.saved).waitFor();

    // What was refused has arrived, and what is pushed now arrives.
    await goTo(page, m.shell.repositories);
    await page.getByRole('link', { name: 'app', exact: true }).click();
    await page.getByText('1', { exact: true }).first().waitFor();
    const digest = await server.push(source, 'app:from-crane', 'hello again');
    await page.getByText('from-crane', { exact: true }).first().waitFor();
    await page.getByText(digest.slice(7, 19)).first().waitFor();

    // In prod the rule is not marked any more.
    await switchTo(page, m, prod);
    await goTo(page, m.shell.replication);
    await page.getByText(m.replication.grants.GRANTED, { exact: true }).waitFor();
    expect(await page.getByText(m.replication.grants.NOT_GRANTED).count()).toBe(0);
    expect(await loadedAgain(page)).toBe(false);
  });
}

test('whoever is signed in to both accounts fixes a missing grant with one button', async ({ open, server }) => {
  const m = messages.en;
  const source: Registry = { account: dev, region: tokyo };
  const kept = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'Keep',
        Effect: 'Deny',
        Principal: '*',
        Action: 'ecr:DeleteRepository',
        Resource: `arn:aws:ecr:${tokyo}:${prod.id}:repository/*`,
      },
    ],
  });
  await server.ecr({ account: prod, region: tokyo }, 'PutRegistryPolicy', { policyText: kept });
  await server.ecr(source, 'CreateRepository', { repositoryName: 'team/web' });
  await server.ecr(source, 'PutReplicationConfiguration', {
    replicationConfiguration: { rules: [{ destinations: [{ registryId: prod.id, region: tokyo }] }] },
  });
  await server.push(source, 'team/web:1', 'refused at first');

  const page = await open();
  await page.goto('/console/');
  await giveKey(page, m, dev);
  await switchTo(page, m, prod);
  await switchTo(page, m, dev);
  await chooseRegion(page, m, tokyo);
  await goTo(page, m.shell.replication);
  await page.getByText(m.replication.grants.NOT_GRANTED).waitFor();
  await page.getByRole('button', { name: m.replication.addStatement(prod.name) }).click();
  await page.getByText(m.replication.grants.GRANTED, { exact: true }).waitFor();
  const { policyText } = await server.ecr({ account: prod, region: tokyo }, 'GetRegistryPolicy', {});
  expect(policyText).toContain('Keep');
  await goTo(page, m.shell.activity);
  await page.getByText(m.activity.states.COMPLETE, { exact: true }).first().waitFor();
});

test('a page that is opened right after a push comes to know of it in its statistics', async ({ open, server }) => {
  const m = messages.en;
  const source: Registry = { account: dev, region: virginia };
  await server.ecr(source, 'CreateRepository', { repositoryName: 'once' });
  await server.ecr(source, 'PutReplicationConfiguration', {
    replicationConfiguration: { rules: [{ destinations: [{ registryId: dev.id, region: tokyo }] }] },
  });
  const page = await open();
  await visit(page, m, source, 'activity');
  await server.push(source, 'once:1', 'once');
  await page.reload();
  await page.getByText(m.replication.grants.GRANTED, { exact: true }).first().waitFor();
  await page.getByText(m.activity.never, { exact: true }).waitFor({ state: 'hidden' });
});

/** Marks the page, so that loadedAgain can tell. */
async function neverLoadedAgain(page: Page): Promise<void> {
  await page.evaluate(() => Object.assign(globalThis, { seenFromTheBeginning: true }));
}

async function loadedAgain(page: Page): Promise<boolean> {
  return page.evaluate(() => !('seenFromTheBeginning' in globalThis));
}
