import { keepPreviousData, useQuery } from '@tanstack/react-query';

import { twinport } from '../../api/client';
import { readKey } from '../../app/queries';
import { useRegistry } from '../../app/registry';

/** While the server counts it is asked again so often, in milliseconds. */
const whileCounting = 3000;

/** What the registry has stored or, with names, what its repositories have: at most 100. */
export function useStorage(repositoryNames?: string[]) {
  const registry = useRegistry();
  const input = repositoryNames ? { repositoryNames } : {};
  return useQuery({
    queryKey: readKey(registry, 'DescribeStorage', input),
    queryFn: ({ signal }) => twinport(registry, 'DescribeStorage', input, signal),
    enabled: repositoryNames?.length !== 0,
    refetchInterval: ({ state }) => (state.data?.counting ? whileCounting : false),
    placeholderData: keepPreviousData,
  });
}
