import { useQuery } from '@tanstack/react-query';

import { APIError, ecr, type Registry } from '../../api/client';
import { readKey } from '../../app/queries';
import { useRegistry } from '../../app/registry';

/** The text of a repository's policy; empty if it has none. */
export async function readRepositoryPolicy(
  registry: Registry,
  repositoryName: string,
  signal?: AbortSignal,
): Promise<string> {
  try {
    return (await ecr(registry, 'GetRepositoryPolicy', { repositoryName }, signal)).policyText;
  } catch (error) {
    if (error instanceof APIError && error.code === 'RepositoryPolicyNotFoundException') {
      return '';
    }
    throw error;
  }
}

export function useRepositoryPolicy(repositoryName: string) {
  const registry = useRegistry();
  return useQuery({
    queryKey: readKey(registry, 'GetRepositoryPolicy', { repositoryName }),
    queryFn: ({ signal }) => readRepositoryPolicy(registry, repositoryName, signal),
  });
}
