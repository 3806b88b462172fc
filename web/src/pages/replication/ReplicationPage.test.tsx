import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { ReplicationRule } from '../../api/ecr';
import { replication as en } from '../../i18n/en/replication';
import { replication as ja } from '../../i18n/ja/replication';
import { show } from '../../testing/show';
import { ReplicationPage } from './ReplicationPage';

const rule: ReplicationRule = { destinations: [{ registryId: '444455556666', region: 'us-east-1' }] };

test.each([
  { language: 'en' as const, m: en },
  { language: 'ja' as const, m: ja },
])('rules say in $language whether they replicate deletions', async ({ language, m }) => {
  const rules = [
    { ...rule, deleteReplication: { enabled: true } },
    { ...rule, deleteReplication: { enabled: false } },
    rule,
  ];
  await show(<ReplicationPage />, {
    language,
    answers: {
      DescribeRegistry: { registryId: '111122223333', replicationConfiguration: { rules } },
      FindRepositories: { repositories: [] },
      CheckReplicationDestinations: { destinations: [] },
      ListReplicationBackfills: { backfills: [] },
    },
  });
  expect(await screen.findAllByText(m.deletionsOn)).toHaveLength(1);
  expect(screen.getAllByText(m.deletionsOff)).toHaveLength(2);
});
