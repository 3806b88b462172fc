import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { RegistryScanningConfiguration } from '../../api/ecr';
import type { Language } from '../../i18n';
import { errors } from '../../i18n/en/errors';
import { registrySettings as en } from '../../i18n/en/registrySettings';
import { repositories } from '../../i18n/en/repositories';
import { registrySettings as ja } from '../../i18n/ja/registrySettings';
import { show, type Answers } from '../../testing/show';
import { SettingsSections } from './SettingsSections';

const scanner = 'arn:aws:iam::111122223333:user/scanner';

/** A registry that keeps what is set, and refuses the scope V1. */
function registry() {
  const values: Record<string, string> = {
    REGISTRY_POLICY_SCOPE: 'V2',
    BLOB_MOUNTING: 'ENABLED',
    BASIC_SCAN_TYPE_VERSION: 'AWS_NATIVE',
  };
  const exclusions: string[] = [];
  const server: { scanning: RegistryScanningConfiguration; afterRead: () => void } = {
    scanning: {
      scanType: 'ENHANCED',
      rules: [{ scanFrequency: 'SCAN_ON_PUSH', repositoryFilters: [{ filter: 'team/*', filterType: 'WILDCARD' }] }],
    },
    afterRead: () => {},
  };
  const answers: Answers = {
    GetAccountSetting: ({ name }) => ({ name, value: values[name]! }),
    PutAccountSetting: ({ name, value }) => {
      if (value === 'V1') {
        throw 'InvalidParameterException';
      }
      values[name] = value;
      return { name, value };
    },
    GetRegistryScanningConfiguration: () => {
      const { scanning, afterRead } = server;
      server.afterRead = () => {};
      afterRead();
      return { scanningConfiguration: scanning };
    },
    PutRegistryScanningConfiguration: ({ scanType, rules }) => {
      server.scanning = { scanType: scanType!, rules: rules! };
      return { registryScanningConfiguration: server.scanning };
    },
    ListPullTimeUpdateExclusions: () => ({ pullTimeUpdateExclusions: [...exclusions] }),
    RegisterPullTimeUpdateExclusion: ({ principalArn }) => {
      exclusions.push(principalArn);
      return {};
    },
    DeregisterPullTimeUpdateExclusion: ({ principalArn }) => {
      exclusions.splice(exclusions.indexOf(principalArn), 1);
      return {};
    },
    DescribeQuotas: { quotas: [] },
  };
  return { answers, exclusions, server };
}

test('a setting is changed in a dialog, which says what the server refuses', async () => {
  await show(<SettingsSections />, { answers: registry().answers });
  const { BLOB_MOUNTING: mounting, REGISTRY_POLICY_SCOPE: scope } = en.settings;
  fireEvent.click(await screen.findByRole('button', { name: en.changeOf(mounting.name) }));
  fireEvent.click(screen.getByRole('radio', { name: mounting.values.DISABLED.label }));
  fireEvent.click(screen.getByRole('button', { name: 'Save' }));
  await screen.findByText(mounting.values.DISABLED.hint);
  await waitFor(() => expect(screen.queryByRole('radio')).toBeNull());
  screen.getByText(mounting.values.DISABLED.hint);

  fireEvent.click(screen.getByRole('button', { name: en.changeOf(scope.name) }));
  fireEvent.click(screen.getByRole('radio', { name: scope.values.V1.label }));
  fireEvent.click(screen.getByRole('button', { name: 'Save' }));
  await screen.findByText('PutAccountSetting: InvalidParameterException');
  fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  screen.getByText(scope.values.V2.hint);
});

test.each([
  { language: 'en' as const, m: en },
  { language: 'ja' as const, m: ja },
])('the scanning configuration is shown in $language, and that nothing scans', async ({ language, m }) => {
  await show(<SettingsSections />, { answers: registry().answers, language });
  await screen.findByText(m.scanTypes.ENHANCED);
  screen.getByText(m.scanRule(m.scanFrequencies.SCAN_ON_PUSH, 'team/*'));
  screen.getByText(m.scanningDescription);
});

/** Opens the form of the scanning configuration. */
async function editScanning(m: typeof en, answers: Answers, language: Language = 'en') {
  await show(<SettingsSections />, { answers, language });
  const button = await screen.findByRole('button', { name: m.editScanning });
  await waitFor(() => expect(button).toHaveProperty('disabled', false));
  fireEvent.click(button);
  const dialog = within(screen.getByRole('dialog'));
  const press = (name: string) => fireEvent.click(dialog.getByRole('button', { name }));
  const filters = (when: string) => dialog.getAllByRole('textbox', { name: `${when} ${m.scanFilter}` });
  const type = (when: string, index: number, value: string) =>
    fireEvent.change(filters(when)[index]!, { target: { value } });
  return { dialog, press, filters, type };
}

test.each([
  { language: 'en' as const, m: en, save: 'Save' },
  { language: 'ja' as const, m: ja, save: '保存' },
])('the scanning configuration is edited in $language', async ({ language, m, save }) => {
  const { answers, server } = registry();
  const { dialog, press, type } = await editScanning(m, answers, language);
  const { SCAN_ON_PUSH: onPush, MANUAL: manual, CONTINUOUS_SCAN: continuous } = m.scanFrequencies;
  dialog.getByText(m.nothingScans);
  expect(dialog.getByRole<HTMLButtonElement>('button', { name: save }).disabled).toBe(true);

  // What the type has no rule for is said, and not saved.
  press(m.addScanFilter(continuous));
  type(continuous, 0, 'prod*');
  fireEvent.click(dialog.getByRole('radio', { name: m.scanTypes.BASIC }));
  dialog.getByText(m.scanRuleDropped(continuous));
  press(m.addScanFilter(manual));
  press(m.addScanFilter(onPush));
  type(onPush, 1, 'Team');
  dialog.getAllByText(m.scanFilterProblems.characters);
  type(onPush, 1, 'team/*');
  dialog.getAllByText(m.scanFilterProblems.twice);
  type(onPush, 1, 'web');
  press(m.removeScanFilter('team/*', onPush));
  press(save);
  dialog.getAllByText(m.scanFilterProblems.empty);
  expect(server.scanning.scanType).toBe('ENHANCED');
  type(manual, 0, '*');
  press(save);
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(server.scanning).toEqual({
    scanType: 'BASIC',
    rules: [
      { scanFrequency: 'SCAN_ON_PUSH', repositoryFilters: [{ filter: 'web', filterType: 'WILDCARD' }] },
      { scanFrequency: 'MANUAL', repositoryFilters: [{ filter: '*', filterType: 'WILDCARD' }] },
    ],
  });
  screen.getByText(m.scanTypes.BASIC);
  screen.getByText(m.scanRule(onPush, 'web'));
  screen.getByText(m.scanRule(manual, '*'));
});

test('what the server refuses of the scanning configuration is said beside that', async () => {
  const { answers } = registry();
  let refusal = 'rules.1.member.repositoryFilters.2.member.filter';
  answers.PutRegistryScanningConfiguration = () => {
    throw `Invalid parameter at '${refusal}' failed to satisfy constraint: 'no'`;
  };
  const onPush = en.scanFrequencies.SCAN_ON_PUSH;
  const { dialog, press, filters, type } = await editScanning(en, answers);
  press(en.addScanFilter(onPush));
  type(onPush, 1, 'web');
  press('Save');
  await dialog.findAllByText(/repositoryFilters\.2/);
  const wrong = () => filters(onPush).map((field) => field.getAttribute('aria-invalid'));
  expect(wrong()).toEqual([null, 'true']);
  expect(dialog.queryByText(errors.refused)).toBeNull();

  type(onPush, 1, 'app');
  expect(wrong()).toEqual([null, null]);
  refusal = 'elsewhere';
  press('Save');
  await dialog.findByText(errors.refused);
  dialog.getByText(/elsewhere/);
});

test('a scanning configuration that another client has set meanwhile is not overwritten', async () => {
  const { answers, server } = registry();
  const { dialog, press } = await editScanning(en, answers);
  fireEvent.click(dialog.getByRole('radio', { name: en.scanTypes.BASIC }));
  const theirs: RegistryScanningConfiguration = { scanType: 'ENHANCED', rules: [] };
  server.afterRead = () => (server.scanning = theirs);
  press('Save');
  await dialog.findByText(repositories.conflict);
  dialog.getByText(en.noScanRules);
  expect(server.scanning).toBe(theirs);
  press(repositories.keepMine);
  press('Save');
  await waitFor(() => expect(server.scanning.scanType).toBe('BASIC'));
});

test('pulls of a principal are excluded, and count again', async () => {
  const { answers, exclusions } = registry();
  await show(<SettingsSections />, { answers });
  await screen.findByText(en.noExclusions);
  fireEvent.click(screen.getByRole('button', { name: en.addExclusion }));
  const dialog = within(screen.getByRole('dialog'));
  const field = dialog.getByRole('textbox', { name: en.principal });
  const type = (value: string) => fireEvent.change(field, { target: { value } });
  type('scanner');
  fireEvent.click(dialog.getByRole('button', { name: 'Save' }));
  dialog.getByText(en.principalProblem);
  expect(exclusions).toEqual([]);
  type(` ${scanner} `);
  fireEvent.click(dialog.getByRole('button', { name: 'Save' }));
  fireEvent.click(await screen.findByRole('button', { name: en.includePulls(scanner) }));
  await waitFor(() => expect(exclusions).toEqual([]));
  await screen.findByText(en.noExclusions);
});
