import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { Replication } from '../../api/twinport';
import { activity as en } from '../../i18n/en/activity';
import { replication as enPlace } from '../../i18n/en/replication';
import { formatOf } from '../../i18n/format';
import { activity as ja } from '../../i18n/ja/activity';
import { replication as jaPlace } from '../../i18n/ja/replication';
import { peerOf } from '../../testing/peer';
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
])('a deletion is shown as such in $language, and why it is refused', async ({ language, m }) => {
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

const toPeer: Replication = {
  ...deletion,
  action: 'REPLICATE',
  imageTag: '1',
  registryId: '444455556666',
  region: 'us-west-2',
  peerName: 'oregon',
  tries: 2,
};

test.each([
  { language: 'en' as const, m: en, place: enPlace },
  { language: 'ja' as const, m: ja, place: jaPlace },
])('it is shown in $language how much was sent to a peer, how quickly, and how long it takes', async (view) => {
  const { language, m, place } = view;
  const sending: Replication = {
    ...toPeer,
    begunAt: 1,
    bytesTotal: 31_457_280,
    bytesSent: 12_582_912,
    bytesPerSecond: 1_048_576,
    timeLeftInMillis: 17_953,
    failureCode: 'DestinationUnavailable', // of the try before
  };
  const { unmount } = await show(<ReplicationDetail replication={sending} direction="OUTGOING" onClose={() => {}} />, {
    language,
  });
  const f = formatOf(language);
  expect(screen.getByRole('progressbar').getAttribute('value')).toBe('40');
  const text = [
    m.sentOf(f.bytes(12_582_912), f.bytes(31_457_280)),
    m.perSecond(f.bytes(1_048_576)),
    m.timeLeft(f.duration(18_000)),
  ].join(m.partsApart);
  expect(screen.getByText(text)).toBeTruthy();
  expect(screen.getByText(place.servedBy('oregon'))).toBeTruthy();
  expect(screen.queryByText(m.waiting)).toBeNull();
  unmount();
  const done = { ...sending, status: 'COMPLETE', bytesSent: 31_457_280, finishedAt: 2, lagInMillis: 9 } as const;
  await show(<ReplicationDetail replication={done} direction="OUTGOING" onClose={() => {}} />, { language });
  expect(screen.queryByRole('progressbar')).toBeNull();
  expect(screen.getByText(f.bytes(31_457_280) + m.partsApart + m.perSecond(f.bytes(1_048_576)))).toBeTruthy();
});

test('why a peer does not take an image is said in a few words', async () => {
  const waiting: Replication = {
    ...toPeer,
    failureCode: 'DestinationUnavailable',
    failureDetail: 'TLS',
    failureReason: 'The certificate has ended.',
  };
  await show(<ReplicationDetail replication={waiting} direction="OUTGOING" onClose={() => {}} />);
  expect(screen.getByText(en.failures.TLS!)).toBeTruthy();
  expect(screen.getByText('The certificate has ended.')).toBeTruthy();
});

test('a statement that a peer’s registry lacks is added there', async () => {
  const refused: Replication = {
    ...toPeer,
    status: 'FAILED',
    failureCode: 'DESTINATION_REGISTRY_ACCESS_DENIED',
    failureReason: 'not allowed',
    statement: '{"Effect":"Allow"}',
  };
  await show(<ReplicationDetail replication={refused} direction="OUTGOING" onClose={() => {}} />, {
    answers: { ListPeers: { peers: [peerOf()] } },
  });
  const place = enPlace.place('444455556666', 'us-west-2');
  expect(screen.getByText(enPlace.atPeer('oregon'))).toBeTruthy();
  expect(
    await screen.findByRole('link', { name: new RegExp(enPlace.openPermissionsAt(place, 'oregon')) }),
  ).toHaveProperty(
    'href',
    'https://oregon.example.com/console/444455556666/us-west-2/permissions?generate=111122223333',
  );
  expect(screen.getByText('{"Effect":"Allow"}')).toBeTruthy();
});

test('what is copied is not shown as a deletion', () => {
  expect(imageName({ ...deletion, imageTag: '1', action: 'REPLICATE' }, en)).toBe('app:1');
});
