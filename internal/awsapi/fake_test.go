package awsapi_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// fakeRegistry is a domain in memory. It allows every caller what it allows
// the owner, unless denied says otherwise, and keeps the last caller.
type fakeRegistry struct {
	mu           sync.Mutex
	regions      []string
	denied       map[string]bool // by action
	broken       error           // what every method answers, if set
	caller       access.Caller
	repositories map[resource.Repository]*fakeRepository
	policies     map[resource.Registry]string
	replication  map[resource.Registry][]registry.ReplicationRule
	statuses     []registry.ReplicationStatus
	activity     fakeActivity
}

type fakeRepository struct {
	registry.Repository
	policy  string
	tagged  map[string]string
	images  map[digest.Digest]*fakeImage
	tags    map[string]digest.Digest
	layers  map[digest.Digest][]byte
	uploads map[string]*bytes.Buffer
}

type fakeImage struct {
	registry.Manifest
	pushed time.Time
}

func newFakeRegistry() *fakeRegistry {
	return &fakeRegistry{
		regions:      []string{"ap-northeast-1", "us-west-2"},
		denied:       make(map[string]bool),
		repositories: make(map[resource.Repository]*fakeRepository),
		policies:     make(map[resource.Registry]string),
		replication:  make(map[resource.Registry][]registry.ReplicationRule),
	}
}

func refusef(code registry.Code, format string, args ...any) error {
	return &registry.Error{Code: code, Message: fmt.Sprintf(format, args...), Err: errors.New("cause for the log")}
}

func (f *fakeRegistry) enter(c access.Caller, action string) (func(), error) {
	f.mu.Lock()
	f.caller = c
	switch {
	case f.broken != nil:
		return f.mu.Unlock, f.broken
	case f.denied[action]:
		return f.mu.Unlock, refusef(registry.AccessDenied, "User: %s is not authorized to perform: ecr:%s", c.Identity.Principal.ARN, action)
	}
	return f.mu.Unlock, nil
}

func (f *fakeRegistry) repository(c access.Caller, action string,
	ref resource.Repository) (*fakeRepository, func(), error) {
	leave, err := f.enter(c, action)
	if err != nil {
		return nil, leave, err
	}
	r := f.repositories[ref]
	if r == nil {
		err = refusef(registry.RepositoryNotFound, "The repository with name '%s' does not exist in the registry with id '%s'", ref.Name, ref.Registry.Account)
	}
	return r, leave, err
}

// keys pages through sorted keys.
func paged[K cmp.Ordered, V any](m map[K]V, p registry.Page) (keys []K, next bool) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if p.After != "" && fmt.Sprint(k) <= p.After {
			continue
		}
		if len(keys) == p.Limit {
			return keys, true
		}
		keys = append(keys, k)
	}
	return keys, false
}

func (f *fakeRegistry) Exists(id resource.Registry) bool {
	return slices.Contains(f.regions, id.Region)
}
func (f *fakeRegistry) Regions() []string { return f.regions }

func (f *fakeRegistry) Authorize(_ context.Context, c access.Caller, _ resource.Registry, action string) error {
	leave, err := f.enter(c, action[len("ecr:"):])
	defer leave()
	return err
}

func (f *fakeRegistry) CreateRepository(_ context.Context, c access.Caller, ref resource.Repository,
	n registry.NewRepository) (registry.Repository, error) {
	leave, err := f.enter(c, "CreateRepository")
	defer leave()
	if err != nil {
		return registry.Repository{}, err
	}
	if f.repositories[ref] != nil {
		return registry.Repository{}, refusef(registry.RepositoryAlreadyExists, "The repository with name '%s' already exists in the registry with id '%s'", ref.Name, ref.Registry.Account)
	}
	r := &fakeRepository{
		Repository: registry.Repository{
			Ref: ref, CreatedAt: time.UnixMilli(1_790_000_000_125), Mutability: cmp.Or(n.Mutability, registry.Mutable),
			Exclusions: n.Exclusions, ScanOnPush: n.ScanOnPush, Encryption: n.Encryption,
		},
		tagged:  make(map[string]string),
		images:  make(map[digest.Digest]*fakeImage),
		tags:    make(map[string]digest.Digest),
		layers:  make(map[digest.Digest][]byte),
		uploads: make(map[string]*bytes.Buffer),
	}
	r.Encryption.Type = cmp.Or(r.Encryption.Type, "AES256")
	for _, t := range n.Tags {
		r.tagged[t.Key] = t.Value
	}
	f.repositories[ref] = r
	return r.Repository, nil
}

func (f *fakeRegistry) DescribeRepositories(_ context.Context, c access.Caller, id resource.Registry,
	names []string) ([]registry.Repository, error) {
	var out []registry.Repository
	for _, name := range names {
		r, leave, err := f.repository(c, "DescribeRepositories", resource.Repository{Registry: id, Name: name})
		leave()
		if err != nil {
			return nil, err
		}
		out = append(out, r.Repository)
	}
	return out, nil
}

func (f *fakeRegistry) ListRepositories(_ context.Context, c access.Caller, id resource.Registry,
	p registry.Page) ([]registry.Repository, string, error) {
	leave, err := f.enter(c, "DescribeRepositories")
	defer leave()
	if err != nil {
		return nil, "", err
	}
	byName := make(map[string]*fakeRepository)
	for ref, r := range f.repositories {
		if ref.Registry == id {
			byName[ref.Name] = r
		}
	}
	names, more := paged(byName, p)
	var out []registry.Repository
	for _, name := range names {
		out = append(out, byName[name].Repository)
	}
	if !more {
		return out, "", nil
	}
	return out, names[len(names)-1], nil
}

func (f *fakeRegistry) DeleteRepository(_ context.Context, c access.Caller, ref resource.Repository,
	force bool) (registry.Repository, error) {
	r, leave, err := f.repository(c, "DeleteRepository", ref)
	defer leave()
	if err != nil {
		return registry.Repository{}, err
	}
	if len(r.images) > 0 && !force {
		return registry.Repository{}, refusef(registry.RepositoryNotEmpty, "The repository with name '%s' cannot be deleted because it still contains images", ref.Name)
	}
	delete(f.repositories, ref)
	return r.Repository, nil
}

func (f *fakeRegistry) SetTagMutability(_ context.Context, c access.Caller, ref resource.Repository,
	m registry.TagMutability, exclusions []string) (registry.Repository, error) {
	r, leave, err := f.repository(c, "PutImageTagMutability", ref)
	defer leave()
	if err != nil {
		return registry.Repository{}, err
	}
	r.Mutability, r.Exclusions = m, exclusions
	return r.Repository, nil
}

func (f *fakeRegistry) SetRepositoryPolicy(_ context.Context, c access.Caller, ref resource.Repository, text string,
	_ bool) error {
	r, leave, err := f.repository(c, "SetRepositoryPolicy", ref)
	defer leave()
	if err == nil {
		r.policy = text
	}
	return err
}

func (f *fakeRegistry) RepositoryPolicy(_ context.Context, c access.Caller, ref resource.Repository) (string, error) {
	r, leave, err := f.repository(c, "GetRepositoryPolicy", ref)
	defer leave()
	if err == nil && r.policy == "" {
		err = refusef(registry.RepositoryPolicyNotFound, "Repository policy does not exist for the repository with name '%s'", ref.Name)
	}
	if err != nil {
		return "", err
	}
	return r.policy, nil
}

func (f *fakeRegistry) DeleteRepositoryPolicy(ctx context.Context, c access.Caller,
	ref resource.Repository) (string, error) {
	text, err := f.RepositoryPolicy(ctx, c, ref)
	if err == nil {
		err = f.SetRepositoryPolicy(ctx, c, ref, "", true)
	}
	return text, err
}

func (f *fakeRegistry) SetRegistryPolicy(_ context.Context, c access.Caller, id resource.Registry, text string) error {
	leave, err := f.enter(c, "PutRegistryPolicy")
	defer leave()
	if err == nil {
		f.policies[id] = text
	}
	return err
}

func (f *fakeRegistry) RegistryPolicy(_ context.Context, c access.Caller, id resource.Registry) (string, error) {
	leave, err := f.enter(c, "GetRegistryPolicy")
	defer leave()
	if err == nil && f.policies[id] == "" {
		err = refusef(registry.RegistryPolicyNotFound, "Registry policy does not exist in the registry with id '%s'", id.Account)
	}
	return f.policies[id], err
}

func (f *fakeRegistry) DeleteRegistryPolicy(ctx context.Context, c access.Caller,
	id resource.Registry) (string, error) {
	text, err := f.RegistryPolicy(ctx, c, id)
	if err == nil {
		err = f.SetRegistryPolicy(ctx, c, id, "")
	}
	return text, err
}

func (f *fakeRegistry) TagResource(_ context.Context, c access.Caller, ref resource.Repository,
	tags []resource.Tag) error {
	r, leave, err := f.repository(c, "TagResource", ref)
	defer leave()
	if err != nil {
		return err
	}
	for _, t := range tags {
		r.tagged[t.Key] = t.Value
	}
	return nil
}

func (f *fakeRegistry) UntagResource(_ context.Context, c access.Caller, ref resource.Repository, keys []string) error {
	r, leave, err := f.repository(c, "UntagResource", ref)
	defer leave()
	if err != nil {
		return err
	}
	for _, k := range keys {
		delete(r.tagged, k)
	}
	return nil
}

func (f *fakeRegistry) ResourceTags(_ context.Context, c access.Caller,
	ref resource.Repository) ([]resource.Tag, error) {
	r, leave, err := f.repository(c, "ListTagsForResource", ref)
	defer leave()
	if err != nil {
		return nil, err
	}
	var out []resource.Tag
	for _, k := range slices.Sorted(maps.Keys(r.tagged)) {
		out = append(out, resource.Tag{Key: k, Value: r.tagged[k]})
	}
	return out, nil
}

func (f *fakeRegistry) PutManifest(_ context.Context, c access.Caller, ref resource.Repository,
	n registry.NewManifest) (registry.PutResult, error) {
	r, leave, err := f.repository(c, "PutImage", ref)
	defer leave()
	if err != nil {
		return registry.PutResult{}, err
	}
	if n.MediaType == "" {
		return registry.PutResult{}, refusef(registry.InvalidManifest, "the manifest has no mediaType")
	}
	d := digest.FromBytes(n.Bytes)
	if n.Digest != "" && n.Digest != d {
		return registry.PutResult{}, refusef(registry.ImageDigestDoesNotMatch, "The digest '%s' is not that of the manifest", n.Digest)
	}
	changed := r.images[d] == nil
	for _, tag := range n.Tags {
		if _, ok := r.tags[tag]; ok && r.Mutability == registry.Immutable {
			return registry.PutResult{}, refusef(registry.ImageTagAlreadyExists, "The image tag '%s' already exists", tag)
		}
		changed = changed || r.tags[tag] != d
		r.tags[tag] = d
	}
	if !changed && n.RefuseUnchanged {
		return registry.PutResult{}, refusef(registry.ImageAlreadyExists, "Image with digest '%s' already exists", d)
	}
	if changed {
		r.images[d] = &fakeImage{registry.Manifest{Digest: d, MediaType: n.MediaType, Bytes: n.Bytes}, time.UnixMilli(1_790_000_000_001)}
	}
	return registry.PutResult{Digest: d, MediaType: n.MediaType}, nil
}

func (r *fakeRepository) find(want registry.Reference) *fakeImage {
	d := want.Digest
	if want.Tag != "" {
		if d = r.tags[want.Tag]; want.Digest != "" && d != want.Digest {
			return nil
		}
	}
	return r.images[d]
}

var errImageNotFound = refusef(registry.ImageNotFound, "Requested image not found")

func (f *fakeRegistry) Manifest(_ context.Context, c access.Caller, ref resource.Repository,
	want registry.Reference) (registry.Manifest, error) {
	r, leave, err := f.repository(c, "BatchGetImage", ref)
	defer leave()
	if err != nil {
		return registry.Manifest{}, err
	}
	image := r.find(want)
	if image == nil {
		return registry.Manifest{}, errImageNotFound
	}
	return image.Manifest, nil
}

func (f *fakeRegistry) DeleteImages(_ context.Context, c access.Caller, ref resource.Repository,
	refs []registry.Reference) ([]registry.DeletedImage, error) {
	r, leave, err := f.repository(c, "BatchDeleteImage", ref)
	defer leave()
	if err != nil {
		return nil, err
	}
	var out []registry.DeletedImage
	for _, want := range refs {
		image := r.find(want)
		switch {
		case image == nil:
			out = append(out, registry.DeletedImage{Reference: want, Err: &registry.Error{Code: registry.ImageNotFound}})
		case want.Tag == "referenced":
			out = append(out, registry.DeletedImage{Reference: want, Err: &registry.Error{Code: registry.ImageReferencedByManifestList, Message: "Requested image referenced by manifest list: [sha256:…]"}})
		default:
			delete(r.tags, want.Tag)
			out = append(out, registry.DeletedImage{Reference: registry.Reference{Tag: want.Tag, Digest: image.Digest}})
		}
	}
	return out, nil
}

func (r *fakeRepository) describe(image *fakeImage) registry.Image {
	out := registry.Image{Digest: image.Digest, Size: 42, PushedAt: image.pushed, MediaType: image.MediaType}
	for _, tag := range slices.Sorted(maps.Keys(r.tags)) {
		if r.tags[tag] == image.Digest {
			out.Tags = append(out.Tags, tag)
		}
	}
	return out
}

func (f *fakeRegistry) DescribeImages(_ context.Context, c access.Caller, ref resource.Repository,
	refs []registry.Reference) ([]registry.Image, error) {
	r, leave, err := f.repository(c, "DescribeImages", ref)
	defer leave()
	if err != nil {
		return nil, err
	}
	var out []registry.Image
	for _, want := range refs {
		image := r.find(want)
		if image == nil {
			return nil, errImageNotFound
		}
		out = append(out, r.describe(image))
	}
	return out, nil
}

func (f *fakeRegistry) ListImages(_ context.Context, c access.Caller, ref resource.Repository, _ registry.TagStatus,
	p registry.Page) ([]registry.Image, string, error) {
	r, leave, err := f.repository(c, "DescribeImages", ref)
	defer leave()
	if err != nil {
		return nil, "", err
	}
	digests, more := paged(r.images, p)
	var out []registry.Image
	for _, d := range digests {
		out = append(out, r.describe(r.images[d]))
	}
	if !more {
		return out, "", nil
	}
	return out, digests[len(digests)-1].String(), nil
}

func (f *fakeRegistry) ListImageIDs(_ context.Context, c access.Caller, ref resource.Repository, _ registry.TagStatus,
	p registry.Page) ([]registry.Reference, string, error) {
	r, leave, err := f.repository(c, "ListImages", ref)
	defer leave()
	if err != nil {
		return nil, "", err
	}
	tags, more := paged(r.tags, p)
	var out []registry.Reference
	for _, tag := range tags {
		out = append(out, registry.Reference{Tag: tag, Digest: r.tags[tag]})
	}
	if !more {
		return out, "", nil
	}
	return out, tags[len(tags)-1], nil
}

func (f *fakeRegistry) LayersAvailable(_ context.Context, c access.Caller, ref resource.Repository,
	ds []digest.Digest) (map[digest.Digest]registry.Layer, error) {
	r, leave, err := f.repository(c, "BatchCheckLayerAvailability", ref)
	defer leave()
	if err != nil {
		return nil, err
	}
	out := make(map[digest.Digest]registry.Layer)
	for _, d := range ds {
		if b, ok := r.layers[d]; ok {
			out[d] = registry.Layer{Digest: d, Size: int64(len(b)), MediaType: "application/vnd.oci.image.layer.v1.tar+gzip"}
		}
	}
	return out, nil
}

func (f *fakeRegistry) HoldsLayer(_ context.Context, c access.Caller, ref resource.Repository,
	d digest.Digest) (bool, error) {
	r, leave, err := f.repository(c, "BatchCheckLayerAvailability", ref)
	defer leave()
	if err != nil {
		return false, err
	}
	_, ok := r.layers[d]
	return ok, nil
}

func (f *fakeRegistry) LayerForDownload(ctx context.Context, c access.Caller, ref resource.Repository,
	d digest.Digest) (registry.Layer, string, error) {
	layers, err := f.LayersAvailable(ctx, c, ref, []digest.Digest{d})
	if err != nil {
		return registry.Layer{}, "", err
	}
	layer, ok := layers[d]
	if !ok {
		return registry.Layer{}, "", refusef(registry.LayersNotFound, "The layer with digest '%s' does not exist", d)
	}
	return layer, "", nil
}

func (f *fakeRegistry) StartUpload(_ context.Context, c access.Caller, ref resource.Repository) (string, error) {
	r, leave, err := f.repository(c, "InitiateLayerUpload", ref)
	defer leave()
	if err != nil {
		return "", err
	}
	id := uuid.NewString()
	r.uploads[id] = new(bytes.Buffer)
	return id, nil
}

func (f *fakeRegistry) upload(c access.Caller, ref resource.Repository,
	id string) (*fakeRepository, *bytes.Buffer, func(), error) {
	r, leave, err := f.repository(c, "UploadLayerPart", ref)
	if err == nil && r.uploads[id] == nil {
		err = refusef(registry.UploadNotFound, "The upload '%s' does not exist", id)
	}
	if err != nil {
		return nil, nil, leave, err
	}
	return r, r.uploads[id], leave, nil
}

func (f *fakeRegistry) UploadSize(_ context.Context, c access.Caller, ref resource.Repository,
	id string) (int64, error) {
	_, b, leave, err := f.upload(c, ref, id)
	defer leave()
	if err != nil {
		return 0, err
	}
	return int64(b.Len()), nil
}

func (f *fakeRegistry) AppendUpload(_ context.Context, c access.Caller, ref resource.Repository, id string,
	offset int64, r io.Reader) (int64, error) {
	_, b, leave, err := f.upload(c, ref, id)
	defer leave()
	if err != nil {
		return 0, err
	}
	if offset >= 0 && offset != int64(b.Len()) {
		return 0, &registry.Error{Code: registry.InvalidLayerPart, Message: "The part does not follow the one before", Received: int64(b.Len())}
	}
	_, err = b.ReadFrom(r)
	return int64(b.Len()), err
}

func (f *fakeRegistry) CompleteUpload(_ context.Context, c access.Caller, ref resource.Repository, id string,
	d digest.Digest, _ int64, _ io.Reader) (registry.Layer, error) {
	r, b, leave, err := f.upload(c, ref, id)
	defer leave()
	if err != nil {
		return registry.Layer{}, err
	}
	delete(r.uploads, id)
	if d.Algorithm().FromBytes(b.Bytes()) != d {
		return registry.Layer{}, refusef(registry.InvalidLayer, "The layer does not have the digest '%s'", d)
	}
	r.layers[d] = b.Bytes()
	return registry.Layer{Digest: d, Size: int64(b.Len())}, nil
}

func (f *fakeRegistry) CancelUpload(_ context.Context, c access.Caller, ref resource.Repository, id string) error {
	r, _, leave, err := f.upload(c, ref, id)
	defer leave()
	if err == nil {
		delete(r.uploads, id)
	}
	return err
}

func (f *fakeRegistry) SetReplication(_ context.Context, c access.Caller, id resource.Registry,
	rules []registry.ReplicationRule) error {
	leave, err := f.enter(c, "PutReplicationConfiguration")
	defer leave()
	if err == nil {
		f.replication[id] = rules
	}
	return err
}

func (f *fakeRegistry) Replication(_ context.Context, c access.Caller,
	id resource.Registry) ([]registry.ReplicationRule, error) {
	leave, err := f.enter(c, "DescribeRegistry")
	defer leave()
	return f.replication[id], err
}

func (f *fakeRegistry) ReplicationStatus(_ context.Context, c access.Caller, ref resource.Repository,
	want registry.Reference) ([]registry.ReplicationStatus, error) {
	r, leave, err := f.repository(c, "DescribeImageReplicationStatus", ref)
	defer leave()
	if err == nil && r.find(want) == nil {
		err = errImageNotFound
	}
	return f.statuses, err
}
