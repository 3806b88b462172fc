// The console in Chromium, as a viewer sees it; every test that opens it also
// checks what must hold on all pages.

import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { expect, inject, test as base } from 'vitest';

import * as en from '../src/i18n/en';
import * as ja from '../src/i18n/ja';
import type { Language, Messages } from '../src/i18n';
import { Server, type Account, type Registry } from './server';
import { tool } from './tools';

export const messages: Record<Language, Messages> = { en, ja };

export interface View {
  language?: Language;
  dark?: boolean;
  width?: number;
  height?: number;
}

/** Wide enough for what is beside the page, as on most desks. */
const desk = { width: 1280, height: 900 };

interface Fixtures {
  /** A server that the tests of a file share. */
  server: Server;
  browser: Browser;
  /** Opens a browser window without cookies; it closes with the test. */
  open: (view?: View) => Promise<Page>;
}

export const test = base.extend<Fixtures>({
  server: [
    // Vitest reads the names of the fixtures that are needed from the pattern.
    // eslint-disable-next-line no-empty-pattern
    async ({}, provide) => {
      const server = await Server.start(inject('program'));
      await provide(server);
      await server.end();
    },
    { scope: 'file' },
  ],
  browser: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, provide) => {
      const browser = await chromium.launch({
        executablePath: tool('chromium'),
        args: [
          '--no-sandbox', // the tests run as root in CI
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
          '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', // no test needs another host
        ],
      });
      await provide(browser);
      await browser.close();
    },
    { scope: 'file' },
  ],
  open: async ({ browser, server, task }, provide) => {
    const windows: { context: BrowserContext; faults: string[]; lost: string[] }[] = [];
    await provide(async ({ language = 'en', dark = false, width = desk.width, height = desk.height } = {}) => {
      const context = await browser.newContext({
        baseURL: server.url,
        locale: language === 'ja' ? 'ja-JP' : 'en-US',
        timezoneId: 'UTC',
        colorScheme: dark ? 'dark' : 'light',
        reducedMotion: 'reduce',
        viewport: { width, height },
      });
      context.setDefaultTimeout(30_000);
      const faults: string[] = [];
      watchFaults(context, server, faults);
      const lost: string[] = [];
      context.on('requestfailed', (request) => lost.push(`${request.url()}: ${request.failure()?.errorText}`));
      const page = await context.newPage();
      windows.push({ context, faults, lost });
      return page;
    });
    for (const { context, lost } of windows) {
      for (const page of task.result?.errors ? context.pages() : []) {
        console.log(
          `${page.url()} has lost ${JSON.stringify(lost)}, and shows\n${await page.locator('body').ariaSnapshot().catch(String)}`,
        );
      }
      await context.close();
    }
    expect(windows.flatMap(({ faults }) => faults)).toEqual([]);
  },
});

/** Writes down what no page may do: ask other hosts, break the policy of its content, throw. */
function watchFaults(context: BrowserContext, server: Server, faults: string[]): void {
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== server.url && !['data:', 'blob:'].includes(url.protocol)) {
      faults.push(`a request to another host: ${request.method()} ${url}`);
    }
  });
  context.on('weberror', (error) =>
    faults.push(`an error that nobody caught: ${error.error().stack || String(error.error())}`),
  );
  context.on('console', (message) => {
    // Chromium reports answers that are errors, and lost connections, itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource:')) {
      faults.push(`an error on the browser's console: ${message.text()}`);
    }
  });
}

/** Fills the form for signing in. */
export async function giveKey(page: Page, m: Messages, account: Account): Promise<void> {
  await page.getByLabel(m.sessions.accessKeyId).fill(account.key);
  await page.getByLabel(m.sessions.secretAccessKey).fill(account.secret);
  await page.getByRole('button', { name: m.sessions.signIn, exact: true }).click();
}

/** Opens a page of a registry, signing in on the way; path is as in the application's routes. */
export async function visit(page: Page, m: Messages, { account, region }: Registry, path = ''): Promise<void> {
  await page.goto(`/console/${account.id}/${region}/${path}`);
  await page.waitForURL('**/sign-in?*');
  await giveKey(page, m, account);
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'));
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** Waits until the page has not changed for a while: what it asked for is shown. */
export async function settle(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.evaluate(async () => {
    const quiet = 400; // milliseconds
    let changed = performance.now();
    const observer = new MutationObserver(() => (changed = performance.now()));
    observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    for (const deadline = changed + 10_000; performance.now() < Math.min(changed + quiet, deadline);) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    observer.disconnect();
  });
}
