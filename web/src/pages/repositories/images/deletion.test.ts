import { expect, test } from 'vitest';

import type { FoundImage } from '../../../api/twinport';
import { batches, outcomes, partsOf, planDeletion, remains } from './deletion';
import { rowOf, type ImageRow } from './rows';

function found(digest: string, more: Partial<FoundImage> = {}): ImageRow {
  return rowOf({
    imageDigest: digest,
    imageTags: [],
    imageTagCount: 0,
    imageSizeInBytes: 1,
    imagePushedAt: 1,
    imageManifestMediaType: 'application/vnd.oci.image.manifest.v1+json',
    children: [],
    referrers: [],
    replications: [],
    ...more,
  });
}

const child = (imageDigest: string, platform = 'linux/amd64') => ({
  imageDigest,
  imageManifestMediaType: 'application/vnd.oci.image.manifest.v1+json',
  imageSizeInBytes: 1,
  platform,
});
const index = found('sha256:index', {
  imageManifestMediaType: 'application/vnd.oci.image.index.v1+json',
  imageTags: ['1'],
  imageTagCount: 1,
  children: [child('sha256:amd'), child('sha256:arm', 'linux/arm64')],
  referrers: [{ imageDigest: 'sha256:sig', artifactMediaType: 'application/vnd.cncf.notary.signature', imageSizeInBytes: 1, imagePushedAt: 1 }],
});
const untagged = new Map([
  ['sha256:amd', []],
  ['sha256:arm', []],
  ['sha256:sig', []],
]);

test('an index takes its untagged children and its signatures along', () => {
  expect(partsOf([index])).toEqual(['sha256:amd', 'sha256:arm', 'sha256:sig']);
  const plan = planDeletion([index], untagged);
  expect(plan.images).toEqual([index]);
  expect(plan.children.map((p) => p.row.digest)).toEqual(['sha256:amd', 'sha256:arm']);
  expect(plan.referrers.map((p) => p.row.digest)).toEqual(['sha256:sig']);
  expect(plan.tagged).toEqual([]);
});

test('a child with a tag of its own stays', () => {
  const plan = planDeletion([index], new Map([...untagged, ['sha256:arm', ['1-arm64']]]));
  expect(plan.children.map((p) => p.row.digest)).toEqual(['sha256:amd']);
  expect(plan.tagged.map((p) => [p.row.digest, p.tags])).toEqual([['sha256:arm', ['1-arm64']]]);
});

test('what is gone already is not offered', () => {
  const plan = planDeletion([index], new Map([['sha256:amd', []]]));
  expect(plan.children.map((p) => p.row.digest)).toEqual(['sha256:amd']);
  expect(plan.referrers).toEqual([]);
});

test('a child alone is refused, and with its index comes after it', () => {
  const amd = index.parts[0]!;
  expect(planDeletion([amd], new Map()).refused).toEqual([{ image: amd, index: 'sha256:index' }]);
  const both = planDeletion([amd, index], untagged);
  expect(both.refused).toEqual([]);
  expect(both.images.map((i) => i.digest)).toEqual(['sha256:index', 'sha256:amd']);
  expect(both.children.map((p) => p.row.digest)).toEqual(['sha256:arm']);
});

test('an index within an index comes between them', () => {
  const outer = found('sha256:outer', {
    imageManifestMediaType: 'application/vnd.oci.image.index.v1+json',
    children: [{ ...child('sha256:inner'), imageManifestMediaType: 'application/vnd.oci.image.index.v1+json' }, child('sha256:leaf')],
  });
  const plan = planDeletion([outer.parts[1]!, outer.parts[0]!, outer], new Map());
  expect(plan.images.map((i) => i.digest)).toEqual(['sha256:outer', 'sha256:inner', 'sha256:leaf']);
});

test('an image that two indexes name is deleted once', () => {
  const other = found('sha256:other', { children: [child('sha256:amd')] });
  expect(planDeletion([index, other], untagged).children.map((p) => p.row.digest)).toEqual(['sha256:amd', 'sha256:arm']);
});

test('each image has its outcome', () => {
  const result = outcomes(['sha256:a', 'sha256:b', 'sha256:c'], {
    imageIds: [
      { imageDigest: 'sha256:a', imageTag: '1' },
      { imageDigest: 'sha256:a', imageTag: 'latest' },
    ],
    failures: [
      { imageId: { imageDigest: 'sha256:b' }, failureCode: 'ImageReferencedByManifestList', failureReason: 'named' },
      { imageId: { imageDigest: 'sha256:c' }, failureCode: 'ImageNotFound', failureReason: 'gone' },
    ],
  });
  expect(result.map((o) => [o.digest, o.tags, remains(o)])).toEqual([
    ['sha256:a', ['1', 'latest'], false],
    ['sha256:b', [], true],
    ['sha256:c', [], false],
  ]);
});

test('250 images are three requests', () => {
  expect(batches(Array.from({ length: 250 }, (_, i) => i)).map((b) => b.length)).toEqual([100, 100, 50]);
});
