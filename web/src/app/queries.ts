// The keys of what the console has read: pages say by them what is to be read again.

import { useQueryClient } from '@tanstack/react-query';

import type { Registry } from '../api/client';
import type { ECR } from '../api/ecr';
import type { Twinport } from '../api/twinport';

type Operations = ECR & Twinport;

/** The operations that pages read by. */
type ReadOperation =
  | 'BatchGetImage'
  | 'CheckReplicationDestinations'
  | 'DescribeDeployment'
  | 'DescribeImageConfiguration'
  | 'DescribeImages'
  | 'DescribeLifecyclePreview'
  | 'DescribePeers'
  | 'DescribeQuotas'
  | 'DescribeRegistry'
  | 'DescribeReplicationBackfillResults'
  | 'DescribeRepositoryCreationTemplates'
  | 'DescribeStorage'
  | 'FindImages'
  | 'FindRepositories'
  | 'GetAccountSetting'
  | 'GetLifecyclePolicy'
  | 'GetRegistryPolicy'
  | 'GetRegistryScanningConfiguration'
  | 'GetReplicationStatistics'
  | 'GetRepositoryPolicy'
  | 'ListLifecycleRunImages'
  | 'ListLifecycleRuns'
  | 'ListPeers'
  | 'ListPullTimeUpdateExclusions'
  | 'ListReplicationBackfills'
  | 'ListSessions'
  | 'ListTagsForResource'
  | 'ValidatePolicy';

/** What is read of a registry, and the input that narrows it. */
export type Reads = { [Name in ReadOperation]: Operations[Name]['in'] } & {
  // These have names of their own, for they are read again at other times than what their operations answer elsewhere.
  /** The images that belong to others, by their digests. */
  ImageParts: { repositoryName: string; parts: readonly string[] };
  /** What a lifecycle policy would do, which is found anew only when that is asked for. */
  LifecyclePreview: { repositoryName: string; lifecyclePolicyText: string };
  /** The repositories that a rule matches: a rule may have a hundred filters, and every push changes a repository. */
  MatchingRepositories: Operations['FindRepositories']['in'];
  /** The replications that the live stream keeps as they are. */
  ReplicationFeed: Operations['ListReplications']['in'];
};

export type Read = keyof Reads;

export const sessionsKey = ['sessions'] as const;

/** The key of everything that was read of an account's registries. */
export function accountKey(account: string) {
  return ['registry', account] as const;
}

/** The key of everything that was read of a registry. */
export function registryKey({ account, region }: Registry) {
  return [...accountKey(account), region] as const;
}

/** The key of a read; without an input, of that read with any. */
export function readKey<Name extends Read>(registry: Registry, name: Name, input?: Reads[Name]) {
  const key = [...registryKey(registry), name] as const;
  return input === undefined ? key : ([...key, input] as const);
}

/** Has everything that is shown of a registry read again, or what is named. */
export function useReread() {
  const queries = useQueryClient();
  return (registry: Registry, ...reads: Read[]): Promise<unknown> =>
    reads.length === 0
      ? queries.invalidateQueries({ queryKey: registryKey(registry) })
      : Promise.all(reads.map((read) => queries.invalidateQueries({ queryKey: readKey(registry, read) })));
}
