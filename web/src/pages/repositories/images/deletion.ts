// What deleting images takes along, and in which order it must be done.

import type { ECR } from '../../../api/ecr';
import type { ImageRow } from './rows';

/** BatchDeleteImage and DescribeImages take so many images at once. */
export const batchSize = 100;

/** An image that belongs to one to be deleted. */
export interface Part {
  row: ImageRow;
  tags: string[];
}

export interface Deletion {
  /** Each image once, in an order in which each may be deleted: an index before what it names. */
  images: ImageRow[];
  /** Children of theirs that have no tag, and would stay behind in nobody's name. */
  children: Part[];
  /** Signatures, SBOMs and the like, whose subject would be gone. */
  referrers: Part[];
  /** Parts that have tags of their own, and stay. */
  tagged: Part[];
  /** Of the images, those that an index that stays names: the server will refuse them. */
  refused: { image: ImageRow; index: string }[];
}

/** The images that are selected or below one that is, each once. */
function once(rows: readonly ImageRow[]): ImageRow[] {
  const seen = new Map<string, ImageRow>();
  for (const row of rows) {
    const known = seen.get(row.digest);
    if (!known || known.parts.length < row.parts.length) {
      seen.set(row.digest, row);
    }
  }
  return [...seen.values()];
}

/** The digests that may come along: their tags are to be looked up. */
export function partsOf(selected: readonly ImageRow[]): string[] {
  const chosen = new Set(selected.map((row) => row.digest));
  return once(selected.flatMap((row) => row.parts))
    .map((part) => part.digest)
    .filter((digest) => !chosen.has(digest));
}

/** tags are those of the parts, by digest; a digest that is missing is gone already. */
export function planDeletion(selected: readonly ImageRow[], tags: ReadonlyMap<string, string[]>): Deletion {
  const chosen = new Set(selected.map((row) => row.digest));
  const parts = once(selected.flatMap((row) => row.parts)).filter((part) => !chosen.has(part.digest) && tags.has(part.digest));
  const plan: Deletion = { images: once(selected), children: [], referrers: [], tagged: [], refused: [] };
  for (const row of parts) {
    const part = { row, tags: tags.get(row.digest)! };
    (part.tags.length > 0 ? plan.tagged : row.role === 'child' ? plan.children : plan.referrers).push(part);
  }
  for (const row of selected) {
    const index = row.role === 'child' ? row.key.split(' ')[0]! : '';
    if (index && !chosen.has(index)) {
      plan.refused.push({ image: row, index });
    }
  }
  // An index that another one names comes after that.
  const rank = (row: ImageRow) => (row.role === 'image' ? 0 : row.role === 'child' && row.kind === 'index' ? 1 : 2);
  plan.images.sort((a, b) => rank(a) - rank(b));
  return plan;
}

/** How it went with one image. */
export interface Outcome {
  digest: string;
  /** The tags that went with it. */
  tags: string[];
  failureCode?: string;
  failureReason?: string;
}

type Answer = ECR['BatchDeleteImage']['out'];

/** One outcome for each image that was asked for, in that order. */
export function outcomes(digests: readonly string[], answer: Answer): Outcome[] {
  return digests.map((digest) => {
    const failure = answer.failures.find((f) => f.imageId?.imageDigest === digest);
    if (failure) {
      return { digest, tags: [], failureCode: failure.failureCode, failureReason: failure.failureReason };
    }
    return { digest, tags: answer.imageIds.filter((id) => id.imageDigest === digest).flatMap((id) => id.imageTag ?? []) };
  });
}

/** Whether the image is there still: one that was gone before is gone as it was to be. */
export function remains(outcome: Outcome): boolean {
  return outcome.failureCode !== undefined && outcome.failureCode !== 'ImageNotFound';
}

/** In pieces that the server takes, one after the other. */
export function batches<T>(items: readonly T[]): T[][] {
  const pieces: T[][] = [];
  for (let i = 0; i < items.length; i += batchSize) {
    pieces.push(items.slice(i, i + batchSize));
  }
  return pieces;
}
