package ecr

import (
	"context"
	"errors"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// partSize is what InitiateLayerUpload asks clients to send at once.
const partSize = 10 << 20

// BatchCheckLayerAvailability returns which layers a repository has.
func (s *Service) BatchCheckLayerAvailability(ctx context.Context, call Call,
	in *BatchCheckLayerAvailabilityRequest) (*BatchCheckLayerAvailabilityResponse, error) {
	out := &BatchCheckLayerAvailabilityResponse{Layers: []Layer{}, Failures: []LayerFailure{}}
	asked := make([]digest.Digest, 0, len(in.LayerDigests))
	for _, text := range in.LayerDigests {
		if d, ok := parseDigest(text); ok {
			asked = append(asked, d)
		}
	}
	available, err := s.registry.LayersAvailable(ctx, call.Caller, call.ref(in.RegistryID, in.RepositoryName), asked)
	if err != nil {
		return nil, err
	}
	for _, text := range in.LayerDigests {
		if text == "" {
			out.Failures = append(out.Failures, LayerFailure{
				LayerDigest: text, FailureCode: LayerFailureCodeMissingLayerDigest,
				FailureReason: "Invalid layer digest: it is empty",
			})
			continue
		}
		d, ok := parseDigest(text)
		if !ok {
			out.Failures = append(out.Failures, LayerFailure{
				LayerDigest: text, FailureCode: LayerFailureCodeInvalidLayerDigest, FailureReason: "Invalid layer digest: it " +
					invalidDigest,
			})
			continue
		}
		layer := Layer{LayerDigest: text, LayerAvailability: LayerAvailabilityUnavailable}
		if l, ok := available[d]; ok {
			layer.LayerAvailability = LayerAvailabilityAvailable
			layer.LayerSize = new(l.Size)
			layer.MediaType = l.MediaType
		}
		out.Layers = append(out.Layers, layer)
	}
	return out, nil
}

// GetDownloadUrlForLayer returns a URL that opens one layer, without further
// credentials, for auth.DownloadLifetime.
func (s *Service) GetDownloadUrlForLayer(ctx context.Context, call Call,
	in *GetDownloadUrlForLayerRequest) (*GetDownloadUrlForLayerResponse, error) {
	d, ok := parseDigest(in.LayerDigest)
	if !ok {
		return nil, awsjson.Violation("layerDigest", invalidDigest)
	}
	ref := call.ref(in.RegistryID, in.RepositoryName)
	layer, direct, err := s.registry.LayerForDownload(ctx, call.Caller, ref, d)
	if err != nil {
		return nil, err
	}
	if direct != "" {
		return &GetDownloadUrlForLayerResponse{DownloadURL: direct, LayerDigest: layer.Digest.String()}, nil
	}
	key, err := s.callerKey(ctx, call)
	if err != nil {
		return nil, err
	}
	token := auth.SignDownload(key, call.Caller.Identity, ref.Registry.Region, ref.String(),
		layer.Digest.String(), s.now())
	return &GetDownloadUrlForLayerResponse{
		DownloadURL: s.uris.Layer(call.Asked, ref, layer.Digest, token), LayerDigest: layer.Digest.String(),
	}, nil
}

// InitiateLayerUpload opens an upload.
func (s *Service) InitiateLayerUpload(ctx context.Context, call Call,
	in *InitiateLayerUploadRequest) (*InitiateLayerUploadResponse, error) {
	id, err := s.registry.StartUpload(ctx, call.Caller, call.ref(in.RegistryID, in.RepositoryName))
	if err != nil {
		return nil, err
	}
	return &InitiateLayerUploadResponse{UploadID: id, PartSize: new(int64(partSize))}, nil
}

// UploadLayerPart adds a part, which must follow the one before without a gap.
func (s *Service) UploadLayerPart(ctx context.Context, call Call,
	in *UploadLayerPartRequest) (*UploadLayerPartResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	size, err := s.registry.UploadLayerPart(ctx, call.Caller, ref, in.UploadID, in.PartFirstByte, in.PartLastByte,
		in.LayerPartBlob)
	if err != nil {
		var refusal *registry.Error
		if errors.As(err, &refusal) && refusal.Code == registry.InvalidLayerPart {
			return nil, invalidPart(AsException(err), ref, in.UploadID, refusal.Received)
		}
		return nil, err
	}
	return &UploadLayerPartResponse{
		RegistryID:       ref.Registry.Account,
		RepositoryName:   ref.Name,
		UploadID:         in.UploadID,
		LastByteReceived: new(size - 1),
	}, nil
}

// invalidPart says to a client where to go on with an upload.
func invalidPart(e *awsjson.Exception, ref resource.Repository, uploadID string, received int64) *awsjson.Exception {
	e.Members = map[string]any{"registryId": ref.Registry.Account, "repositoryName": ref.Name, "uploadId": uploadID}
	if received > 0 { // else the upload is empty
		e.Members["lastValidByteReceived"] = received - 1
	}
	return e
}

// CompleteLayerUpload verifies an upload against the digest and makes it a
// layer of the repository.
func (s *Service) CompleteLayerUpload(ctx context.Context, call Call,
	in *CompleteLayerUploadRequest) (*CompleteLayerUploadResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	d, err := layerDigest(in.LayerDigests)
	if err != nil {
		return nil, err
	}
	layer, err := s.registry.CompleteLayerUpload(ctx, call.Caller, ref, in.UploadID, d)
	if err != nil {
		return nil, err
	}
	return &CompleteLayerUploadResponse{
		RegistryID:     ref.Registry.Account,
		RepositoryName: ref.Name,
		UploadID:       in.UploadID,
		LayerDigest:    layer.Digest.String(),
	}, nil
}

// layerDigest picks the digest to verify from those that a client calculated:
// the sha256 one, else the sha512 one. Digests of other kinds are ignored.
func layerDigest(texts []string) (digest.Digest, error) {
	byAlgorithm := make(map[digest.Algorithm]digest.Digest)
	for i, text := range texts {
		algorithm, _, _ := strings.Cut(text, ":")
		if !registry.SupportedAlgorithm(algorithm) {
			continue
		}
		d, ok := parseDigest(text)
		if !ok {
			return "", awsjson.Violation("layerDigests."+awsjson.Item(i), invalidDigest)
		}
		if other, ok := byAlgorithm[d.Algorithm()]; ok && other != d {
			return "", awsjson.Exceptionf(InvalidLayerException, "The layer digests %s and %s cannot both be those of one layer",
				other, d)
		}
		byAlgorithm[d.Algorithm()] = d
	}
	for _, a := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		if d, ok := byAlgorithm[a]; ok {
			return d, nil
		}
	}
	return "", awsjson.Violation("layerDigests", "one of them "+invalidDigest)
}
