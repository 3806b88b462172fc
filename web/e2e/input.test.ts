// Wrong input of each kind is reported beside its field, in plain words, and what was typed stays.

import { expect } from 'vitest';

import { expectAccessible, expectNoSidewaysScrolling } from './accessibility';
import { messages, settle, test, visit } from './console';
import { grantOf, source, taker } from './scene';
import { dev, prod, tokyo, virginia } from './server';
import { accountField, next } from './steps';

const m = messages.en;

// A region for screen readers repeats what is wrong after a moment: the first is the field's.

test('destinations of replication', async ({ open }) => {
  const { problems } = m.replication;
  const page = await open();
  await visit(page, m, source, 'replication/edit');
  await page.getByRole('checkbox', { name: m.replication.crossAccountSwitch }).check();
  await next(page);
  const field = accountField(page, m);
  await field.fill('12345');
  await field.blur();
  await page.getByText(problems.accountShort, { exact: true }).first().waitFor();
  await field.fill('1234567890123');
  await page.getByText(problems.accountLong).first().waitFor();
  await field.fill(prod.id);
  await page.getByText(problems.ownAccount).first().waitFor();
  await field.fill(dev.id);
  await page.getByRole('button', { name: m.replication.addAccount }).click();
  await accountField(page, m).fill(dev.id);
  await page.getByText(problems.duplicateDestination).first().waitFor();
  // Going on leads to the field instead.
  await next(page);
  expect(await accountField(page, m).inputValue()).toBe(dev.id);
  await accountField(page, m).fill('999999999999');
  await page.getByText(m.replication.grants.NO_REGISTRY).first().waitFor();

  await page.getByRole('radio', { name: m.replication.filtersSome }).check();
  const filter = page.getByRole('textbox', { name: m.replication.filterLabel });
  await filter.fill('Team/*');
  await filter.blur();
  await page.getByText(problems.filterPattern).first().waitFor();
  await filter.fill('');
  await filter.blur();
  await page.getByText(problems.filterNeeded).first().waitFor();
});

test('a policy as text', async ({ open, server }) => {
  const page = await open();
  await visit(page, m, taker, 'permissions');
  const policy = page.getByRole('textbox', { name: m.permissions.policy });
  const broken = '{\n  "Version": "2012-10-17",\n  "Statement": [}\n}';
  await policy.fill(broken);
  await page.getByText(m.policy.position(3, 17)).first().waitFor();
  await policy.fill(
    '{\n  "Version": "2012-10-17",\n  "Statement": {\n    "Effect": "Perhaps",\n    "Principal": "*",\n    "Action": "ecr:*",\n    "Resource": "*"\n  }\n}',
  );
  await page
    .getByText(/Perhaps/)
    .last()
    .waitFor();
  await page
    .getByText(/Line 4/)
    .first()
    .waitFor();
  await expect(server.ecr(taker, 'GetRegistryPolicy', {})).rejects.toThrow('RegistryPolicyNotFoundException');
  await policy.fill(grantOf(taker));
  await page.getByText(m.policy.valid).waitFor();
  await page.getByRole('button', { name: m.shell.save, exact: true }).click();
  await page.getByText(m.permissions.saved).waitFor();
});

test('a statement that is generated', async ({ open, server }) => {
  const { problems } = m.permissions;
  const there = { account: dev, region: tokyo };
  await server.ecr(there, 'PutRegistryPolicy', { policyText: grantOf(there) });
  const page = await open();
  await visit(page, m, there, 'permissions');
  await page.getByRole('button', { name: m.permissions.generate }).click();
  const accounts = page.getByLabel(m.permissions.accounts);
  await accounts.fill('12345');
  await page.getByText(problems.accountLength('12345', 5)).first().waitFor();
  await accounts.fill('prod');
  await page.getByText(problems.accountCharacters('prod')).first().waitFor();
  await accounts.fill(`${prod.id}, ${prod.id}`);
  await page.getByText(problems.accountTwice(prod.id)).first().waitFor();
  await accounts.fill(dev.id);
  await page.getByText(problems.accountOwn(dev.id)).first().waitFor();
  await accounts.fill('');
  await page.getByRole('button', { name: m.permissions.addToPolicy }).click();
  await page.getByText(problems.missing, { exact: true }).first().waitFor();
  await page.getByLabel(m.permissions.sid).fill('ReplicationFromProd');
  await page.getByText(problems.sidTaken).first().waitFor();
});

test('the name of a repository', async ({ open, server }) => {
  const { nameProblems } = m.repositories;
  await server.ecr(source, 'CreateRepository', { repositoryName: 'taken' });
  const page = await open();
  await visit(page, m, source, 'repositories/create');
  const name = page.getByLabel(m.repositories.name);
  await name.fill('Team');
  await page.getByText(nameProblems.capitals).waitFor();
  await name.fill('team//web');
  await page.getByText(nameProblems.separators).waitFor();
  await name.fill('taken');
  await page.getByRole('button', { name: m.repositories.create, exact: true }).click();
  await page.getByText(m.repositories.nameTaken).waitFor();
  expect(await name.inputValue()).toBe('taken');
  await name.fill('team/web');
  await page.getByRole('button', { name: m.repositories.create, exact: true }).click();
  await page.getByText(m.repositories.created('team/web')).waitFor();
});

test('which images are to be scanned', async ({ open, server }) => {
  const { editScanning, scanFilterProblems, scanFrequencies, scanTypes, ...texts } = m.registrySettings;
  const page = await open();
  await visit(page, m, source);
  const dialog = page.getByRole('dialog');
  const save = dialog.getByRole('button', { name: m.shell.save, exact: true });
  await page.getByRole('button', { name: editScanning }).click();
  await dialog.getByRole('radio', { name: scanTypes.ENHANCED }).check();
  await dialog.getByRole('button', { name: texts.addScanFilter(scanFrequencies.CONTINUOUS_SCAN) }).click();
  await page.keyboard.type('team/'); // the new field has the focus
  const filter = dialog.getByRole('textbox', { name: texts.scanFilter });
  expect(await filter.inputValue()).toBe('team/');
  await save.click();
  await dialog.getByText(scanFilterProblems.separators).first().waitFor();
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await settle(page);
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
  }
  await filter.fill('team/*');
  await save.click();
  await page.getByText(texts.scanningSaved).waitFor();
  await page.getByText(texts.scanRule(scanFrequencies.CONTINUOUS_SCAN, 'team/*')).waitFor();
  expect(await server.ecr(source, 'GetRegistryScanningConfiguration', {})).toMatchObject({
    scanningConfiguration: {
      scanType: 'ENHANCED',
      rules: [{ scanFrequency: 'CONTINUOUS_SCAN', repositoryFilters: [{ filter: 'team/*', filterType: 'WILDCARD' }] }],
    },
  });

  await server.ecr(source, 'CreateRepository', { repositoryName: 'scanned' });
  await page.goto(`/console/${prod.id}/${source.region}/repository/scanned?tab=settings`);
  await page.getByRole('button', { name: m.repositories.editScanOnPush }).click();
  await dialog.getByRole('checkbox', { name: m.repositories.scanOnPushChoice }).check();
  await expectAccessible(page);
  await save.click();
  await page.getByText(m.repositories.scansOnPush, { exact: true }).waitFor();
});

test('a link to a Region or a page that is not there', async ({ open }) => {
  const page = await open();
  await visit(page, m, source);
  await page.goto(`/console/${prod.id}/mars-1/`);
  await page.getByText(m.shell.unknownRegion('mars-1')).waitFor();
  await page.goto(`/console/${prod.id}/${virginia}/no-such-page`);
  await page.getByText(m.shell.notFound).waitFor();
});
