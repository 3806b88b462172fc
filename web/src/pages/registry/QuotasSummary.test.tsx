import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { Quota } from '../../api/twinport';
import { registry as en } from '../../i18n/en/registry';
import { registry as ja } from '../../i18n/ja/registry';
import { show } from '../../testing/show';
import { QuotasSummary } from './QuotasSummary';

const quotas: Quota[] = [
  { name: 'Registered repositories', unit: 'Count', value: 100000, usage: 12 },
  { name: 'Images per repository', unit: 'Count', value: 100000 },
  { name: 'Open layer uploads', unit: 'Count', value: 3, usage: 3 },
  { name: 'Stored bytes', unit: 'Bytes', usage: 1_500_000 },
  { name: 'Rate of PutImage requests', unit: 'Count/Second', value: 10 },
  { name: 'A quota of a later version', unit: 'Count', value: 5 },
];

const row = (name: string) => within(screen.getByRole('rowheader', { name }).closest('tr')!);

test('each quota has its limit, and those of the registry as a whole what is used', async () => {
  await show(<QuotasSummary />, { answers: { DescribeQuotas: { quotas } } });
  await screen.findByRole('rowheader', { name: en.quotaNames['Registered repositories']! });
  const repositories = row(en.quotaNames['Registered repositories']!);
  expect(repositories.getByText('100,000')).toBeTruthy();
  expect(repositories.getByText('12')).toBeTruthy();
  expect(row(en.quotaNames['Images per repository']!).getByText('–')).toBeTruthy();
  expect(row(en.quotaNames['Open layer uploads']!).getByText(en.quotaUsedUp('3'))).toBeTruthy();
  const bytes = row(en.quotaNames['Stored bytes']!);
  expect(bytes.getByText(en.noLimit)).toBeTruthy();
  expect(bytes.getByText('1.5 MB')).toBeTruthy();
  expect(row(en.quotaRate('PutImage')).getByText(en.perSecond('10'))).toBeTruthy();
  expect(row('A quota of a later version').getByText('5')).toBeTruthy();
});

test('in Japanese too', async () => {
  await show(<QuotasSummary />, { answers: { DescribeQuotas: { quotas } }, language: 'ja' });
  await screen.findByRole('rowheader', { name: ja.quotaNames['Stored bytes']! });
  expect(row(ja.quotaRate('PutImage')).getByText(ja.perSecond('10'))).toBeTruthy();
});
