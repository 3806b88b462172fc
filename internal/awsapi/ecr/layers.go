package ecr

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

const (
	// partSize is what InitiateLayerUpload asks clients to send at once.
	partSize = 10 << 20
	// minPartSize holds for every part but the last.
	minPartSize = 5 << 20
)

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
			out.Failures = append(out.Failures, LayerFailure{LayerDigest: text, FailureCode: LayerFailureCodeMissingLayerDigest, FailureReason: "Invalid layer digest: it is empty"})
			continue
		}
		d, ok := parseDigest(text)
		if !ok {
			out.Failures = append(out.Failures, LayerFailure{LayerDigest: text, FailureCode: LayerFailureCodeInvalidLayerDigest, FailureReason: "Invalid layer digest: it " + invalidDigest})
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
	key, err := s.callerKey(call)
	if err != nil {
		return nil, err
	}
	token := auth.SignDownload(key, ref.Registry.Region, ref.String(), layer.Digest.String(), s.now())
	return &GetDownloadUrlForLayerResponse{DownloadURL: s.uris.Layer(call.Asked, ref, layer.Digest, token), LayerDigest: layer.Digest.String()}, nil
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
	if length := int64(len(in.LayerPartBlob)); length == 0 || in.PartLastByte-in.PartFirstByte != length-1 {
		received, err := s.registry.UploadSize(ctx, call.Caller, ref, in.UploadID)
		if err != nil {
			return nil, err
		}
		e := awsjson.Exceptionf(InvalidLayerPartException, "The layer part has %d bytes, but partFirstByte %d and partLastByte %d say otherwise", length, in.PartFirstByte, in.PartLastByte)
		return nil, invalidPart(e, ref, in.UploadID, received)
	}
	size, err := s.registry.AppendUpload(ctx, call.Caller, ref, in.UploadID, in.PartFirstByte, bytes.NewReader(in.LayerPartBlob))
	if err != nil {
		var refusal *registry.Error
		if errors.As(err, &refusal) && refusal.Code == registry.InvalidLayerPart {
			return nil, invalidPart(AsException(err), ref, in.UploadID, refusal.Received)
		}
		return nil, err
	}
	s.parts.add(uploadKey(ref, in.UploadID), len(in.LayerPartBlob))
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
	size, err := s.registry.UploadSize(ctx, call.Caller, ref, in.UploadID)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return nil, awsjson.Exceptionf(EmptyUploadException, "The upload '%s' does not contain any layer parts", in.UploadID)
	}
	key := uploadKey(ref, in.UploadID)
	if s.parts.tooSmall(key) {
		return nil, awsjson.Exceptionf(LayerPartTooSmallException, "The upload '%s' has a layer part, other than the last one, that is smaller than %d bytes", in.UploadID, minPartSize)
	}
	// Who may upload need not be allowed to check availability; then a layer
	// that is there already is simply completed again.
	held, err := s.registry.HoldsLayer(ctx, call.Caller, ref, d)
	if err != nil && registry.CodeOf(err) != registry.AccessDenied {
		return nil, err
	}
	if held {
		if err := s.registry.CancelUpload(ctx, call.Caller, ref, in.UploadID); err != nil {
			return nil, err
		}
		s.parts.forget(key)
		return nil, awsjson.Exceptionf(LayerAlreadyExistsException, "The layer '%s' already exists in the repository '%s' in the registry with id '%s'", d, ref.Name, ref.Registry.Account)
	}
	layer, err := s.registry.CompleteUpload(ctx, call.Caller, ref, in.UploadID, d, -1, nil)
	if err != nil {
		return nil, err
	}
	s.parts.forget(key)
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
			return "", awsjson.Exceptionf(InvalidLayerException, "The layer digests %s and %s cannot both be those of one layer", other, d)
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

// maxSmallParts bounds how many uploads smallParts remembers.
const maxSmallParts = 10_000

// smallParts remembers, for the uploads whose last part so far is smaller than
// minPartSize, whether another part came after a small one. Such an upload
// ECR refuses to complete. It is a courtesy to clients, which would otherwise
// find out on ECR only, so it is kept in memory and may forget.
type smallParts struct {
	mu      sync.Mutex
	uploads map[string]bool // the value: another part came after a small one
}

func uploadKey(ref resource.Repository, uploadID string) string { return ref.String() + "/" + uploadID }

func (p *smallParts) add(upload string, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, small := p.uploads[upload]; small {
		p.uploads[upload] = true
		return
	}
	if size >= minPartSize {
		return
	}
	if p.uploads == nil {
		p.uploads = make(map[string]bool)
	}
	if len(p.uploads) >= maxSmallParts {
		for other := range p.uploads {
			delete(p.uploads, other)
			break
		}
	}
	p.uploads[upload] = false
}

func (p *smallParts) tooSmall(upload string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.uploads[upload]
}

func (p *smallParts) forget(upload string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.uploads, upload)
}
