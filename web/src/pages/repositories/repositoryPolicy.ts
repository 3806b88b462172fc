import { useQuery } from '@tanstack/react-query';

import { APIError, noRevision, readRevised, type Registry, type Revised } from '../../api/client';
import { readKey } from '../../app/queries';
import { useRegistry } from '../../app/registry';

/** The text of a repository's policy; empty if it has none. */
export async function readRepositoryPolicy(
  registry: Registry,
  repositoryName: string,
  signal?: AbortSignal,
): Promise<Revised<string>> {
  try {
    const { value, revision } = await readRevised(registry, 'GetRepositoryPolicy', { repositoryName }, signal);
    return { value: value.policyText, revision };
  } catch (error) {
    if (error instanceof APIError && error.code === 'RepositoryPolicyNotFoundException') {
      return { value: '', revision: noRevision };
    }
    throw error;
  }
}

export function useRepositoryPolicy(repositoryName: string) {
  const registry = useRegistry();
  return useQuery({
    queryKey: readKey(registry, 'GetRepositoryPolicy', { repositoryName }),
    queryFn: async ({ signal }) => (await readRepositoryPolicy(registry, repositoryName, signal)).value,
  });
}
