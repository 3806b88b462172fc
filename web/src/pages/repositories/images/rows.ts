// The rows of the list of images: each image, and below it what belongs to it.

import type { FoundImage, Replication } from '../../../api/twinport';
import { kindOf, type Kind } from './kind';

export interface ImageRow {
  /** Of the row: an image may be below several others. */
  key: string;
  /** How it belongs to the row above. */
  role: 'image' | 'child' | 'referrer';
  digest: string;
  kind: Kind;
  /** What the kind was told from. */
  mediaType: string;
  platform?: string;
  tags: string[];
  tagCount: number;
  size: number;
  pushedAt?: number;
  pulledAt?: number;
  replications: Replication[];
  parts: ImageRow[];
}

export function rowOf(image: FoundImage): ImageRow {
  const part = { tags: [], tagCount: 0, replications: [], parts: [] };
  return {
    key: image.imageDigest,
    role: 'image',
    digest: image.imageDigest,
    kind: kindOf(image),
    mediaType: image.artifactMediaType || image.imageManifestMediaType,
    tags: image.imageTags,
    tagCount: image.imageTagCount,
    size: image.imageSizeInBytes,
    pushedAt: image.imagePushedAt,
    pulledAt: image.lastRecordedPullTime,
    replications: image.replications,
    parts: [
      ...image.children.map((child): ImageRow => ({
        ...part,
        key: `${image.imageDigest} ${child.imageDigest}`,
        role: 'child',
        digest: child.imageDigest,
        kind: kindOf(child),
        mediaType: child.imageManifestMediaType,
        platform: child.platform,
        size: child.imageSizeInBytes,
      })),
      ...image.referrers.map((referrer): ImageRow => ({
        ...part,
        key: `${image.imageDigest} ${referrer.imageDigest}`,
        role: 'referrer',
        digest: referrer.imageDigest,
        kind: kindOf(referrer),
        mediaType: referrer.artifactMediaType ?? '',
        size: referrer.imageSizeInBytes,
        pushedAt: referrer.imagePushedAt,
      })),
    ],
  };
}

/** What was selected, as it is now: rows that are shown are taken anew, others stay as they were last seen. */
export function renewed(selected: readonly ImageRow[], shown: readonly ImageRow[]): ImageRow[] {
  const now = new Map<string, ImageRow>();
  for (const row of shown) {
    now.set(row.key, row);
    row.parts.forEach((part) => now.set(part.key, part));
  }
  return selected.map((row) => now.get(row.key) ?? row);
}
