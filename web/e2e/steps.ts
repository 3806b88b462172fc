// What viewers do on the console's pages, in the words of their language.

import type { Locator, Page } from 'playwright-core';

import type { Messages } from '../src/i18n';
import { giveKey } from './console';
import type { Account, Registry } from './server';

/** Follows a link of the navigation at the side. */
export async function goTo(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

/** Goes to the same page of another Region. */
export async function chooseRegion(page: Page, m: Messages, region: string): Promise<void> {
  await page.getByRole('button', { name: new RegExp(`^${m.shell.switchRegion('.*')}$`) }).click();
  await page.getByRole('menuitemcheckbox', { name: region }).click();
  await page.waitForURL(`**/${region}/**`);
}

/** Goes to the same page of another account; signs in there if need be. */
export async function switchTo(page: Page, m: Messages, account: Account): Promise<void> {
  await page.getByRole('button', { name: new RegExp(`^${m.shell.switchAccount('.*', '.*', '.*')}$`) }).click();
  const there = page.getByRole('menuitemcheckbox', { name: account.name });
  if ((await there.count()) > 0) {
    await there.click();
  } else {
    await page.getByRole('menuitem', { name: m.shell.addAccount }).click();
    await giveKey(page, m, account);
  }
  await page.waitForURL(`**/console/${account.id}/**`);
}

/** Goes on to the next step of a walk in steps; the words are Cloudscape's own. */
export async function next(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^(Next|次へ)$/ }).click();
}

/**
 * From the first step of editing an empty registry's rules: images of all repositories are to go to the destination.
 */
export async function replicateTo(page: Page, m: Messages, { account, region }: Registry): Promise<void> {
  await page.getByRole('checkbox', { name: m.replication.crossAccountSwitch }).check();
  await next(page);
  await accountField(page, m).fill(account.id);
  await page.getByRole('button', { name: `${m.replication.accountsLabel} ${m.replication.regionLabel}` }).click();
  await page.getByRole('option', { name: region }).click();
  await next(page);
  await page.getByRole('heading', { name: m.replication.reviewTitle }).first().waitFor();
  await page.getByRole('button', { name: m.shell.save, exact: true }).click();
  await page.getByText(m.replication.saved).waitFor();
}

/** The last destination account of the rules. */
export function accountField(page: Page, m: Messages): Locator {
  return page.getByRole('textbox', { name: m.replication.accountLabel }).last();
}

/** On the page of permissions: lets the accounts replicate into the registry. */
export async function addToPolicy(page: Page, m: Messages, accounts: Account[]): Promise<void> {
  await page.getByRole('button', { name: m.permissions.generate }).click();
  await page.getByLabel(m.permissions.accounts).fill(accounts.map((a) => a.id).join(', '));
  await page.getByRole('button', { name: m.permissions.addToPolicy }).click();
  await page.getByRole('button', { name: m.shell.save, exact: true }).click();
}
