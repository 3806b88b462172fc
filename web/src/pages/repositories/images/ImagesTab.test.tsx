import { I18nProvider } from '@cloudscape-design/components/i18n';
import texts from '@cloudscape-design/components/i18n/messages/all.en';
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { FoundImage, FoundRepository } from '../../../api/twinport';
import { useReread } from '../../../app/queries';
import { useRegistry } from '../../../app/registry';
import { images as m } from '../../../i18n/en/images';
import { show } from '../../../testing/show';
import { ImagesTab } from './ImagesTab';

const manifest = 'application/vnd.oci.image.manifest.v1+json';
const dev = { registryId: '444455556666', region: 'us-east-1' };

const repository: FoundRepository = {
  registryId: '111122223333',
  repositoryName: 'app',
  repositoryArn: 'arn:aws:ecr:us-east-1:111122223333:repository/app',
  repositoryUri: '111122223333.dkr.ecr.us-east-1.localhost:8080/app',
  createdAt: 1,
  imageTagMutability: 'MUTABLE',
  hasPolicy: false,
  replicatesTo: [dev],
};

function image(tag: string, more: Partial<FoundImage> = {}): FoundImage {
  return {
    imageDigest: `sha256:${tag.padEnd(64, '0')}`,
    imageTags: [tag],
    imageTagCount: 1,
    imageSizeInBytes: 31_457_280,
    imagePushedAt: 1_795_456_000,
    imageManifestMediaType: manifest,
    children: [],
    referrers: [],
    replications: [],
    ...more,
  };
}

/** A live event has the list read again. */
function Live() {
  const reread = useReread();
  const registry = useRegistry();
  return <button onClick={() => void reread(registry, 'FindImages')}>an event</button>;
}

/** Shows the images of a server that has two pages of them; its pages are lists that tests may change. */
async function showPages(first: FoundImage[], second: FoundImage[] = []) {
  const pages = { first, second };
  const asked: (string | undefined)[] = [];
  await show(
    <I18nProvider locale="en" messages={[texts]}>
      <ImagesTab repository={repository} onPush={() => {}} />
      <Live />
    </I18nProvider>,
    {
      answers: {
        FindImages: ({ nextToken, startsWith }) => {
          asked.push(nextToken);
          const all = (nextToken === 'second' ? pages.second : pages.first).filter(
            (i) => !startsWith || i.imageTags.some((t) => t.startsWith(startsWith)),
          );
          return {
            images: all,
            ...(nextToken === undefined && pages.second.length > 0 ? { nextToken: 'second' } : {}),
          };
        },
        DescribeImages: ({ imageIds = [] }) => ({
          imageDetails: imageIds.map((id) => ({
            ...image('x'),
            imageDigest: id.imageDigest!,
            imageTags: undefined,
            subjectManifestDigest: first[0]!.imageDigest,
          })),
        }),
        BatchDeleteImage: ({ imageIds }) => ({
          imageIds: imageIds.filter((id) => !id.imageDigest!.startsWith('sha256:arm')),
          failures: imageIds
            .filter((id) => id.imageDigest!.startsWith('sha256:arm'))
            .map((imageId) => ({
              imageId,
              failureCode: 'ImageReferencedByManifestList',
              failureReason: 'named by another',
            })),
        }),
      },
    },
  );
  await screen.findByRole('link', { name: first[0]!.imageTags[0]! });
  return { pages, asked };
}

const checkbox = (tag: string) => screen.getByLabelText(new RegExp(`${m.select(tag)}$`), { selector: 'input' });

test('a push that comes in appears, and what is selected stays selected', async () => {
  const { pages } = await showPages([image('1.1'), image('1.0')]);
  fireEvent.click(checkbox('1.0'));
  pages.first = [image('1.2'), image('1.1')]; // 1.0 moved off the page
  fireEvent.click(screen.getByText('an event'));
  await screen.findByRole('link', { name: '1.2' });
  expect(screen.getByText(`(${m.selected(1)})`)).toBeTruthy();
  expect((checkbox('1.1') as HTMLInputElement).checked).toBe(false);
  fireEvent.click(screen.getByRole('button', { name: m.delete }));
  expect(await screen.findByText((text) => text.includes(m.takesTag('1.0')))).toBeTruthy();
});

test('the second page stays while pushes come in, and leads back', async () => {
  const { pages, asked } = await showPages([image('2.0')], [image('1.0')]);
  fireEvent.click(screen.getByRole('button', { name: 'Next page' }));
  await screen.findByRole('link', { name: '1.0' });
  pages.first = [image('2.1')];
  fireEvent.click(screen.getByText('an event'));
  await waitFor(() => expect(asked).toEqual([undefined, 'second', 'second']));
  expect(screen.getByRole('link', { name: '1.0' })).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Previous page' }));
  expect(await screen.findByRole('link', { name: '2.1' })).toBeTruthy();
});

test('searching asks the server, from the first page', async () => {
  const { asked } = await showPages([image('2.0'), image('1.0')], [image('0.1')]);
  fireEvent.click(screen.getByRole('button', { name: 'Next page' }));
  await screen.findByRole('link', { name: '0.1' });
  fireEvent.change(screen.getByLabelText(m.search), { target: { value: ' 1.' } });
  await waitFor(() => expect(screen.queryByRole('link', { name: '0.1' })).toBeNull());
  expect(screen.getByRole('link', { name: '1.0' })).toBeTruthy();
  expect(screen.queryByRole('link', { name: '2.0' })).toBeNull();
  expect(asked.at(-1)).toBeUndefined();
});

test('each destination of the rules says how it stands', async () => {
  const base = {
    ...dev,
    replicationId: '1',
    sourceRegistryId: '111122223333',
    sourceRegion: 'us-east-1',
    repositoryName: 'app',
    imageDigest: 'sha256:0',
    imageSizeInBytes: 1,
    imageManifestMediaType: manifest,
    action: 'REPLICATE' as const,
    tries: 1,
    pushedAt: 1,
    changedAt: 1,
  };
  await showPages([
    image('done', { replications: [{ ...base, status: 'COMPLETE', finishedAt: 2, lagInMillis: 1.7 }] }),
    image('busy', { replications: [{ ...base, status: 'IN_PROGRESS' }] }),
    image('refused', {
      replications: [
        {
          ...base,
          status: 'FAILED',
          failureCode: 'DESTINATION_REGISTRY_ACCESS_DENIED',
          failureReason: 'No statement allows it',
          statement: '{"Sid":"A"}',
        },
      ],
    }),
    image('old'),
  ]);
  const row = (tag: string) => within(screen.getByRole('link', { name: tag }).closest('tr')!);
  expect(row('done').getByText(m.after('1.7 ms'))).toBeTruthy();
  expect(row('busy').getByText(m.inProgress)).toBeTruthy();
  expect(row('old').getByText(m.notReplicated)).toBeTruthy();
  fireEvent.click(row('refused').getByText(m.failed));
  expect(await within(await screen.findByRole('dialog')).findByText('{"Sid":"A"}')).toBeTruthy();
});

test('deleting an index shows what goes along, and for each how it went', async () => {
  const child = (imageDigest: string, platform: string) => ({
    imageDigest,
    imageManifestMediaType: manifest,
    imageSizeInBytes: 1,
    platform,
  });
  await showPages([
    image('1.0', {
      imageManifestMediaType: 'application/vnd.oci.image.index.v1+json',
      imageTags: ['1.0', 'latest'],
      imageTagCount: 2,
      children: [child('sha256:amd', 'linux/amd64'), child('sha256:arm', 'linux/arm64')],
      referrers: [
        {
          imageDigest: 'sha256:sbom',
          artifactMediaType: 'application/spdx+json',
          imageSizeInBytes: 1,
          imagePushedAt: 1,
        },
      ],
    }),
  ]);
  fireEvent.click(checkbox('1.0'));
  fireEvent.click(screen.getByRole('button', { name: m.delete }));
  const dialog = within(await screen.findByRole('dialog'));
  expect(dialog.getByText((text) => text.includes(m.takesTags('1.0 and latest')))).toBeTruthy();
  expect(await dialog.findByText((text) => text.includes(m.childrenToo(2)))).toBeTruthy();
  expect(dialog.getByText((text) => text.includes(m.referrersToo(1)))).toBeTruthy();
  await act(async () => fireEvent.click(dialog.getByRole('button', { name: m.delete })));
  expect(await dialog.findByText(m.deletedPartly(3, 1))).toBeTruthy();
  expect(dialog.getByText(m.failures.ImageReferencedByManifestList!, { exact: false })).toBeTruthy();
});

test('what refers to an image that the server keeps is kept', async () => {
  await showPages([
    image('arm', {
      referrers: [
        {
          imageDigest: 'sha256:sig',
          artifactMediaType: 'application/vnd.cncf.notary.signature',
          imageSizeInBytes: 1,
          imagePushedAt: 1,
        },
      ],
    }),
  ]);
  fireEvent.click(checkbox('arm'));
  fireEvent.click(screen.getByRole('button', { name: m.delete }));
  const dialog = within(await screen.findByRole('dialog'));
  await dialog.findByText((text) => text.includes(m.referrersToo(1)));
  await act(async () => fireEvent.click(dialog.getByRole('button', { name: m.delete })));
  expect(await dialog.findByText(m.deletedPartly(0, 1))).toBeTruthy();
});
