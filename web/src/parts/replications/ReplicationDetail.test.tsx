import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { Replication } from '../../api/twinport';
import { activity as en } from '../../i18n/en/activity';
import { activity as ja } from '../../i18n/ja/activity';
import { show } from '../../testing/show';
import { imageName } from './imageName';
import { ReplicationDetail } from './ReplicationDetail';

const deletion: Replication = {
  replicationId: '1',
  sourceRegistryId: '111122223333',
  sourceRegion: 'us-east-1',
  registryId: '111122223333',
  region: 'ap-northeast-1',
  repositoryName: 'app',
  imageDigest: `sha256:${'0'.repeat(64)}`,
  imageSizeInBytes: 1,
  imageManifestMediaType: 'application/vnd.oci.image.manifest.v1+json',
  action: 'DELETE',
  status: 'IN_PROGRESS',
  tries: 0,
  pushedAt: 0,
  changedAt: 0,
};

test.each([
  { language: 'en' as const, m: en },
  { language: 'ja' as const, m: ja },
])('a deletion is told as such in $language, and why it is refused', async ({ language, m }) => {
  const refused = {
    status: 'FAILED',
    failureCode: 'DESTINATION_REGISTRY_ACCESS_DENIED',
    failureDetail: 'BatchDeleteImageNotAllowed',
  } as const;
  const { unmount } = await show(<ReplicationDetail replication={deletion} direction="OUTGOING" onClose={() => {}} />, {
    language,
  });
  expect(screen.getByText(m.deletionOf(`app@${deletion.imageDigest.slice(0, 19)}…`))).toBeTruthy();
  expect(screen.getByText(m.deletionAdvice)).toBeTruthy();
  expect(screen.getByText(m.allTags)).toBeTruthy();
  expect(screen.queryByText(m.pushed)).toBeNull();
  unmount();
  await show(
    <ReplicationDetail
      replication={{ ...deletion, imageTag: '1', ...refused }}
      direction="OUTGOING"
      onClose={() => {}}
    />,
    { language },
  );
  expect(screen.getByText(m.deletionOf('app:1'))).toBeTruthy();
  expect(screen.getByText(m.failures.BatchDeleteImageNotAllowed!)).toBeTruthy();
});

test('what is copied is not told as a deletion', () => {
  expect(imageName({ ...deletion, imageTag: '1', action: 'REPLICATE' }, en)).toBe('app:1');
});
