import { useQuery } from '@tanstack/react-query';

import { APIError, ecr, type Registry } from '../../api/client';
import { readKey } from '../../app/queries';
import { useRegistry } from '../../app/registry';

/** The text of a registry's policy; empty if it has none. */
export async function readRegistryPolicy(registry: Registry, signal?: AbortSignal): Promise<string> {
  try {
    return (await ecr(registry, 'GetRegistryPolicy', {}, signal)).policyText;
  } catch (error) {
    if (error instanceof APIError && error.code === 'RegistryPolicyNotFoundException') {
      return '';
    }
    throw error;
  }
}

/** The policy of the page's registry. */
export function useRegistryPolicy() {
  const registry = useRegistry();
  return useQuery({
    queryKey: readKey(registry, 'GetRegistryPolicy'),
    queryFn: ({ signal }) => readRegistryPolicy(registry, signal),
  });
}
