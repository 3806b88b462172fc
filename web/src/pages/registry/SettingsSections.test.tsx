import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import { registrySettings as en } from '../../i18n/en/registrySettings';
import { registrySettings as ja } from '../../i18n/ja/registrySettings';
import { show, type Answers } from '../../testing/show';
import { SettingsSections } from './SettingsSections';

const scanner = 'arn:aws:iam::111122223333:user/scanner';

/** A registry that keeps what is set, and refuses the scope V1. */
function registry(): { answers: Answers; exclusions: string[] } {
  const values: Record<string, string> = {
    REGISTRY_POLICY_SCOPE: 'V2',
    BLOB_MOUNTING: 'ENABLED',
    BASIC_SCAN_TYPE_VERSION: 'AWS_NATIVE',
  };
  const exclusions: string[] = [];
  const answers: Answers = {
    GetAccountSetting: ({ name }) => ({ name, value: values[name]! }),
    PutAccountSetting: ({ name, value }) => {
      if (value === 'V1') {
        throw 'InvalidParameterException';
      }
      values[name] = value;
      return { name, value };
    },
    GetRegistryScanningConfiguration: {
      scanningConfiguration: {
        scanType: 'ENHANCED',
        rules: [{ scanFrequency: 'SCAN_ON_PUSH', repositoryFilters: [{ filter: 'team/*', filterType: 'WILDCARD' }] }],
      },
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
  return { answers, exclusions };
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
