// Two deployments join by the commands that the console shows, and replicate.

import { inject } from 'vitest';

import { expectAccessible, expectNoSidewaysScrolling } from './accessibility';
import { messages, settle, test as base, visit } from './console';
import { dev, oregon, prod, Server, virginia } from './server';
import { goTo, next } from './steps';

const test = base.extend<{ other: Server }>({
  other: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, provide) => {
      const server = await Server.start(inject('program'), { name: 'oregon', regions: [oregon] });
      await provide(server);
      await server.end();
    },
    { scope: 'file' },
  ],
});

test('another deployment joins, a rule names its Region, and an image goes there', async ({ open, server, other }) => {
  const m = messages.en;
  const here = { account: prod, region: virginia };
  const page = await open();
  await visit(page, m, here, 'deployments/join');
  const command = async (label: string) => (await page.locator(`pre[aria-label="${label}"]`).textContent())!;
  const invite = await command(m.deployments.stepInviteHere('tokyo'));
  const join = await command(m.deployments.stepJoinThere);
  const code = (await server.command(invite)).trim();
  await other.command(join.replace('CODE', code));
  await page.getByText(m.deployments.joined('oregon')).waitFor();
  await expectAccessible(page);

  await page.getByRole('link', { name: m.deployments.setUp }).click();
  await page.getByRole('checkbox', { name: m.replication.crossRegionSwitch }).check();
  await next(page);
  await page.getByRole('button', { name: m.replication.regionsLabel }).click();
  await page.getByRole('option', { name: `${oregon} oregon` }).click();
  await page.keyboard.press('Escape');
  await next(page);
  await page.getByText(m.replication.servedBy('oregon')).waitFor();
  await page.getByText(m.replication.grants.GRANTED).waitFor();
  await page.getByRole('button', { name: m.shell.save, exact: true }).click();
  await page.getByText(m.replication.saved).waitFor();

  await server.ecr(here, 'CreateRepository', { repositoryName: 'app' });
  const digest = await server.push(here, 'app:1', 'hello', 1);
  await goTo(page, m.shell.activity);
  await page.getByText(m.replication.servedBy('oregon')).first().waitFor();
  await page.getByText(m.activity.states.COMPLETE).last().waitFor();
  const there = { account: prod, region: oregon };
  const { imageDetails } = await other.ecr(there, 'DescribeImages', { repositoryName: 'app' });
  if (imageDetails?.[0]?.imageDigest !== digest) {
    throw new Error(`oregon has ${JSON.stringify(imageDetails)}, not ${digest}`);
  }

  await goTo(page, m.shell.deployments);
  const ways = page.getByRole('list', { name: m.deployments.replicatesTo });
  await ways.getByText(m.deployments.ways.good).waitFor();
  await page.getByText(m.deployments.states.REACHABLE).first().waitFor();
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 900 });
  await settle(page);
  await expectNoSidewaysScrolling(page);

  await other.stop();
  await page.getByText(m.deployments.problem('oregon', m.activity.failures.Unreachable!)).waitFor({ timeout: 60_000 });
  await ways.getByText(m.deployments.ways.away).waitFor();
  await other.begin();
  await ways.getByText(m.deployments.ways.good).waitFor({ timeout: 60_000 });
});

test('an operator checks, changes and removes a peer, rotates the key, and invites the peer again', async ({
  open,
  other,
}) => {
  const m = messages.en;
  const page = await open();
  await visit(page, m, { account: dev, region: virginia }, 'deployments');
  const choose = async (text: string) => {
    await page.getByRole('button', { name: m.deployments.actionsOn('oregon') }).click();
    await page.getByRole('menuitem', { name: text }).click();
  };
  await choose(m.deployments.checkNow);
  await page.getByText(m.deployments.hasAnswered('oregon')).waitFor();
  await expectAccessible(page);

  await choose(m.deployments.changeGrant);
  await page.getByLabel(m.deployments.intoHere).fill('all');
  await expectAccessible(page);
  await page.getByRole('button', { name: m.shell.save, exact: true }).click();
  await page.getByText(m.deployments.grantSaved('oregon')).waitFor();

  await page.getByRole('button', { name: m.deployments.rotateKey }).click();
  await page.getByText(m.deployments.rotateNothingStops).waitFor();
  await expectAccessible(page);
  await page.getByRole('dialog').getByRole('button', { name: m.deployments.rotateKey }).click();
  await page.getByText(m.deployments.rotated('2')).waitFor();
  await page.getByText(m.deployments.keyTaken('oregon')).waitFor();
  await expectAccessible(page);

  await choose(m.deployments.removePeer);
  await page.getByRole('dialog').getByRole('button', { name: m.shell.remove, exact: true }).click();
  await page.getByText(m.deployments.removed('oregon')).waitFor();
  await page.getByText(m.deployments.noPeers).waitFor();
  await other.command('twinport peer remove tokyo');

  await page.getByRole('link', { name: m.deployments.join }).first().click();
  await page.getByRole('button', { name: m.deployments.makeCode }).click();
  const code = (await page.locator(`pre[aria-label="${m.deployments.code}"]`).textContent())!;
  await other.command(`twinport peer join ${code}`);
  await page.getByText(m.deployments.joined('oregon')).waitFor();
  await expectAccessible(page);
});
