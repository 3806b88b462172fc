package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
	"github.com/twinport/twinport/internal/usage"
)

// Stored is what a registry or a repository has stored.
type Stored struct {
	Layers, LayerBytes       int64 // each layer once
	Manifests, ManifestBytes int64
}

// Bytes are those of layers and manifests.
func (s Stored) Bytes() int64 { return s.LayerBytes + s.ManifestBytes }

// Counted says when something was counted.
type Counted struct {
	At       time.Time // when counting began; zero if nothing was counted yet
	Counting bool      // a count goes on: what is said is of the one before
}

// RegistryStorage is what a registry has stored.
type RegistryStorage struct {
	Counted
	Stored
	// Shared is how many bytes more there would be if each repository had layers of its own.
	Shared int64
}

// Storage of a registry, as it was counted last. Needs ecr:DescribeRegistry.
func (s *Service) Storage(ctx context.Context, c access.Caller, id resource.Registry) (RegistryStorage, error) {
	reg, err := s.Settings(ctx, c, id, access.DescribeRegistry)
	if err != nil {
		return RegistryStorage{}, err
	}
	counted, counting, err := s.countedStorage(ctx, id, reg.ID)
	if err != nil || counted == nil {
		return RegistryStorage{Counted: Counted{Counting: counting}}, err
	}
	return RegistryStorage{
		Counted: Counted{counted.At, counting},
		Stored:  Stored{counted.Layers, counted.LayerBytes, counted.Manifests, counted.ManifestBytes},
		Shared:  counted.Apart - counted.LayerBytes,
	}, nil
}

// StorageOf repositories of a registry, by name. Those that are not there, or were not when counting began, are left
// out. Needs ecr:DescribeRepositories.
func (s *Service) StorageOf(ctx context.Context, c access.Caller, id resource.Registry,
	names []string) (map[string]Stored, Counted, error) {
	var repositories []*metadata.Repository
	for _, name := range names {
		r, err := s.Repository(ctx, c, resource.Repository{Registry: id, Name: name}, access.DescribeRepositories)
		if CodeOf(err) == RepositoryNotFound {
			continue
		}
		if err != nil {
			return nil, Counted{}, err
		}
		repositories = append(repositories, r)
	}
	if len(repositories) == 0 {
		return nil, Counted{}, nil
	}
	counted, counting, err := s.countedStorage(ctx, id, repositories[0].RegistryRow)
	if err != nil || counted == nil {
		return nil, Counted{Counting: counting}, err
	}
	all := make(map[string]Stored, len(repositories))
	for _, r := range repositories {
		if of, ok := counted.Of(r.ID); ok {
			all[r.Name] = Stored{of.Layers, of.LayerBytes, of.Manifests, of.ManifestBytes}
		}
	}
	return all, Counted{counted.At, counting}, nil
}

func (s *Service) countedStorage(ctx context.Context, id resource.Registry,
	registry int64) (*usage.Storage, bool, error) {
	counted, counting, err := s.usage.Storage(ctx, id.Account, registry)
	if err != nil {
		return nil, false, fmt.Errorf("count what registry %s has stored: %w", id, err)
	}
	return counted, counting, nil
}
