import { expectAccessible, expectNoSidewaysScrolling } from './accessibility';
import { giveKey, messages, settle, test as base, visit, type View } from './console';
import { furnish, source } from './scene';
import { dev, prod } from './server';

const test = base.extend<{ scene: void }>({
  scene: [
    async ({ server }, use) => {
      await furnish(server);
      await use();
    },
    { scope: 'file' },
  ],
});

/** Every page of a registry, by its path. */
const pages = [
  '',
  'repositories',
  'repositories/create',
  'repository/team/web',
  'repository/team/web?tab=settings',
  'repository/team/web?tab=lifecycle',
  'repository/team/web?tab=permissions',
  'repository/team/web?tab=tags',
  'repository/missing',
  'activity',
  'replication',
  'replication/edit',
  'permissions',
  'templates',
  'templates/create',
  'templates/edit?prefix=team',
  'deployments',
  'deployments/join',
  'sessions',
  'no-such-page',
];

const views: (Required<Pick<View, 'language' | 'dark'>> & { width: number })[] = [
  { language: 'en', dark: false, width: 1024 },
  { language: 'ja', dark: true, width: 390 },
];

for (const { language, dark, width } of views) {
  const m = messages[language];
  const how = `${language}, ${dark ? 'dark' : 'light'}`;

  test(`the form for signing in can be used by everybody (${how})`, async ({ open }) => {
    const page = await open({ language, dark, width });
    await page.goto('/console/');
    await settle(page);
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
    await giveKey(page, m, { ...prod, secret: 'wrong' });
    await page.getByText(m.sessions.wrongKey).waitFor();
    await expectAccessible(page);
  });

  test(`all pages can be used by everybody (${how})`, async ({ open, scene: _ }) => {
    const page = await open({ language, dark, width });
    await visit(page, m, { ...source, account: dev });
    await visit(page, m, source);
    for (const path of pages) {
      await page.goto(`/console/${source.account.id}/${source.region}/${path}`);
      await settle(page);
      await expectAccessible(page);
      for (const width of [1024, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await settle(page);
        await expectNoSidewaysScrolling(page);
      }
      await page.setViewportSize({ width, height: 900 });
    }
  });
}

test('the charts of a day fit a phone and half a desk', async ({ open, scene: _ }) => {
  const m = messages.en;
  const page = await open({ width: 1024 });
  await visit(page, m, source, 'activity');
  await page.getByText(m.activity.noChart).first().waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: m.activity.day }).click();
  await page.getByText(m.activity.throughputAdvice(m.activity.oneHour)).waitFor();
  await settle(page);
  await page.setViewportSize({ width: 390, height: 900 });
  await settle(page);
});
