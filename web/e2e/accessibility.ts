// What axe finds, and whether a page keeps to the window's width.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { AxeResults, Result, RunOptions } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Fails if axe finds anything serious on the page as it is now. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe);
  const results = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } };
    return axe.run({ resultTypes: ['violations'] });
  });
  const serious = results.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(describe), `axe on ${page.url()}`).toEqual([]);
}

function describe({ id, help, nodes }: Result): string {
  return [
    `${id}: ${help}`,
    ...nodes.slice(0, 5).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary ?? ''}`),
  ].join('\n');
}

/** Fails if the page has to be moved sideways to be seen, at its width now. */
export async function expectNoSidewaysScrolling(page: Page): Promise<void> {
  const { width, beyond } = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const beyond =
      document.documentElement.scrollWidth > width
        ? [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > width + 1)
        : [];
    return { width, beyond: beyond.slice(-5).map((e) => e.outerHTML.slice(0, 200)) };
  });
  expect(beyond, `wider than ${width} px: ${page.url()}`).toEqual([]);
}
