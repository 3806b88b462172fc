import type { Page } from 'playwright-core';
import { expect } from 'vitest';

import { messages, test, visit } from './console';
import { source } from './scene';
import { prod, virginia } from './server';

const m = messages.en;

/** In bytes, as they come over the line. */
const firstLoad = 500_000;
/** In milliseconds, until a person can sign in: a fifth of a second on a quiet machine. */
const formPainted = 5_000;
/** How much longer the overview may take than the form, which has no data to wait for: on machines of any speed. */
const overviewPainted = 2;
/** The machine may be busy with other tests: the best visit counts, and this many are tried. */
const visits = 8;

test('a first visit is small and quick', async ({ open }) => {
  const anonymous = await open();
  const page = await open();
  await visit(page, m, source);
  const form = await firstVisits(anonymous, '/console/');
  const overview = await firstVisits(page, `/console/${prod.id}/${virginia}/`);
  const quick = () => form.best() < formPainted && overview.best() < overviewPainted * form.best();
  for (let tries = 0; tries < visits && !quick(); tries++) {
    // in turn, so that other load meets both
    await form.again();
    await overview.again();
  }
  expect(form.best(), 'the form for signing in').toBeLessThan(formPainted);
  expect(overview.best(), 'the overview').toBeLessThan(overviewPainted * form.best());
});

/** First visits of a page, and the time of the best. */
async function firstVisits(page: Page, path: string): Promise<{ again: () => Promise<void>; best: () => number }> {
  await page.addInitScript(noteHeading);
  let best = Infinity;
  const again = async () => {
    const { sizes, time } = await visitFirst(page, path);
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    expect(bytes, `bytes of ${JSON.stringify([...sizes], null, 1)}`).toBeLessThan(firstLoad);
    expect(bytes).toBeGreaterThan(50_000); // it was not from the cache
    best = Math.min(best, time);
  };
  return { again, best: () => best };
}

/**
 * Opens the address with an empty cache; says how much came of what until the page had settled, and when its heading
 * was painted.
 */
async function visitFirst(page: Page, path: string): Promise<{ sizes: Map<string, number>; time: number }> {
  await page.goto('about:blank');
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.clearBrowserCache');
  const names = new Map<string, string>();
  const sizes = new Map<string, number>();
  session.on('Network.responseReceived', ({ requestId, response }) =>
    names.set(requestId, `${response.url} ${requestId}`),
  );
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) =>
    sizes.set(names.get(requestId)!, encodedDataLength),
  );
  await page.goto(path);
  const painted = await page.waitForFunction(() => (globalThis as { headingPainted?: number }).headingPainted);
  await page.waitForTimeout(200); // what is loaded beside the heading
  await session.detach();
  return { sizes, time: (await painted.jsonValue())! };
}

/** Runs in the page: when its first heading was painted, in milliseconds since the visit began. */
function noteHeading(): void {
  const look = () => {
    if (document.querySelector('h1')) {
      requestAnimationFrame(() => setTimeout(() => Object.assign(globalThis, { headingPainted: performance.now() })));
    } else {
      requestAnimationFrame(look);
    }
  };
  look();
}
