package s3store

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/twinport/twinport/internal/blob"
)

// Objects lists the bucket, a thousand objects with each request. Keys that
// are not ours are passed over.
func (s *Store) Objects(ctx context.Context, after string) iter.Seq2[blob.Object, error] {
	return func(yield func(blob.Object, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &s.at.bucket, Prefix: aws.String(s.at.prefix + objectsFolder)}
		if after > objectsFolder {
			in.StartAfter = aws.String(s.at.prefix + after)
		}
		for pages := s3.NewListObjectsV2Paginator(s.client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(blob.Object{}, s.wrap(ctx, "list objects", err))
				return
			}
			for _, o := range page.Contents {
				name := strings.TrimPrefix(aws.ToString(o.Key), s.at.prefix)
				if id, ok := parse(name); ok && !yield(blob.Object{Name: name, Upload: id, Size: aws.ToInt64(o.Size)}, nil) {
					return
				}
			}
		}
	}
}

// Uploads lists the sessions that have tails, and those that have an
// unfinished multipart upload.
func (s *Store) Uploads(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		in := &s3.ListObjectsV2Input{
			Bucket: &s.at.bucket, Prefix: aws.String(s.at.prefix + uploadsFolder), Delimiter: aws.String("/"),
		}
		for pages := s3.NewListObjectsV2Paginator(s.client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", s.wrap(ctx, "list the tails of uploads", err))
				return
			}
			for _, p := range page.CommonPrefixes {
				id := strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), s.at.prefix+uploadsFolder), "/")
				if blob.ValidID(id) && !yield(id, nil) {
					return
				}
			}
		}
		for m, err := range s.multiparts(ctx, s.at.prefix+objectsFolder) {
			if err != nil {
				yield("", err)
				return
			}
			if id, ok := parse(strings.TrimPrefix(m.key, s.at.prefix)); ok && !yield(id, nil) {
				return
			}
		}
	}
}

// multipart is an unfinished multipart upload.
type multipart struct{ key, id string }

// multiparts lists those whose keys begin with a prefix.
func (s *Store) multiparts(ctx context.Context, prefix string) iter.Seq2[multipart, error] {
	return func(yield func(multipart, error) bool) {
		in := &s3.ListMultipartUploadsInput{Bucket: &s.at.bucket, Prefix: &prefix}
		for pages := s3.NewListMultipartUploadsPaginator(s.client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(multipart{}, s.wrap(ctx, "list unfinished uploads", err))
				return
			}
			for _, m := range page.Uploads {
				if !yield(multipart{aws.ToString(m.Key), aws.ToString(m.UploadId)}, nil) {
					return
				}
			}
		}
	}
}

// DropUpload removes the parts and tails of a session.
func (s *Store) DropUpload(ctx context.Context, id string, text []byte) error {
	if !blob.ValidID(id) {
		return nil
	}
	if err := s.reserve(id); err != nil {
		return err
	}
	defer s.release(id)
	// What a state is about is deleted even if the state cannot be read.
	var known string
	if st, err := decode(text); err == nil {
		known = st.Multipart
	}
	return s.drop(ctx, id, known)
}

// drop removes what the bucket holds of a session: what a listing finds, which
// after a crash is more than the state mentions, and the multipart upload with
// the known id, since not every server lists those at once.
func (s *Store) drop(ctx context.Context, id, known string) error {
	key := s.at.prefix + objectsFolder + id
	ids := map[string]bool{}
	if known != "" {
		ids[known] = true
	}
	for m, err := range s.multiparts(ctx, key) {
		if err != nil {
			return err
		}
		if m.key == key {
			ids[m.id] = true
		}
	}
	for m := range ids {
		_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &s.at.bucket, Key: &key, UploadId: &m,
		})
		if err != nil && code(err) != "NoSuchUpload" {
			return s.wrap(ctx, fmt.Sprintf("abort upload %s", id), err)
		}
	}
	in := &s3.ListObjectsV2Input{Bucket: &s.at.bucket, Prefix: aws.String(s.at.prefix + uploadsFolder + id + "/")}
	for pages := s3.NewListObjectsV2Paginator(s.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.wrap(ctx, "list the tails of upload "+id, err)
		}
		var keys []string
		for _, o := range page.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
		if err := s.deleteKeys(ctx, keys); err != nil {
			return err
		}
	}
	return nil
}
