import type { Replication } from '../../api/twinport';
import type { Messages } from '../../i18n';

/**
 * The image as one names it, repository:tag, or the repository and the beginning of the digest; and whether it is its
 * deletion.
 */
export function imageName(
  {
    repositoryName,
    imageTag,
    imageDigest,
    action,
  }: Pick<Replication, 'repositoryName' | 'imageTag' | 'imageDigest'> & Partial<Pick<Replication, 'action'>>,
  m: Messages['activity'],
): string {
  const name = imageTag ? `${repositoryName}:${imageTag}` : `${repositoryName}@${imageDigest.slice(0, 19)}…`;
  return action === 'DELETE' ? m.deletionOf(name) : name;
}
