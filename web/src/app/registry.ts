// The registry that a page is about: account and Region are part of its address.

import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';

import { ecr, twinport, type Registry } from '../api/client';
import type { ECR } from '../api/ecr';
import { readSessions, type Session } from '../api/session';
import type { Twinport } from '../api/twinport';
import { readKey, sessionsKey, type Read, type Reads } from './queries';

export interface CurrentRegistry extends Registry {
  session: Session;
  /** The accounts that are signed in, this one among them. */
  sessions: Session[];
  regions: string[];
  version: string;
}

export const RegistryContext = createContext<CurrentRegistry | null>(null);

export function useRegistry(): CurrentRegistry {
  const registry = useContext(RegistryContext);
  if (!registry) {
    throw new Error('a page of a registry is shown outside of one');
  }
  return registry;
}

/** The address of a page of a registry: path begins without a slash. */
export function pagePath(registry: Registry, path = ''): string {
  return `/${registry.account}/${registry.region}/${path}`;
}

/** The address of a repository's page; its name may have slashes. */
export function repositoryPath(registry: Registry, name: string, tab?: string): string {
  return pagePath(registry, `repository/${name}`) + (tab ? `?tab=${tab}` : '');
}

export function useSessions() {
  return useQuery({ queryKey: sessionsKey, queryFn: readSessions, staleTime: 60_000 });
}

interface ReadOptions<Answer> {
  enabled?: boolean;
  /** The answer before is shown until another input is answered. */
  keep?: boolean;
  /** It is read again every so many seconds, which may depend on the answer. */
  every?: number | ((answer: Answer | undefined) => number);
}

function queryOptions<Answer>({ enabled = true, keep = false, every }: ReadOptions<Answer>) {
  return {
    enabled,
    ...(every
      ? {
          refetchInterval: ({ state }: { state: { data: Answer | undefined } }) =>
            1000 * (typeof every === 'number' ? every : every(state.data)),
        }
      : {}),
    ...(keep ? { placeholderData: keepPreviousData } : {}),
  };
}

/** Reads with an operation of Amazon ECR, for the page's registry. */
export function useECR<Name extends keyof ECR & Read>(
  name: Name,
  input: ECR[Name]['in'] & Reads[Name],
  options: ReadOptions<ECR[Name]['out']> = {},
) {
  const registry = useRegistry();
  return useQuery({
    queryKey: readKey(registry, name, input),
    queryFn: ({ signal }): Promise<ECR[Name]['out']> => ecr(registry, name, input, signal),
    ...queryOptions(options),
  });
}

/** Reads with one of Twinport's operations, for the page's registry. */
export function useTwinport<Name extends keyof Twinport & Read>(
  name: Name,
  input: Twinport[Name]['in'] & Reads[Name],
  options: ReadOptions<Twinport[Name]['out']> = {},
) {
  const registry = useRegistry();
  return useQuery({
    queryKey: readKey(registry, name, input),
    queryFn: ({ signal }): Promise<Twinport[Name]['out']> => twinport(registry, name, input, signal),
    ...queryOptions(options),
  });
}

/** Reads with one of Twinport's operations for each of the inputs, at once. */
export function useTwinportEach<Name extends keyof Twinport & Read>(
  name: Name,
  inputs: (Twinport[Name]['in'] & Reads[Name])[],
) {
  const registry = useRegistry();
  return useQueries({
    queries: inputs.map((input) => ({
      queryKey: readKey(registry, name, input),
      queryFn: ({ signal }: { signal: AbortSignal }) => twinport(registry, name, input, signal),
    })),
  });
}
