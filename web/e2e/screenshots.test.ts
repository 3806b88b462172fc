// Pictures of the main pages for docs/images; made by make screenshots.

import { join } from 'node:path';

import { describe, expect } from 'vitest';

import { messages, settle, test, visit, type View } from './console';
import { furnish, source, taker } from './scene';
import { prod, type Registry } from './server';

const folder = process.env.SCREENSHOTS;

interface Picture extends View {
  name: string;
  path: string;
  registry?: Registry;
}

const pictures: Picture[] = [
  { name: 'overview', path: '' },
  { name: 'replication', path: 'replication', height: 1140 },
  { name: 'edit-replication', path: 'replication/edit?rule=1' },
  { name: 'permissions', path: `permissions?generate=${prod.id}`, registry: taker, height: 1000 },
  { name: 'images', path: 'repository/team/web', width: 1440 },
  { name: 'activity', path: 'activity', height: 1300 },
  { name: 'activity-dark', path: 'activity', dark: true },
  { name: 'replication-ja', path: 'replication', language: 'ja', height: 1140 },
  { name: 'overview-phone', path: '', width: 390, height: 760 },
];

describe.runIf(folder)('pictures', () => {
  test('of the main pages', async ({ open, server }) => {
    await furnish(server);
    // Statistics are written every five seconds.
    await expect
      .poll(
        async () =>
          (await server.twinport(source, 'GetReplicationStatistics', { period: 'HOUR' })).destinations.filter(
            (d) => d.lastCompletedAt,
          ).length,
        { timeout: 20_000 },
      )
      .toBe(2);
    for (const { name, path, registry = source, language = 'en', ...view } of pictures) {
      const page = await open({ height: 860, language, ...view });
      await visit(page, messages[language], registry === source ? taker : source);
      await visit(page, messages[language], registry, path);
      await settle(page);
      await page.screenshot({ path: join(folder!, `${name}.png`) });
    }
  });
});
