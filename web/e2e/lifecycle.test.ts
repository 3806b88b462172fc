// A repository's lifecycle policy: from a ready-made one, by the form and as text, to what it has deleted.

import type { Page } from 'playwright-core';
import { expect } from 'vitest';

import { expectAccessible, expectNoSidewaysScrolling } from './accessibility';
import { messages, settle, test, visit } from './console';
import { prod, virginia, type Registry, type Server } from './server';

const m = messages.en;
const here: Registry = { account: prod, region: virginia };

/** Makes a repository with images of some megabytes: v1 to v4, the first pushed first, and one that lost its tag. */
async function furnish(server: Server, repositoryName: string): Promise<void> {
  await server.ecr(here, 'CreateRepository', { repositoryName });
  await server.push(here, `${repositoryName}:v4`, 'lost', 1);
  for (const tag of ['v1', 'v2', 'v3', 'v4']) {
    await server.push(here, `${repositoryName}:${tag}`, `image ${tag}`, 1);
  }
}

const stored = async (server: Server, repositoryName: string) =>
  JSON.parse((await server.ecr(here, 'GetLifecyclePolicy', { repositoryName })).lifecyclePolicyText) as unknown;

const json = (page: Page) => page.getByLabel(m.lifecycle.json);
const save = (page: Page) => page.getByRole('button', { name: m.shell.save, exact: true });

/** The size that a preview says, whatever it is. */
const wouldExpire = (count: number) => new RegExp(`^${m.lifecycle.wouldExpire(count, '')}`);

test('a policy is made from a ready-made one, previewed on the images, saved and run', async ({ open, server }) => {
  await furnish(server, 'team/life');
  const page = await open();
  await visit(page, m, here, 'repository/team/life?tab=lifecycle');
  await page.getByText(m.lifecycle.none).waitFor();
  await page.getByText(m.lifecycle.noRuns).waitFor();
  await expectAccessible(page);

  await page.getByRole('button', { name: m.lifecycle.presets.keepLast }).click();
  await page.getByRole('status').getByText(m.lifecycle.wouldExpireNone).waitFor();
  await page.getByLabel(m.lifecycle.countOfImages).fill('2');
  await page.getByRole('status').getByText(wouldExpire(3)).waitFor();
  expect(await json(page).inputValue()).toContain('"countNumber": 2');
  const preview = page.getByRole('table', { name: m.lifecycle.preview });
  await preview.getByRole('link', { name: 'v1', exact: true }).waitFor();
  await preview.getByText(`(${m.lifecycle.untagged})`).waitFor();

  // Another rule goes before the one about any image, and takes what it is about from that.
  await page.getByRole('button', { name: m.lifecycle.addRule }).click();
  await page.getByRole('button', { name: m.lifecycle.images }).first().click();
  await page.getByRole('option', { name: m.lifecycle.tagStatuses.tagged, exact: true }).click();
  await page.getByRole('textbox', { name: m.lifecycle.tag.tagPatternList }).fill('v1');
  await page.getByRole('status').getByText(wouldExpire(2)).waitFor();
  await preview.getByRole('link', { name: 'v2', exact: true }).waitFor();
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await settle(page);
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
  }
  await page.setViewportSize({ width: 1280, height: 900 });

  await save(page).click();
  await page.getByText(m.lifecycle.saved).waitFor();
  await page.getByLabel(m.lifecycle.countOfImages).waitFor(); // the form stays as it was
  expect(await stored(server, 'team/life')).toMatchObject({
    rules: [
      { rulePriority: 1, selection: { tagStatus: 'tagged', tagPatternList: ['v1'], countNumber: 14 } },
      { rulePriority: 2, selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 2 } },
    ],
  });
  await page.getByText(m.lifecycle.nextRun('').replace(/ at .*$/, '')).waitFor();
  await server.command(`twinport lifecycle run --now --repository ${prod.id}/${virginia}/team/life`);
  const run = page.getByRole('table', { name: m.lifecycle.runs }).getByRole('row').nth(1);
  await run.getByText(m.lifecycle.statuses.COMPLETE).waitFor();
  await run.getByRole('button').click();
  const images = page.getByRole('dialog').getByRole('table', { name: m.lifecycle.runImages });
  await images.getByRole('link', { name: 'v2', exact: true }).waitFor();
  expect(await images.getByText(m.lifecycle.outcomes.EXPIRED, { exact: true }).count()).toBe(2);
  await settle(page);
  await expectAccessible(page);
  const left = await server.ecr(here, 'DescribeImages', { repositoryName: 'team/life' });
  expect(left.imageDetails.flatMap(({ imageTags = [] }) => imageTags).sort()).toEqual(['v1', 'v3', 'v4']);
});

test('form and text edit the same policy, and mistakes are said where they are', async ({ open, server }) => {
  await furnish(server, 'typed');
  const policy = {
    rules: [
      {
        rulePriority: 10,
        description: 'the old ones',
        selection: { tagStatus: 'untagged', storageClass: 'standard', countType: 'imageCountMoreThan', countNumber: 1 },
        action: { type: 'expire' },
      },
    ],
  };
  await server.ecr(here, 'PutLifecyclePolicy', {
    repositoryName: 'typed',
    lifecyclePolicyText: JSON.stringify(policy),
  });
  const page = await open();
  await visit(page, m, here, 'repository/typed?tab=lifecycle');
  await page.getByText(m.lifecycle.hidden('selection.storageClass')).waitFor();
  await page.getByText(m.lifecycle.previewAsked).waitFor();
  await page.getByRole('button', { name: m.lifecycle.previewNow }).click();
  await page.getByRole('status').getByText(m.lifecycle.wouldExpireNone).waitFor();

  const text = await json(page).inputValue();
  await json(page).fill(text.replace('"countNumber": 1', '"countNumber": 0'));
  // In the form beside its field, and below the text.
  const words = /numeric instance is lower than the required minimum/;
  await expect.poll(() => page.getByText(words).count()).toBe(2);
  await page.getByText(m.lifecycle.previewAfterFix).waitFor();
  expect(await save(page).getAttribute('aria-disabled')).toBe('true');
  await json(page).fill('{"rules": [');
  await page.getByText(m.lifecycle.notShown).waitFor();
  await json(page).fill(text);
  await page.getByLabel(m.lifecycle.countOfImages).fill('3');
  await page.getByLabel(m.lifecycle.ruleDescription).fill('new words');
  await page.getByRole('status').getByText(m.lifecycle.wouldExpireNone).waitFor();

  // Another saves meanwhile.
  const theirs = JSON.stringify(policy).replace('the old ones', 'theirs');
  await server.ecr(here, 'PutLifecyclePolicy', { repositoryName: 'typed', lifecyclePolicyText: theirs });
  await page.getByText(m.repositories.conflict).first().waitFor();
  await page.getByRole('button', { name: m.repositories.keepMine }).click();
  await save(page).click();
  await page.getByText(m.lifecycle.saved).waitFor();
  const [rule] = policy.rules;
  expect(await stored(server, 'typed')).toEqual({
    rules: [{ ...rule, description: 'new words', selection: { ...rule!.selection, countNumber: 3 } }],
  });

  await page.getByRole('button', { name: m.lifecycle.clear }).click();
  await page.getByText(m.lifecycle.none).waitFor();
  await save(page).click();
  await page.getByText(m.lifecycle.removed).waitFor();
  await expect(stored(server, 'typed')).rejects.toThrow('LifecyclePolicyNotFoundException');
});
