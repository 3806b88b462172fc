// Package s3store keeps blobs in a bucket of Amazon S3 or of a server that
// speaks its protocol.
//
//	<prefix>blobs/<id>           the object that the session <id> wrote
//	<prefix>uploads/<id>/<name>  the end of an unfinished upload, less than a part
//
// An upload's parts go straight to the key of its object, so nothing is copied.
// What the next request of a session needs to know is in its state.
package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/budget"
)

const (
	// openTimeout bounds Open, in which a first attempt must not take for ever.
	openTimeout = 20 * time.Second
	// otherRegion is the Region that servers other than Amazon's mostly go by.
	otherRegion = "us-east-1"
	contentType = "application/octet-stream"
)

// Store keeps blobs in a bucket.
type Store struct {
	at         *Location
	client     *s3.Client
	presign    *s3.PresignClient // nil if clients are not sent to the bucket
	background *budget.Budget    // of uploads outside requests

	mu       sync.Mutex
	reserved map[string]bool // sessions that a request of this process has

	seen   *blob.Sightings
	fullAt atomic.Int64 // when the bucket was last full, in Unix nanoseconds

	// overwrites is set once the server has said that it cannot refuse to
	// overwrite an object.
	overwrites atomic.Bool
}

var _ blob.Store = (*Store)(nil)

// Open opens the store at a URL that Parse understands. Credentials are those
// of the standard chain of the AWS SDKs: the environment, files, a role. It
// checks that the bucket answers.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	at, err := Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("the URL of the bucket for blobs: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(buildClient()),
		config.WithRetryer(func() aws.Retryer { return retry.NewStandard(retries) }),
	}
	if at.region != "" {
		options = append(options, config.WithRegion(at.region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("read the configuration of the AWS SDK from the environment: %w", err)
	}
	if cfg.Region == "" {
		if at.endpoint == "" {
			return nil, fmt.Errorf("the Region of the bucket %s is not known: add region=… to its URL, or set AWS_REGION",
				at.bucket)
		}
		cfg.Region = otherRegion
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("find credentials for the bucket %s (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "+
			"AWS_PROFILE, or give the machine a role): %w", at.bucket, err)
	}
	s := newStore(at, cfg)
	if _, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.at.bucket}); err != nil {
		return nil, s.explain(s.wrap(ctx, "look for the bucket", err))
	}
	return s, nil
}

func newStore(at *Location, cfg aws.Config) *Store {
	with := func(endpoint string) func(*s3.Options) {
		return func(o *s3.Options) {
			if endpoint != "" {
				o.BaseEndpoint = aws.String(endpoint)
			}
			o.UsePathStyle = at.pathStyle
			o.HTTPClient = timed{o.HTTPClient}
			// Requests are signed, and every blob has its digest: more
			// checksums would only exclude other servers.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
			o.DisableLogOutputChecksumValidationSkipped = true
		}
	}
	s := &Store{
		at: at, client: s3.NewFromConfig(cfg, with(at.endpoint)), background: newBackground(backgroundParts),
		reserved: map[string]bool{}, seen: blob.NewSightings(blob.CheckedFor),
	}
	if at.redirect {
		endpoint := at.redirectEndpoint
		if endpoint == "" {
			endpoint = at.endpoint
		}
		s.presign = s3.NewPresignClient(s3.NewFromConfig(cfg, with(endpoint)), s3.WithPresignExpires(at.redirectLifetime))
	}
	return s
}

// explain says what to do about a bucket that does not answer as it should.
func (s *Store) explain(err error) error {
	where := s.at.endpoint
	if where == "" {
		where = "Amazon S3"
	}
	switch status(err) {
	case http.StatusNotFound:
		return fmt.Errorf("there is no bucket %s at %s that the credentials may use: create it, or correct the URL: %w",
			s.at.bucket, where, err)
	case http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("the bucket %s at %s refuses the credentials: %s: %w", s.at.bucket, where, permissions, err)
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
		return fmt.Errorf("the bucket %s at %s seems to be in another Region: correct region=… in its URL: %w", s.at.bucket,
			where, err)
	}
	return fmt.Errorf("the bucket %s at %s does not answer: check endpoint=… in its URL, and that the server runs: %w",
		s.at.bucket, where, err)
}

// Ping asks for an object that nobody writes: the answer shows whether the
// bucket is there and can be read.
func (s *Store) Ping(ctx context.Context) error {
	key := s.at.prefix + objectsFolder
	res, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.at.bucket, Key: &key}, func(o *s3.Options) {
		o.Retryer = retry.NewStandard(retries, func(o *retry.StandardOptions) {
			o.MaxAttempts = 2
			o.MaxBackoff = 100 * time.Millisecond
		})
	})
	if err == nil { // somebody else made a folder of it
		_ = res.Body.Close()
		return nil
	}
	explained := s.wrap(ctx, "look for an object that nobody writes", err)
	if errors.Is(explained, blob.ErrNotFound) || errors.Is(explained, blob.ErrFull) {
		return nil
	}
	reason := "the bucket of layers does not answer"
	switch answer := status(err); {
	case code(err) == "NoSuchBucket":
		reason = "the bucket of layers is gone"
	case answer == http.StatusUnauthorized, answer == http.StatusForbidden:
		reason = "the bucket of layers refuses the credentials"
	case answer != 0:
		reason = fmt.Sprintf("the bucket of layers answers %d %s", answer, http.StatusText(answer))
	}
	return &blob.PingError{Reason: reason, Err: explained}
}

// shortFor is how long a bucket that was full counts as short of room: no bucket
// says how much it has.
const shortFor = 10 * time.Minute

// Short reports whether the bucket was full a short while ago.
func (s *Store) Short() bool { return time.Since(time.Unix(0, s.fullAt.Load())) < shortFor }

// Close has nothing to end: idle connections end by themselves.
func (s *Store) Close() error { return nil }

const (
	objectsFolder = "blobs/"
	uploadsFolder = "uploads/"
)

// parse takes an object's name apart, which is its key without the prefix.
func parse(object string) (upload string, ok bool) {
	id, ok := strings.CutPrefix(object, objectsFolder)
	return id, ok && blob.ValidID(id)
}

// key of an object: ErrNotFound for what cannot be the name of one.
func (s *Store) key(object string) (*string, error) {
	if _, ok := parse(object); !ok {
		return nil, fmt.Errorf("object %q: %w", object, blob.ErrNotFound)
	}
	return aws.String(s.at.prefix + object), nil
}

// Open returns a reader that asks for nothing before its first Read.
func (s *Store) Open(ctx context.Context, object string, size int64) (io.ReadSeekCloser, error) {
	key, err := s.key(object)
	if err != nil {
		return nil, err
	}
	return &reader{store: s, ctx: ctx, key: *key, size: size}, nil
}

// URL is a presigned URL.
func (s *Store) URL(ctx context.Context, object string) (string, error) {
	key, err := s.key(object)
	if err != nil || s.presign == nil {
		return "", err
	}
	req, err := s.presign.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.at.bucket, Key: key})
	if err != nil {
		return "", s.wrap(ctx, "sign a URL of "+object, err)
	}
	return req.URL, nil
}

// RedirectHost is the host, with the port if there is one, that URL's URLs lead
// to; empty if clients are not sent to the bucket.
func (s *Store) RedirectHost(ctx context.Context) (string, error) {
	if s.presign == nil {
		return "", nil
	}
	req, err := s.presign.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.at.bucket, Key: aws.String(s.at.prefix + "any"),
	})
	if err != nil {
		return "", s.wrap(ctx, "sign a URL", err)
	}
	u, err := url.Parse(req.URL)
	if err != nil {
		return "", fmt.Errorf("read a URL of bucket %s: %w", s.at.bucket, err)
	}
	return u.Host, nil
}

// Size asks the server.
func (s *Store) Size(ctx context.Context, object string) (int64, error) {
	key, err := s.key(object)
	if err != nil {
		return 0, err
	}
	res, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.at.bucket, Key: key})
	if err != nil {
		err = s.wrap(ctx, "look for object "+object, err)
		// The answer to a HEAD has no body that tells a missing bucket from a
		// missing object, or expired credentials from a bad request.
		if errors.Is(err, blob.ErrNotFound) || status(err) == http.StatusBadRequest {
			if gone := s.Ping(ctx); gone != nil {
				return 0, gone
			}
		}
		return 0, err
	}
	if res.ContentLength == nil {
		return 0, fmt.Errorf("look for object %s in bucket %s: the server does not give its size", object, s.at.bucket)
	}
	return *res.ContentLength, nil
}

// Seen reports whether Check asked the server within the last blob.CheckedFor.
func (s *Store) Seen(object string, size int64) bool {
	key, err := s.key(object)
	return err == nil && s.seen.Lately(*key, size)
}

// Check asks the server, unless it did within the last blob.CheckedFor.
func (s *Store) Check(ctx context.Context, object string, size int64) error {
	key, err := s.key(object)
	if err != nil {
		return err
	}
	if s.seen.Lately(*key, size) {
		return nil
	}
	got, err := s.Size(ctx, object)
	if err != nil {
		return err
	}
	if got != size {
		return fmt.Errorf("object %s in bucket %s has %d bytes instead of %d: %w", object, s.at.bucket, got, size,
			blob.ErrDamaged)
	}
	s.seen.Note(*key, size)
	return nil
}

// WrittenSince is false: only the state tells.
func (s *Store) WrittenSince(string, time.Time) bool { return false }

// deleteBatch is how many objects one request may delete.
const deleteBatch = 1000

// Delete removes objects, a thousand with each request.
func (s *Store) Delete(ctx context.Context, objects []string) error {
	var keys []string
	for _, object := range objects {
		if key, err := s.key(object); err == nil {
			keys = append(keys, *key)
		}
	}
	return s.deleteKeys(ctx, keys)
}

func (s *Store) deleteKeys(ctx context.Context, keys []string) error {
	for len(keys) > 0 {
		batch := keys[:min(deleteBatch, len(keys))]
		keys = keys[len(batch):]
		s.seen.Forget(batch...)
		ids := make([]types.ObjectIdentifier, len(batch))
		for i := range batch {
			ids[i].Key = &batch[i]
		}
		res, err := s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &s.at.bucket, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)},
		})
		if err != nil {
			return s.wrap(ctx, fmt.Sprintf("delete %d objects", len(batch)), err)
		}
		for _, e := range res.Errors {
			err := &smithy.GenericAPIError{Code: aws.ToString(e.Code), Message: aws.ToString(e.Message)}
			if err.Code != "NoSuchKey" && err.Code != "NotFound" {
				return s.wrap(ctx, "delete "+aws.ToString(e.Key), err)
			}
		}
	}
	return nil
}
