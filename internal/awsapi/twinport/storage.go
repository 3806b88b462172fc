package twinport

import (
	"context"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
)

// maxStorageNames is how many repositories one request may name.
const maxStorageNames = 100

// DescribeStorageRequest is the request of DescribeStorage.
type DescribeStorageRequest struct {
	RepositoryNames []string

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *DescribeStorageRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "repositoryNames":
			if d.First(&v.present, 0) {
				v.RepositoryNames = awsjson.List(d, (*awsjson.Decoder).String)
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *DescribeStorageRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return nil
	}
	return checkEach(at, "repositoryNames", v.RepositoryNames, maxStorageNames, limitsRepositoryName)
}

// Stored is what a registry or a repository has stored.
type Stored struct {
	SizeInBytes         int64 `json:"sizeInBytes"`
	LayerCount          int64 `json:"layerCount"`
	LayerSizeInBytes    int64 `json:"layerSizeInBytes"`
	ImageCount          int64 `json:"imageCount"`
	ManifestSizeInBytes int64 `json:"manifestSizeInBytes"`
}

// RegistryStorage is what a registry has stored.
type RegistryStorage struct {
	Stored
	SharedSizeInBytes int64 `json:"sharedSizeInBytes"`
}

// RepositoryStorage is what a repository has stored.
type RepositoryStorage struct {
	RepositoryName string `json:"repositoryName"`
	Stored
}

// DescribeStorageResponse is the answer of DescribeStorage.
type DescribeStorageResponse struct {
	CountedAt    seconds             `json:"countedAt,omitzero"`
	Counting     bool                `json:"counting"`
	Registry     *RegistryStorage    `json:"registry,omitempty"`
	Repositories []RepositoryStorage `json:"repositories,omitempty"`
}

// DescribeStorage says what the registry has stored or, with names, what each of these repositories has.
func (s *Service) DescribeStorage(ctx context.Context, call Call,
	in *DescribeStorageRequest) (*DescribeStorageResponse, error) {
	if !in.present.Has(0) {
		of, err := s.Registry.Storage(ctx, call.Caller, call.Registry)
		if err != nil {
			return nil, err
		}
		return registryStorage(of), nil
	}
	of, counted, err := s.Registry.StorageOf(ctx, call.Caller, call.Registry, in.RepositoryNames)
	if err != nil {
		return nil, err
	}
	out := &DescribeStorageResponse{CountedAt: seconds{counted.At}, Counting: counted.Counting}
	for _, name := range in.RepositoryNames {
		if stored, ok := of[name]; ok {
			out.Repositories = append(out.Repositories, RepositoryStorage{name, storedOf(stored)})
		}
	}
	return out, nil
}

func registryStorage(of registry.RegistryStorage) *DescribeStorageResponse {
	out := &DescribeStorageResponse{CountedAt: seconds{of.At}, Counting: of.Counting}
	if !of.At.IsZero() {
		out.Registry = &RegistryStorage{storedOf(of.Stored), of.Shared}
	}
	return out
}

func storedOf(s registry.Stored) Stored {
	return Stored{s.Bytes(), s.Layers, s.LayerBytes, s.Manifests, s.ManifestBytes}
}
