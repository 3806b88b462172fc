import { expect, test, vi } from 'vitest';

import { detailsOf } from './details';

/** A server with the images of these digests, each tagged with its own name but for b. */
function serve(present: string[]) {
  const asked: number[] = [];
  vi.stubGlobal('fetch', (_: string, init: { body: string }) => {
    const { imageIds } = JSON.parse(init.body) as { imageIds: { imageDigest: string }[] };
    asked.push(imageIds.length);
    const missing = imageIds.find((id) => !present.includes(id.imageDigest));
    return Promise.resolve(
      missing
        ? new Response(JSON.stringify({ __type: 'ImageNotFoundException', message: 'gone' }), { status: 400 })
        : new Response(
            JSON.stringify({
              imageDetails: imageIds.map(({ imageDigest }) =>
                imageDigest === 'b' ? { imageDigest } : { imageDigest, imageTags: [imageDigest] },
              ),
            }),
          ),
    );
  });
  return asked;
}

const registry = { account: '111122223333', region: 'us-east-1' };

test('those that are there, though others are not', async () => {
  serve(['a', 'b', 'd']);
  const details = await detailsOf(registry, 'app', ['a', 'b', 'c', 'd', 'e']);
  expect([...details].map(([digest, detail]) => [digest, detail.imageTags])).toEqual([
    ['a', ['a']],
    ['b', undefined],
    ['d', ['d']],
  ]);
});

test('nothing to ask asks nothing', async () => {
  const asked = serve([]);
  expect((await detailsOf(registry, 'app', [])).size).toBe(0);
  expect(asked).toEqual([]);
});

test('a hundred at a time', async () => {
  const digests = Array.from({ length: 150 }, (_, i) => `sha256:${i}`);
  const asked = serve(digests);
  expect((await detailsOf(registry, 'app', digests)).size).toBe(150);
  expect(asked).toEqual([100, 50]);
});

test('a refusal is passed on', async () => {
  vi.stubGlobal('fetch', () =>
    Promise.resolve(new Response(JSON.stringify({ __type: 'AccessDeniedException', message: 'no' }), { status: 400 })),
  );
  await expect(detailsOf(registry, 'app', ['a'])).rejects.toMatchObject({ code: 'AccessDeniedException' });
});
