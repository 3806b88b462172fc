// What a policy's text would do, found by the server on the images that are there.

import { APIError, ecr, twinport, type Registry } from '../../../api/client';
import type { LifecyclePreview } from '../../../api/twinport';

/** Images of a page. */
export const pageSize = 20;

/** A repository has one preview: another has taken the place of the one that was asked for. */
export class ReplacedError extends Error {}

/** Waits between looks at a preview, in milliseconds: small repositories have theirs at once. */
const firstPause = 150;
const longestPause = 3000;

/** Has the server find what the text would do, and waits for that. It waits for an earlier preview to end, too. */
export async function findPreview(
  registry: Registry,
  repositoryName: string,
  lifecyclePolicyText: string,
  signal: AbortSignal,
): Promise<LifecyclePreview> {
  const pause = pauses(signal);
  while (!(await begun(registry, repositoryName, lifecyclePolicyText, signal))) {
    await pause();
  }
  const again = pauses(signal);
  for (;;) {
    const input = { repositoryName, maxResults: pageSize };
    const preview = await twinport(registry, 'DescribeLifecyclePreview', input, signal);
    if (preview.lifecyclePolicyText !== lifecyclePolicyText) {
      throw new ReplacedError('there is another preview');
    }
    if (preview.status !== 'IN_PROGRESS') {
      return preview;
    }
    await again();
  }
}

/** False while an earlier preview is under way. */
async function begun(
  registry: Registry,
  repositoryName: string,
  lifecyclePolicyText: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await ecr(registry, 'StartLifecyclePolicyPreview', { repositoryName, lifecyclePolicyText }, signal);
    return true;
  } catch (error) {
    if (error instanceof APIError && error.code === 'LifecyclePolicyPreviewInProgressException') {
      return false;
    }
    throw error;
  }
}

/** Each pause is longer than the one before. */
function pauses(signal: AbortSignal): () => Promise<void> {
  let length = firstPause;
  return () =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, length);
      signal.addEventListener('abort', stop, { once: true });
      length = Math.min(2 * length, longestPause);
    });
}
