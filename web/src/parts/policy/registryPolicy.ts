import { useQuery } from '@tanstack/react-query';

import { APIError, noRevision, readRevised, type Registry, type Revised } from '../../api/client';
import { readKey } from '../../app/queries';
import { useRegistry } from '../../app/registry';

/** The text of a registry's policy; empty if it has none. */
export async function readRegistryPolicy(registry: Registry, signal?: AbortSignal): Promise<Revised<string>> {
  try {
    const { value, revision } = await readRevised(registry, 'GetRegistryPolicy', {}, signal);
    return { value: value.policyText, revision };
  } catch (error) {
    if (error instanceof APIError && error.code === 'RegistryPolicyNotFoundException') {
      return { value: '', revision: noRevision };
    }
    throw error;
  }
}

/** The policy of the page's registry. */
export function useRegistryPolicy() {
  const registry = useRegistry();
  return useQuery({
    queryKey: readKey(registry, 'GetRegistryPolicy'),
    queryFn: async ({ signal }) => (await readRegistryPolicy(registry, signal)).value,
  });
}
