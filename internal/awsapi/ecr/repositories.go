package ecr

import (
	"context"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
)

// CreateRepository creates a repository.
func (s *Service) CreateRepository(ctx context.Context, call Call,
	in *CreateRepositoryRequest) (*CreateRepositoryResponse, error) {
	n := registry.NewRepository{Tags: resourceTags(in.Tags)}
	n.TagMutability = registry.TagMutability(in.ImageTagMutability)
	n.Exclusions = exclusions(in.ImageTagMutabilityExclusionFilters)
	if in.ImageScanningConfiguration != nil {
		n.ScanOnPush = in.ImageScanningConfiguration.ScanOnPush
	}
	if in.EncryptionConfiguration != nil {
		n.Encryption = registry.Encryption{
			Type:   string(in.EncryptionConfiguration.EncryptionType),
			KMSKey: in.EncryptionConfiguration.KMSKey,
		}
	}
	r, err := s.registry.CreateRepository(ctx, call.Caller, call.ref(in.RegistryID, in.RepositoryName), n)
	if err != nil {
		return nil, err
	}
	return &CreateRepositoryResponse{Repository: s.DescribeRepository(call, r)}, nil
}

// DescribeRepositories lists repositories, all of a registry page by page or
// some by name.
func (s *Service) DescribeRepositories(ctx context.Context, call Call,
	in *DescribeRepositoriesRequest) (*DescribeRepositoriesResponse, error) {
	id := call.registryOf(in.RegistryID)
	var (
		repositories []registry.Repository
		next         string
		err          error
	)
	if len(in.RepositoryNames) > 0 {
		if err := notPaged(in, "repositoryNames"); err != nil {
			return nil, err
		}
		repositories, err = s.registry.DescribeRepositories(ctx, call.Caller, id, in.RepositoryNames)
	} else {
		p, token, bad := call.page(in, awsjson.DefaultPage)
		if bad != nil {
			return nil, bad
		}
		repositories, next, err = s.registry.ListRepositories(ctx, call.Caller, id, p)
		next = token(next)
	}
	if err != nil {
		return nil, err
	}
	if len(in.RepositoryNames) == 1 {
		call.reads(repositories[0].TagMutability, repositories[0].Exclusions)
	}
	out := &DescribeRepositoriesResponse{Repositories: make([]Repository, 0, len(repositories)), NextToken: next}
	for _, r := range repositories {
		out.Repositories = append(out.Repositories, *s.DescribeRepository(call, r))
	}
	return out, nil
}

// DeleteRepository deletes a repository; with force, its images too.
func (s *Service) DeleteRepository(ctx context.Context, call Call,
	in *DeleteRepositoryRequest) (*DeleteRepositoryResponse, error) {
	r, err := s.registry.DeleteRepository(ctx, call.Caller, call.ref(in.RegistryID, in.RepositoryName), in.Force)
	if err != nil {
		return nil, err
	}
	return &DeleteRepositoryResponse{Repository: s.DescribeRepository(call, r)}, nil
}

// PutImageTagMutability replaces a repository's tag mutability and the filters
// that are excluded from it.
func (s *Service) PutImageTagMutability(ctx context.Context, call Call,
	in *PutImageTagMutabilityRequest) (*PutImageTagMutabilityResponse, error) {
	r, err := s.registry.SetTagMutability(ctx, call.Caller, call.ref(in.RegistryID, in.RepositoryName),
		registry.TagMutability(in.ImageTagMutability), exclusions(in.ImageTagMutabilityExclusionFilters), call.Base...)
	if err != nil {
		return nil, err
	}
	return &PutImageTagMutabilityResponse{
		RegistryID:                         r.Ref.Registry.Account,
		RepositoryName:                     r.Ref.Name,
		ImageTagMutability:                 ImageTagMutability(r.TagMutability),
		ImageTagMutabilityExclusionFilters: exclusionFilters(r.Exclusions),
	}, nil
}

// DescribeRepository is the wire shape of a repository.
func (s *Service) DescribeRepository(call Call, r registry.Repository) *Repository {
	return &Repository{
		RepositoryARN:                      r.Ref.ARN(),
		RegistryID:                         r.Ref.Registry.Account,
		RepositoryName:                     r.Ref.Name,
		RepositoryURI:                      s.uris.Registry(call.Asked, call.Registry, r.Ref.Registry) + "/" + r.Ref.Name,
		CreatedAt:                          Timestamp{r.CreatedAt},
		ImageTagMutability:                 ImageTagMutability(r.TagMutability),
		ImageTagMutabilityExclusionFilters: exclusionFilters(r.Exclusions),
		ImageScanningConfiguration:         &ImageScanningConfiguration{ScanOnPush: r.ScanOnPush},
		EncryptionConfiguration: &EncryptionConfiguration{
			EncryptionType: EncryptionType(r.Encryption.Type),
			KMSKey:         r.Encryption.KMSKey,
		},
	}
}

func exclusions(filters []ImageTagMutabilityExclusionFilter) []string {
	var out []string
	for _, f := range filters {
		out = append(out, f.Filter)
	}
	return out
}

func exclusionFilters(exclusions []string) []ImageTagMutabilityExclusionFilter {
	var out []ImageTagMutabilityExclusionFilter
	for _, e := range exclusions {
		out = append(out, ImageTagMutabilityExclusionFilter{
			FilterType: ImageTagMutabilityExclusionFilterTypeWildcard, Filter: e,
		})
	}
	return out
}
