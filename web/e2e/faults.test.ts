// What happens while something is typed: nothing of it may be lost, and the page recovers by itself.

import type { Page } from 'playwright-core';
import { expect } from 'vitest';

import { giveKey, messages, test, visit } from './console';
import { source } from './scene';
import { dev, prod, virginia } from './server';
import { accountField, next } from './steps';

const m = messages.en;
const destination = { registryId: dev.id, region: virginia };

/** Opens the form of the replication rules and types an account into it. */
async function typeDestination(page: Page): Promise<void> {
  await visit(page, m, source, 'replication/edit');
  await page.getByRole('checkbox', { name: m.replication.crossAccountSwitch }).check();
  await next(page);
  await accountField(page, m).fill(dev.id);
}

/** Goes on from typeDestination. */
async function save(page: Page): Promise<void> {
  expect(await accountField(page, m).inputValue()).toBe(dev.id);
  await next(page);
  await page.getByRole('button', { name: m.shell.save, exact: true }).click();
}

test('a server that restarts', async ({ open, server }) => {
  const page = await open();
  await typeDestination(page);
  await page.getByText(m.shell.live, { exact: true }).waitFor();
  await server.stop('SIGKILL');
  await page.getByText(m.shell.offline).waitFor();
  await server.begin();
  await page.getByText(m.shell.live, { exact: true }).waitFor();
  await save(page);
  await page.getByText(m.replication.saved).waitFor();
  const { replicationConfiguration } = await server.ecr(source, 'DescribeRegistry', {});
  expect(replicationConfiguration.rules[0]!.destinations).toEqual([destination]);
  await server.ecr(source, 'PutReplicationConfiguration', { replicationConfiguration: { rules: [] } });
});

test('a line that is cut', async ({ open, server }) => {
  const page = await open();
  await typeDestination(page);
  await page.context().setOffline(true);
  await save(page);
  await page.getByText(m.errors.network).first().waitFor();
  await page.context().setOffline(false);
  await page.getByRole('button', { name: m.shell.save, exact: true }).click();
  await page.getByText(m.replication.saved).waitFor();
  await server.ecr(source, 'PutReplicationConfiguration', { replicationConfiguration: { rules: [] } });
});

test('a session that is revoked', async ({ open, server }) => {
  const page = await open();
  await typeDestination(page);
  const { sessions } = await server.twinport(source, 'ListSessions', {});
  const ofPage = sessions.filter((s) => !s.current).map((s) => s.sessionId);
  expect(ofPage).not.toEqual([]);
  await server.twinport(source, 'RevokeSessions', { sessionIds: ofPage });
  // The stream of changes ends with the session: nobody has to try first.
  await page.getByRole('dialog').getByText(m.errors.signedOut).waitFor();
  await giveKey(page, m, prod);
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await save(page);
  await page.getByText(m.replication.saved).waitFor();
});

test('a page is left', async ({ open }) => {
  const page = await open();
  await visit(page, m, source, 'permissions');
  await page.getByRole('textbox', { name: m.permissions.policy }).fill('{"Version": ');
  await page.getByRole('link', { name: m.shell.repositories, exact: true }).first().click();
  await page.getByRole('button', { name: m.shell.stay }).click();
  expect(await page.getByRole('textbox', { name: m.permissions.policy }).inputValue()).toBe('{"Version": ');
});
