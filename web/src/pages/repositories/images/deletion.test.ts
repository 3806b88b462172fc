import { expect, test } from 'vitest';

import type { FoundImage } from '../../../api/twinport';
import { batches, dangling, outcomes, partsOf, planDeletion, remains, type PartDetail } from './deletion';
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
  referrers: [
    {
      imageDigest: 'sha256:sig',
      artifactMediaType: 'application/vnd.cncf.notary.signature',
      imageSizeInBytes: 1,
      imagePushedAt: 1,
    },
  ],
});
const refersTo = (subjectManifestDigest: string): PartDetail => ({ subjectManifestDigest });
const untagged = new Map<string, PartDetail>([
  ['sha256:amd', {}],
  ['sha256:arm', {}],
  ['sha256:sig', refersTo('sha256:index')],
]);
const digests = (rows: ImageRow[]) => rows.map((row) => row.digest);

test('an index takes its untagged children and its signatures along', () => {
  expect(partsOf([index])).toEqual(['sha256:amd', 'sha256:arm', 'sha256:sig']);
  const plan = planDeletion([index], untagged, true);
  expect(plan.images).toEqual([index]);
  expect(digests(plan.children)).toEqual(['sha256:amd', 'sha256:arm']);
  expect(digests(plan.referrers)).toEqual(['sha256:sig']);
  expect(plan.tagged).toEqual([]);
});

test('a child with a tag of its own stays', () => {
  const plan = planDeletion([index], new Map([...untagged, ['sha256:arm', { imageTags: ['1-arm64'] }]]), true);
  expect(digests(plan.children)).toEqual(['sha256:amd']);
  expect(plan.tagged).toEqual(['1-arm64']);
});

test('what refers to a child that stays is left alone', () => {
  const details = new Map([...untagged, ['sha256:sig', refersTo('sha256:arm')]]);
  expect(digests(planDeletion([index], details, true).referrers)).toEqual(['sha256:sig']);
  expect(planDeletion([index], details, false).referrers).toEqual([]);
  expect(
    planDeletion([index], new Map([...details, ['sha256:arm', { imageTags: ['1-arm64'] }]]), true).referrers,
  ).toEqual([]);
});

test('a signature of an SBOM goes with it, and stays with one that has a tag', () => {
  const referrer = (imageDigest: string) => ({ imageDigest, imageSizeInBytes: 1, imagePushedAt: 1 });
  const signed = found('sha256:image', { referrers: [referrer('sha256:sig'), referrer('sha256:sbom')] });
  const details = new Map([
    ['sha256:sig', refersTo('sha256:sbom')],
    ['sha256:sbom', refersTo('sha256:image')],
  ]);
  expect(digests(planDeletion([signed], details, true).referrers)).toEqual(['sha256:sbom', 'sha256:sig']);
  const kept = planDeletion(
    [signed],
    new Map([...details, ['sha256:sbom', { ...refersTo('sha256:image'), imageTags: ['sbom'] }]]),
    true,
  );
  expect([kept.referrers, kept.tagged]).toEqual([[], ['sbom']]);
});

test('a signature stays with an image that was not deleted', () => {
  const [, , sig] = index.parts;
  expect(dangling([sig!], untagged, new Set(['sha256:amd']))).toEqual([]);
  expect(dangling([sig!], untagged, new Set(['sha256:index']))).toEqual([sig]);
});

test('what is gone already is not offered', () => {
  const plan = planDeletion([index], new Map([['sha256:amd', {}]]), true);
  expect(digests(plan.children)).toEqual(['sha256:amd']);
  expect(plan.referrers).toEqual([]);
});

test('a child alone is refused, and with its index comes after it', () => {
  const amd = index.parts[0]!;
  expect(planDeletion([amd], new Map(), true).refused).toEqual([{ image: amd, index: 'sha256:index' }]);
  const both = planDeletion([amd, index], untagged, true);
  expect(both.refused).toEqual([]);
  expect(digests(both.images)).toEqual(['sha256:index', 'sha256:amd']);
  expect(digests(both.children)).toEqual(['sha256:arm']);
});

test('a child that was found by its tag comes after its index', () => {
  const amd = found('sha256:amd', { imageTags: ['1-amd64'], imageTagCount: 1 });
  expect(digests(planDeletion([amd, index], untagged, true).images)).toEqual(['sha256:index', 'sha256:amd']);
});

test('an index within an index comes between them', () => {
  const outer = found('sha256:outer', {
    imageManifestMediaType: 'application/vnd.oci.image.index.v1+json',
    children: [{ ...child('sha256:index'), imageManifestMediaType: 'application/vnd.oci.image.index.v1+json' }],
  });
  const plan = planDeletion([index.parts[1]!, index, outer], new Map(), true);
  expect(digests(plan.images)).toEqual(['sha256:outer', 'sha256:index', 'sha256:arm']);
});

test('an image that two indexes name is deleted once', () => {
  const other = found('sha256:other', { children: [child('sha256:amd')] });
  expect(digests(planDeletion([index, other], untagged, true).children)).toEqual(['sha256:amd', 'sha256:arm']);
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
