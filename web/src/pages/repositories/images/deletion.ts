// What deleting images takes along, and in which order it must be done.

import { limitsImageIdentifierList, type ECR, type ImageDetail } from '../../../api/ecr';
import type { ImageRow } from './rows';

/** BatchDeleteImage and DescribeImages take so many images at once. */
export const batchSize = limitsImageIdentifierList.max;

export interface Deletion {
  /** Each image once, in an order in which each may be deleted: an index before what it names. */
  images: ImageRow[];
  /** Children of theirs that have no tag, and would stay behind in nobody's name. */
  children: ImageRow[];
  /** Signatures, SBOMs and the like, whose subject would be gone. */
  referrers: ImageRow[];
  /** Parts that have tags of their own, and stay: the first tag of each. */
  tagged: string[];
  /** Of the images, those that an index that stays names: the server will refuse them. */
  refused: { image: ImageRow; index: string }[];
}

/** What is known of a part: only what is there still is known. */
export type PartDetail = Pick<ImageDetail, 'imageTags' | 'subjectManifestDigest'>;

/** The images, each once: the row that knows most of what belongs to it. */
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

/** The digests that may come along: more is to be found out about them. */
export function partsOf(selected: readonly ImageRow[]): string[] {
  const chosen = new Set(selected.map((row) => row.digest));
  return once(selected.flatMap((row) => row.parts))
    .map((part) => part.digest)
    .filter((digest) => !chosen.has(digest));
}

/** The index that a row is below. */
function indexOf(row: ImageRow): string | undefined {
  return row.role === 'child' ? row.key.split(' ')[0] : undefined;
}

/** Plans the deletion of what is selected, and withChildren of what that leaves behind untagged. */
export function planDeletion(
  selected: readonly ImageRow[],
  details: ReadonlyMap<string, PartDetail>,
  withChildren: boolean,
): Deletion {
  const images = inOrder(selected);
  const chosen = new Set(images.map((row) => row.digest));
  const parts = once(selected.flatMap((row) => row.parts)).filter(
    (part) => !chosen.has(part.digest) && details.has(part.digest),
  );
  const tagOf = (row: ImageRow) => details.get(row.digest)!.imageTags?.[0];
  const children = parts.filter((part) => part.role === 'child' && tagOf(part) === undefined);
  const going = new Set([...chosen, ...(withChildren ? children.map((row) => row.digest) : [])]);
  const referring = parts.filter((part) => part.role === 'referrer');
  const referrers = dangling(
    referring.filter((part) => tagOf(part) === undefined),
    details,
    going,
  );
  const gone = new Set([...going, ...referrers.map((row) => row.digest)]);
  const staying = [
    ...parts.filter((part) => part.role === 'child'),
    ...referring.filter((part) => gone.has(details.get(part.digest)!.subjectManifestDigest ?? '')),
  ];
  const tagged = [...new Set(staying.flatMap((part) => tagOf(part) ?? []))];
  const refused = selected.flatMap((image) => {
    const index = indexOf(image);
    return index !== undefined && !chosen.has(index) ? [{ image, index }] : [];
  });
  return { images, children, referrers, tagged, refused };
}

/** Those of the referrers whose subject is gone, or refers to what is gone in turn: subjects first. */
export function dangling(
  referrers: readonly ImageRow[],
  details: ReadonlyMap<string, PartDetail>,
  gone: ReadonlySet<string>,
): ImageRow[] {
  const all = new Set(gone);
  const found: ImageRow[] = [];
  for (let more = true; more;) {
    more = false;
    for (const row of referrers) {
      if (!all.has(row.digest) && all.has(details.get(row.digest)?.subjectManifestDigest ?? '')) {
        all.add(row.digest);
        found.push(row);
        more = true;
      }
    }
  }
  return found;
}

/** Each image once, those that an index among them names after it. */
function inOrder(selected: readonly ImageRow[]): ImageRow[] {
  const rows = new Map(once(selected).map((row) => [row.digest, row]));
  const indexes = new Map<string, string[]>(); // of each image, the selected ones that name it
  const names = (index: string, digest: string) => {
    if (rows.has(index)) {
      indexes.set(digest, [...(indexes.get(digest) ?? []), index]);
    }
  };
  for (const row of selected) {
    row.parts.filter((part) => part.role === 'child').forEach((part) => names(row.digest, part.digest));
    names(indexOf(row) ?? '', row.digest);
  }
  const ordered = new Map<string, ImageRow>();
  const add = (row: ImageRow) => {
    if (!ordered.has(row.digest)) {
      indexes.get(row.digest)?.forEach((index) => add(rows.get(index)!)); // digests make no circles
      ordered.set(row.digest, row);
    }
  };
  rows.forEach(add);
  return [...ordered.values()];
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
    return {
      digest,
      tags: answer.imageIds.filter((id) => id.imageDigest === digest).flatMap((id) => id.imageTag ?? []),
    };
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
