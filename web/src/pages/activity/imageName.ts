import type { Replication } from '../../api/twinport';

/** The image as one names it: repository:tag, or the repository and the beginning of the digest. */
export function imageName({ repositoryName, imageTag, imageDigest }: Replication): string {
  return imageTag ? `${repositoryName}:${imageTag}` : `${repositoryName}@${imageDigest.slice(0, 19)}…`;
}
