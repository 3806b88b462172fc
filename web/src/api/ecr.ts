// The shapes of Amazon ECR's operations, as far as the console uses them. Times are seconds since 1970.

export interface Destination {
  registryId: string;
  region: string;
}

export interface RepositoryFilter {
  filter: string;
  filterType: 'PREFIX_MATCH';
}

export interface ReplicationRule {
  destinations: Destination[];
  repositoryFilters?: RepositoryFilter[];
  /** Whether what is deleted here is deleted at the destinations, too; none: no. */
  deleteReplication?: { enabled: boolean };
}

export type TagMutability = 'MUTABLE' | 'IMMUTABLE' | 'IMMUTABLE_WITH_EXCLUSION' | 'MUTABLE_WITH_EXCLUSION';

export interface MutabilityFilter {
  filter: string;
  filterType: 'WILDCARD';
}

export interface Repository {
  registryId: string;
  repositoryName: string;
  repositoryArn: string;
  repositoryUri: string;
  createdAt: number;
  imageTagMutability: TagMutability;
  imageTagMutabilityExclusionFilters?: MutabilityFilter[];
  imageScanningConfiguration?: { scanOnPush: boolean };
  encryptionConfiguration?: { encryptionType: string; kmsKey?: string };
}

export interface ImageIdentifier {
  imageDigest?: string;
  imageTag?: string;
}

export interface ImageDetail {
  imageDigest: string;
  /** None: the image has no tag. */
  imageTags?: string[];
  imageSizeInBytes: number;
  imagePushedAt: number;
  lastRecordedPullTime?: number;
  imageManifestMediaType: string;
  artifactMediaType?: string;
  subjectManifestDigest?: string;
}

export interface ImageFailure {
  imageId?: ImageIdentifier;
  failureCode: string;
  failureReason: string;
}

export interface ResourceTag {
  Key: string;
  Value: string;
}

/** Each operation's request and answer. */
export interface ECR {
  DescribeRegistry: {
    in: Record<string, never>;
    out: { registryId: string; replicationConfiguration: { rules: ReplicationRule[] } };
  };
  PutReplicationConfiguration: {
    in: { replicationConfiguration: { rules: ReplicationRule[] } };
    out: { replicationConfiguration: { rules: ReplicationRule[] } };
  };
  GetRegistryPolicy: { in: Record<string, never>; out: { registryId: string; policyText: string } };
  PutRegistryPolicy: { in: { policyText: string }; out: { registryId: string; policyText: string } };
  DeleteRegistryPolicy: { in: Record<string, never>; out: { registryId: string; policyText: string } };
  CreateRepository: {
    in: {
      repositoryName: string;
      imageTagMutability?: TagMutability;
      imageTagMutabilityExclusionFilters?: MutabilityFilter[];
      imageScanningConfiguration?: { scanOnPush: boolean };
      tags?: ResourceTag[];
    };
    out: { repository: Repository };
  };
  DescribeRepositories: {
    in: { repositoryNames?: string[]; maxResults?: number; nextToken?: string };
    out: { repositories: Repository[]; nextToken?: string };
  };
  DeleteRepository: { in: { repositoryName: string; force?: boolean }; out: { repository: Repository } };
  PutImageTagMutability: {
    in: {
      repositoryName: string;
      imageTagMutability: TagMutability;
      imageTagMutabilityExclusionFilters?: MutabilityFilter[];
    };
    out: { repositoryName: string };
  };
  GetRepositoryPolicy: { in: { repositoryName: string }; out: { policyText: string } };
  SetRepositoryPolicy: {
    in: { repositoryName: string; policyText: string; force?: boolean };
    out: { policyText: string };
  };
  DeleteRepositoryPolicy: { in: { repositoryName: string }; out: { policyText: string } };
  ListTagsForResource: { in: { resourceArn: string }; out: { tags: ResourceTag[] } };
  TagResource: { in: { resourceArn: string; tags: ResourceTag[] }; out: Record<string, never> };
  UntagResource: { in: { resourceArn: string; tagKeys: string[] }; out: Record<string, never> };
  DescribeImages: { in: { repositoryName: string; imageIds: ImageIdentifier[] }; out: { imageDetails: ImageDetail[] } };
  BatchGetImage: {
    in: { repositoryName: string; imageIds: ImageIdentifier[] };
    out: {
      images: { imageId: ImageIdentifier; imageManifest: string; imageManifestMediaType: string }[];
      failures: ImageFailure[];
    };
  };
  BatchDeleteImage: {
    in: { repositoryName: string; imageIds: ImageIdentifier[] };
    out: { imageIds: ImageIdentifier[]; failures: ImageFailure[] };
  };
  GetAuthorizationToken: {
    in: Record<string, never>;
    out: { authorizationData: { authorizationToken: string; proxyEndpoint: string; expiresAt: number }[] };
  };
}
