import { APIError, ecr, type Registry } from '../../../api/client';
import type { ImageDetail } from '../../../api/ecr';
import { batches } from './deletion';

/** What is known of images, by digest; those that are gone are left out. */
export async function detailsOf(
  registry: Registry,
  repositoryName: string,
  digests: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, ImageDetail>> {
  // One that is missing fails the whole request: then each half is asked for.
  const describe = async (some: readonly string[]): Promise<ImageDetail[]> => {
    try {
      return (
        await ecr(
          registry,
          'DescribeImages',
          { repositoryName, imageIds: some.map((imageDigest) => ({ imageDigest })) },
          signal,
        )
      ).imageDetails;
    } catch (error) {
      if (!(error instanceof APIError) || error.code !== 'ImageNotFoundException') {
        throw error;
      }
      const half = Math.ceil(some.length / 2);
      return some.length === 1 ? [] : [...(await describe(some.slice(0, half))), ...(await describe(some.slice(half)))];
    }
  };
  const details = new Map<string, ImageDetail>();
  for (const some of batches(digests)) {
    for (const image of await describe(some)) {
      details.set(image.imageDigest, image);
    }
  }
  return details;
}
