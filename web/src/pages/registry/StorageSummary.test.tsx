import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import { storage as en } from '../../i18n/en/storage';
import { storage as ja } from '../../i18n/ja/storage';
import { show } from '../../testing/show';
import { StorageSummary } from './StorageSummary';

const registry = {
  sizeInBytes: 4_200_000_000,
  layerCount: 310,
  layerSizeInBytes: 4_199_000_000,
  imageCount: 1320,
  manifestSizeInBytes: 1_000_000,
  sharedSizeInBytes: 700_000_000,
};

test('what is stored, and what sharing saves', async () => {
  await show(<StorageSummary />, {
    answers: { DescribeStorage: { countedAt: 1_795_456_000, counting: false, registry } },
  });
  await screen.findByText('4.2 GB');
  screen.getByText('700 MB');
  screen.getByText('1,320 / 310');
  screen.getByText(en.description);
});

test('while nothing was counted yet the page says so', async () => {
  await show(<StorageSummary />, { answers: { DescribeStorage: { counting: true } }, language: 'ja' });
  expect((await screen.findAllByText(ja.counting)).length).toBe(4);
});
