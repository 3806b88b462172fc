import type { Registry } from '../../../api/client';
import { repositoryPath } from '../../../app/registry';

/** The address of an image's page. */
export function imagePath(registry: Registry, repositoryName: string, digest: string): string {
  return `${repositoryPath(registry, repositoryName)}?image=${encodeURIComponent(digest)}`;
}
