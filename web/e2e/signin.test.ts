import { expect } from 'vitest';

import { giveKey, messages, test, visit } from './console';
import { dev, prod, virginia } from './server';

const m = messages.en;

test('a wrong key is reported, and what was typed stays', async ({ open }) => {
  const page = await open();
  await page.goto('/console/');
  await giveKey(page, m, { ...prod, secret: 'wrong' });
  await page.getByText(m.sessions.wrongKey).waitFor();
  expect(await page.getByLabel(m.sessions.accessKeyId).inputValue()).toBe(prod.key);
  await giveKey(page, m, prod);
  await page.waitForURL(`**/console/${prod.id}/**`);
});

test('a link leads to its account and Region through signing in', async ({ open }) => {
  const page = await open();
  await page.goto(`/console/${dev.id}/${virginia}/permissions`);
  await giveKey(page, m, prod);
  await page.getByText(m.sessions.otherAccount(prod.id, dev.id)).waitFor();
  await giveKey(page, m, dev);
  await page.waitForURL(`**/console/${dev.id}/${virginia}/permissions`);
});

test('accounts are signed in side by side', async ({ open }) => {
  const page = await open();
  await visit(page, m, { account: prod, region: virginia });
  await page.getByRole('button', { name: m.shell.switchAccount(prod.name, prod.id, virginia) }).click();
  await page.getByRole('menuitem', { name: m.shell.addAccount }).click();
  await giveKey(page, m, dev);
  await page.waitForURL(`**/console/${dev.id}/${virginia}/`);
  const bar = page.getByRole('banner');
  await bar.getByText(dev.name, { exact: true }).waitFor();
  await bar.getByText(virginia, { exact: true }).waitFor();
});
