import { expect, test, vi } from 'vitest';

import type { LifecyclePreview } from '../../../api/twinport';
import { findPreview, ReplacedError } from './findPreview';

const registry = { account: '111122223333', region: 'us-east-1' };

const preview: LifecyclePreview = {
  status: 'COMPLETE',
  lifecyclePolicyText: 'mine',
  startedAt: 1,
  expiringImageCount: 1,
  expiringSizeInBytes: 2,
  transitioningImageCount: 0,
  images: [],
};

/** A server that answers with one after the other: an error's name or a preview. */
function serve(...answers: (string | Partial<LifecyclePreview>)[]) {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    asked.push(new Headers(init.headers).get('X-Amz-Target')!.split('.')[1]!);
    const answer = answers.shift()!;
    return Promise.resolve(
      typeof answer === 'string'
        ? Response.json({ __type: answer, message: answer }, { status: 400 })
        : Response.json({ ...preview, ...answer }),
    );
  });
  return asked;
}

const find = (signal = new AbortController().signal) => findPreview(registry, 'app', 'mine', signal);

test('a preview is begun once the one before has ended, and looked at until it has', async () => {
  const asked = serve('LifecyclePolicyPreviewInProgressException', {}, { status: 'IN_PROGRESS' }, {});
  expect(await find()).toEqual(preview);
  const [begin, look] = ['StartLifecyclePolicyPreview', 'DescribeLifecyclePreview'];
  expect(asked).toEqual([begin, begin, look, look]);
});

test('another preview that has taken its place is not taken for it', async () => {
  serve({}, { lifecyclePolicyText: 'theirs' });
  await expect(find()).rejects.toBeInstanceOf(ReplacedError);
});

test('what the server refuses is said, and nothing is waited for once it is not wanted', async () => {
  serve('AccessDeniedException');
  await expect(find()).rejects.toMatchObject({ code: 'AccessDeniedException' });
  const waiting = new AbortController();
  const asked = serve({}, { status: 'IN_PROGRESS' });
  const found = find(waiting.signal);
  await vi.waitFor(() => expect(asked).toHaveLength(2));
  waiting.abort();
  await expect(found).rejects.toThrow('abort');
  expect(asked).toHaveLength(2);
});
