// The shapes of Twinport's own operations: docs/api.md says what they mean.

import type { LifecyclePolicyPreviewStatus, ReplicationDestination, Repository, RepositoryFilter } from './ecr';

export type ReplicationState = 'IN_PROGRESS' | 'COMPLETE' | 'FAILED';
export type Direction = 'OUTGOING' | 'INCOMING';
export type Grant = 'GRANTED' | 'NOT_GRANTED' | 'DENIED' | 'NO_REGISTRY' | 'UNREACHABLE' | 'PEER_NOT_GRANTED';

/** A destination, and the deployment that serves it. */
interface ServedDestination extends ReplicationDestination {
  /** The peer that serves it; missing where this deployment does, or nobody. */
  peerName?: string;
}

export interface DestinationCheck extends ServedDestination {
  status: Grant;
  repositoryName: string;
  failureCode?: string;
  /** A more exact code, within an account. */
  failureDetail?: string;
  failureReason?: string;
  /** To add to the destination's registry policy, JSON. */
  statement?: string;
}

export interface Replication extends ServedDestination {
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
  /** Of layers, to a peer: what the last try sends, and has sent as of changedAt; once COMPLETE, both are what was. */
  bytesTotal?: number;
  bytesSent?: number;
  /** When it began to send, while it does, and once COMPLETE. */
  begunAt?: number;
  bytesPerSecond?: number;
  timeLeftInMillis?: number;
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

export interface DestinationStatistics extends ServedDestination {
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

/** What is being sent to a peer. */
export interface Moving {
  replications: number;
  bytesTotal: number;
  bytesSent: number;
  bytesPerSecond: number;
  timeLeftInMillis?: number;
}

/** Another deployment, and what the server that answers knows of it. */
interface PeerState {
  peerId: string;
  name: string;
  url?: string;
  regions: string[];
  status: 'REACHABLE' | 'UNREACHABLE' | 'UNKNOWN';
  statusSince?: number;
  lastAnsweredAt?: number;
  roundTripInMillis?: number;
  version?: string;
  protocol?: number;
  failureCode?: string;
  failureReason?: string;
  nextTryAt?: number;
  clockOffsetInMillis?: number;
  unagreedRegions?: string[];
  unagreedUrl?: string;
  /** To it, dialled by either side. */
  tunnels?: number;
  /** Why this side, which is to dial, cannot. */
  tunnelFailureReason?: string;
}

/** Another deployment, as far as the registry and its account are concerned. */
export interface Peer extends PeerState {
  /** It has registries of the account. */
  servesAccount: boolean;
  /** And these may replicate into this deployment. */
  speaksForAccount: boolean;
  /** Whether the account may replicate from here to it; missing while that is not known. */
  takesAccount?: boolean;
  inProgress: number;
  failed: number;
  oldestInProgressAt?: number;
  moving?: Moving;
}

/** For which of its accounts a deployment may replicate into another. */
export interface PeerGrant {
  allAccounts: boolean;
  accounts: string[];
}

/** Another deployment as operators see it. */
export interface PeerDetail extends PeerState {
  /** That it serves. */
  accounts: string[];
  /** What it may send here. */
  grant: PeerGrant;
  /** What may be sent to it; missing while it has not said. */
  grantThere?: PeerGrant;
  /** CONFIGURATION: it is changed there. */
  source: 'JOINED' | 'CONFIGURATION';
  joinedAt: number;
  outbound: boolean;
  keyNumber?: number;
  unagreedAccounts?: string[];
  /** Of CheckPeers: whether it did. */
  answered?: boolean;
}

export interface Deployment {
  deploymentId?: string;
  deploymentName?: string;
  deploymentUrl?: string;
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
  /** Whether the caller may operate the deployment. */
  operator: boolean;
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

/** The languages of policies that ValidatePolicy knows. */
export type PolicyType = 'REGISTRY' | 'REPOSITORY' | 'LIFECYCLE';

/** An image that a lifecycle policy has found, as it was then. */
interface LifecycleImage {
  imageDigest: string;
  imageTags: string[];
  imagePushedAt: number;
  imageSizeInBytes: number;
  appliedRulePriority: number;
}

export interface LifecyclePreviewImage extends LifecycleImage {
  action: 'EXPIRE' | 'TRANSITION';
}

/** What a policy would do, as of when it was found, and a page of the images. */
export interface LifecyclePreview {
  status: LifecyclePolicyPreviewStatus;
  /** Why it failed. */
  statusReason?: string;
  /** As it was sent. */
  lifecyclePolicyText: string;
  startedAt: number;
  endedAt?: number;
  expiringImageCount: number;
  expiringSizeInBytes: number;
  transitioningImageCount: number;
  images: LifecyclePreviewImage[];
  nextToken?: string;
}

export interface LifecycleRun {
  runId: string;
  status: 'IN_PROGRESS' | 'COMPLETE' | 'FAILED';
  /** Why it failed, or what it has left undone. */
  statusReason?: string;
  lifecyclePolicyText: string;
  startedAt: number;
  endedAt?: number;
  /** That it has found to delete. */
  markedImageCount: number;
  markedSizeInBytes: number;
  /** That it has deleted, once it has ended. */
  expiredImageCount: number;
}

export interface LifecycleRunImage extends LifecycleImage {
  /** KEPT: it had changed when the run came to it. */
  outcome: 'WAITING' | 'EXPIRED' | 'KEPT';
  outcomeReason?: string;
}

/** What is stored: layers, each once, and manifests. */
export interface Stored {
  sizeInBytes: number;
  layerCount: number;
  layerSizeInBytes: number;
  imageCount: number;
  manifestSizeInBytes: number;
}

export interface Storage {
  /** When counting began; missing where nothing was counted yet. */
  countedAt?: number;
  /** A count goes on: what is said is of the one before. */
  counting: boolean;
  /** With sharedSizeInBytes, how much more it would be if no two repositories shared a layer. */
  registry?: Stored & { sharedSizeInBytes: number };
  repositories?: (Stored & { repositoryName: string })[];
}

/** What a manifest says of a layer, or of the config. */
export interface LayerDescriptor {
  layerDigest: string;
  mediaType?: string;
  layerSizeInBytes?: number;
}

/** A step that an image was built by. */
export interface HistoryEntry {
  createdAt?: number;
  createdBy?: string;
  author?: string;
  comment?: string;
  /** It changed no file. */
  emptyLayer: boolean;
  /** The layer that it made; missing where there is none, or it cannot be told. */
  layerIndex?: number;
}

/** The configuration of a container image. Whoever pushed it wrote all of it: see visible. */
export interface ImageConfiguration {
  architecture?: string;
  variant?: string;
  os?: string;
  osVersion?: string;
  osFeatures: string[];
  createdAt?: number;
  author?: string;
  user?: string;
  entrypoint: string[];
  command: string[];
  environment: string[];
  workingDirectory?: string;
  labels: Record<string, string>;
  exposedPorts: string[];
  volumes: string[];
  stopSignal?: string;
  history: HistoryEntry[];
  /** A list was too long to be shown whole. */
  truncated: boolean;
}

export type ConfigurationStatus = 'AVAILABLE' | 'NONE' | 'ARTIFACT' | 'TOO_LARGE' | 'INVALID' | 'MISSING';

/** What an image says of itself. */
export interface ImageContent {
  imageDigest: string;
  imageManifestMediaType: string;
  imageManifestSizeInBytes: number;
  artifactMediaType?: string;
  subjectManifestDigest?: string;
  annotations: Record<string, string>;
  config?: LayerDescriptor;
  /** The lowest first, at most 1,000. */
  layers: LayerDescriptor[];
  layerCount: number;
  platforms: {
    imageDigest: string;
    imageManifestMediaType?: string;
    imageManifestSizeInBytes: number;
    platform?: string;
  }[];
  platformCount: number;
  configurationStatus: ConfigurationStatus;
  configurationStatusReason?: string;
  configuration?: ImageConfiguration;
}

interface PageRequest {
  maxResults?: number;
  nextToken?: string;
}

/** Each operation's request and answer. */
export interface Twinport {
  DescribeDeployment: { in: Record<string, never>; out: Deployment };
  DescribeImageConfiguration: {
    in: { repositoryName: string; imageId: { imageDigest?: string; imageTag?: string } };
    out: ImageContent;
  };
  DescribeStorage: { in: { repositoryNames?: string[] }; out: Storage };
  DescribeQuotas: { in: Record<string, never>; out: { quotas: Quota[] } };
  ListPeers: { in: Record<string, never>; out: { peers: Peer[] } };
  DescribePeers: { in: Record<string, never>; out: { peers: PeerDetail[] } };
  CheckPeers: { in: { peerName?: string }; out: { peers: PeerDetail[] } };
  InvitePeer: { in: { grant: PeerGrant }; out: { invitationCode: string; expiresAt: number } };
  JoinPeer: { in: { invitationCode: string; grant: PeerGrant; outbound: boolean }; out: { peer: PeerDetail } };
  GrantPeer: { in: { peerName: string; grant: PeerGrant }; out: { peer: PeerDetail } };
  RemovePeer: { in: { peerName: string }; out: { peerName: string } };
  RotatePeerKey: {
    in: Record<string, never>;
    out: { keyNumber: number; deploymentKey: string; peers: PeerDetail[] };
  };
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
    in: { policyText: string; policyType: PolicyType };
    out: { problems: PolicyProblem[] };
  };
  DescribeLifecyclePreview: { in: { repositoryName: string } & PageRequest; out: LifecyclePreview };
  ListLifecycleRuns: {
    in: { repositoryName: string } & PageRequest;
    out: { runs: LifecycleRun[]; nextRunAt?: number; nextToken?: string };
  };
  ListLifecycleRunImages: {
    in: { repositoryName: string; runId: string } & PageRequest;
    out: { images: LifecycleRunImage[]; nextToken?: string };
  };
  ListSessions: { in: Record<string, never>; out: { sessions: SessionDetail[] } };
  RevokeSessions: { in: { sessionIds: string[] }; out: { sessionIds: string[] } };
}
