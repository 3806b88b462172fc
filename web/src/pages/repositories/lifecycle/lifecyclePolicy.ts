import { useQuery } from '@tanstack/react-query';

import { APIError, noRevision, readRevised, type Registry, type Revised } from '../../../api/client';
import { readKey } from '../../../app/queries';
import { useRegistry } from '../../../app/registry';

/** The text of a repository's lifecycle policy as the server writes it; empty if it has none. */
export async function readLifecyclePolicy(
  registry: Registry,
  repositoryName: string,
  signal?: AbortSignal,
): Promise<Revised<string>> {
  try {
    const { value, revision } = await readRevised(registry, 'GetLifecyclePolicy', { repositoryName }, signal);
    return { value: value.lifecyclePolicyText, revision };
  } catch (error) {
    if (error instanceof APIError && error.code === 'LifecyclePolicyNotFoundException') {
      return { value: '', revision: noRevision };
    }
    throw error;
  }
}

export function useLifecyclePolicy(repositoryName: string) {
  const registry = useRegistry();
  return useQuery({
    queryKey: readKey(registry, 'GetLifecyclePolicy', { repositoryName }),
    queryFn: async ({ signal }) => (await readLifecyclePolicy(registry, repositoryName, signal)).value,
  });
}
