// The shapes of Twinport's own operations: docs/api.md says what they mean.

import type { ReplicationDestination, Repository, RepositoryFilter } from './ecr';

export type ReplicationState = 'IN_PROGRESS' | 'COMPLETE' | 'FAILED';
export type Direction = 'OUTGOING' | 'INCOMING';
export type Grant = 'GRANTED' | 'NOT_GRANTED' | 'DENIED' | 'NO_REGISTRY';

export interface DestinationCheck extends ReplicationDestination {
  status: Grant;
  repositoryName: string;
  failureCode?: string;
  /** A more exact code, within an account. */
  failureDetail?: string;
  failureReason?: string;
  /** To add to the destination's registry policy, JSON. */
  statement?: string;
}

export interface Replication extends ReplicationDestination {
  replicationId: string;
  sourceRegistryId: string;
  sourceRegion: string;
  repositoryName: string;
  imageDigest: string;
  imageTag?: string;
  imageSizeInBytes: number;
  imageManifestMediaType: string;
  /** DELETE: the source has deleted the tag or, without one, the image with all its tags. */
  action: 'REPLICATE' | 'DELETE';
  status: ReplicationState;
  tries: number;
  pushedAt: number;
  changedAt: number;
  finishedAt?: number;
  lagInMillis?: number;
  nextTryAt?: number;
  failureCode?: string;
  failureDetail?: string;
  failureReason?: string;
  statement?: string;
}

export interface StatisticsInterval {
  time: number;
  completed: number;
  failed: number;
  bytes: number;
  lagP50InMillis: number;
  lagP99InMillis: number;
  lagMaxInMillis: number;
}

export interface DestinationStatistics extends ReplicationDestination {
  inRules: boolean;
  inProgress: number;
  failed: number;
  oldestInProgressAt?: number;
  lastCompletedAt?: number;
  lastFailedAt?: number;
  intervals: StatisticsInterval[];
}

export interface Statistics {
  startTime: number;
  endTime: number;
  intervalInSeconds: number;
  destinations: DestinationStatistics[];
}

export interface FoundRepository extends Repository {
  hasPolicy: boolean;
  replicatesTo: ReplicationDestination[];
}

export interface ChildImage {
  imageDigest: string;
  imageManifestMediaType: string;
  imageSizeInBytes: number;
  /** Such as linux/arm64; missing where the index does not say. */
  platform?: string;
}

export interface Referrer {
  imageDigest: string;
  artifactMediaType?: string;
  imageSizeInBytes: number;
  imagePushedAt: number;
}

export interface FoundImage {
  imageDigest: string;
  imageTags: string[];
  imageTagCount: number;
  imageSizeInBytes: number;
  imagePushedAt: number;
  lastRecordedPullTime?: number;
  imageManifestMediaType: string;
  artifactMediaType?: string;
  subjectManifestDigest?: string;
  children: ChildImage[];
  referrers: Referrer[];
  replications: Replication[];
}

export interface PolicyProblem {
  line: number;
  column: number;
  path: string;
  message: string;
}

export interface SessionDetail {
  sessionId: string;
  accessKeyId: string;
  createdAt: number;
  expiresAt: number;
  userAgent: string;
  remoteAddress: string;
  current: boolean;
}

export interface Deployment {
  version: string;
  accountId: string;
  accountName: string;
  region: string;
  regions: string[];
  /** Begins the URIs of the registry's repositories, in the form that they have here. */
  registryUri: string;
  /** The registry as ECR names it: <account>.dkr.ecr.<region>.<domain>, with a port. */
  registryHost: string;
  stores: 'embedded' | 'shared';
}

/** What the registry may hold, or ask for in a second. */
export interface Quota {
  name: string;
  unit: 'Count' | 'Bytes' | 'Count/Second';
  /** None: no limit. */
  value?: number;
  /** Of those that hold for the registry as a whole. */
  usage?: number;
}

interface PageRequest {
  maxResults?: number;
  nextToken?: string;
}

/** Each operation's request and answer. */
export interface Twinport {
  DescribeDeployment: { in: Record<string, never>; out: Deployment };
  DescribeQuotas: { in: Record<string, never>; out: { quotas: Quota[] } };
  CheckReplicationDestinations: {
    in: { destinations: ReplicationDestination[]; repositoryFilters?: RepositoryFilter[] };
    out: { destinations: DestinationCheck[] };
  };
  ListReplications: {
    in: { direction?: Direction; status?: ReplicationState } & PageRequest;
    out: { replications: Replication[]; nextToken?: string };
  };
  RetryReplications: {
    in: { replicationIds: string[] };
    out: {
      replicationIds: string[];
      failures: { replicationId: string; failureCode: string; failureReason: string }[];
    };
  };
  GetReplicationStatistics: { in: { period: 'HOUR' | 'DAY' }; out: Statistics };
  FindRepositories: {
    in: { contains?: string; startsWith?: string } & PageRequest;
    out: { repositories: FoundRepository[]; nextToken?: string };
  };
  FindImages: {
    in: { repositoryName: string; startsWith?: string } & PageRequest;
    out: { images: FoundImage[]; nextToken?: string };
  };
  ValidatePolicy: {
    in: { policyText: string; policyType: 'REGISTRY' | 'REPOSITORY' };
    out: { problems: PolicyProblem[] };
  };
  ListSessions: { in: Record<string, never>; out: { sessions: SessionDetail[] } };
  RevokeSessions: { in: { sessionIds: string[] }; out: { sessionIds: string[] } };
}
