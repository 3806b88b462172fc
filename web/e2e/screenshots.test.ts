// Pictures of the main pages for docs/images; made by make screenshots.

import { join } from 'node:path';

import { describe, expect, inject } from 'vitest';

import { messages, settle, test, visit, type View } from './console';
import { furnish, grantOf, source, taker } from './scene';
import { dev, oregon, prod, Server, type Registry } from './server';

const folder = process.env.SCREENSHOTS;

interface Picture extends View {
  name: string;
  path: string;
  registry?: Registry;
  /** A button that is pressed first. */
  press?: string;
}

const pictures: Picture[] = [
  { name: 'overview', path: '' },
  { name: 'replication', path: 'replication', height: 1140 },
  { name: 'edit-replication', path: 'replication/edit?rule=1' },
  { name: 'permissions', path: `permissions?generate=${prod.id}`, registry: taker, height: 1000 },
  { name: 'images', path: 'repository/team/web', width: 1440 },
  {
    name: 'lifecycle',
    path: 'repository/team/web?tab=lifecycle',
    press: messages.en.lifecycle.previewNow,
    height: 1420,
  },
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
    for (const { name, path, registry = source, press, language = 'en', ...view } of pictures) {
      const page = await open({ height: 860, language, ...view });
      await visit(page, messages[language], registry === source ? taker : source);
      await visit(page, messages[language], registry, path);
      await settle(page);
      if (press) {
        await page.getByRole('button', { name: press }).click();
        await settle(page);
      }
      await page.screenshot({ path: join(folder!, `${name}.png`) });
    }
  });

  test('of deployments', async ({ open, server }) => {
    const other = await Server.start(inject('program'), { name: 'oregon', regions: [oregon] });
    const code = (await server.command(`twinport peer invite --accounts ${prod.id}`)).trim();
    await other.command(`twinport peer join ${code} --accounts ${prod.id},${dev.id}`);
    const atOregon = { account: dev, region: oregon };
    await other.ecr(atOregon, 'PutRegistryPolicy', { policyText: grantOf(atOregon) });
    const { replicationConfiguration } = await server.ecr(source, 'DescribeRegistry', {});
    const destinations = [prod, dev].map(({ id }) => ({ registryId: id, region: oregon }));
    await server.ecr(source, 'PutReplicationConfiguration', {
      replicationConfiguration: { rules: [...replicationConfiguration.rules, { destinations }] },
    });
    await server.push(source, 'base/alpine:3.24', 'alpine 3.24', 3);
    const page = await open({ height: 1180 });
    await visit(page, messages.en, source, 'deployments');
    await page.waitForTimeout(7000); // statistics are written every five seconds
    await settle(page);
    await page.screenshot({ path: join(folder!, 'deployments.png') });
    await other.end();
  });
});
