// Package blobtest holds the behaviours that every store of blobs must have,
// as tests that each store runs on itself.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/blob"
)

// Open opens the store anew over the same bytes, as another process does that
// takes the place of the one before. It closes what it opened before.
type Open func() blob.Store

// Run runs all tests. fresh returns how to open a store that is empty.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"Commit":                  testCommit,
		"Put":                     testPut,
		"CommitLarge":             testCommitLarge,
		"CommitIsRepeatable":      testCommitIsRepeatable,
		"CommitRepeatsMore":       testCommitRepeatsMore,
		"CommitAfterGarbage":      testCommitAfterGarbage,
		"WrongDigest":             testWrongDigest,
		"MoreAfterVerify":         testMoreAfterVerify,
		"UnknownDigest":           testUnknownDigest,
		"NamesAreNotReused":       testNamesAreNotReused,
		"Resume":                  testResume,
		"ResumeWithoutNewState":   testResumeWithoutNewState,
		"ManyStates":              testManyStates,
		"CutReader":               testCutReader,
		"CutReaderLarge":          testCutReaderLarge,
		"OneRequestAtATime":       testOneRequestAtATime,
		"ConcurrentSessions":      testConcurrentSessions,
		"Cancel":                  testCancel,
		"Drop":                    testDrop,
		"DropLeavesObjects":       testDropLeavesObjects,
		"Uploads":                 testUploads,
		"Objects":                 testObjects,
		"Delete":                  testDelete,
		"Read":                    testRead,
		"ReadAbsent":              testReadAbsent,
		"URL":                     testURL,
		"HostileIDs":              testHostileIDs,
		"HostileNames":            testHostileNames,
		"EndedUploadTakesNothing": testEndedUploadTakesNothing,
		"EndedContext":            testEndedContext,
		"Check":                   testCheck,
		"Ping":                    testPing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time is the disk's
			test(t, fresh(t))
		})
	}
}

// Content is n bytes that look random, the same for the same seed.
func Content(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// Push makes content an object, in one request.
func Push(t testing.TB, s blob.Store, id string, content []byte) (object string) {
	t.Helper()
	u := Reserve(t, s, id, nil)
	defer u.Close()
	Append(t, u, content)
	return Commit(t, u, digest.FromBytes(content))
}

// Reserve reserves a session.
func Reserve(t testing.TB, s blob.Store, id string, state []byte) blob.Upload {
	t.Helper()
	u, err := s.Upload(context.Background(), id, state)
	if err != nil {
		t.Fatalf("reserve %s: %v", id, err)
	}
	return u
}

// Append writes content to an upload.
func Append(t testing.TB, u blob.Upload, content []byte) {
	t.Helper()
	before := u.Size()
	// A reader without a length or WriteTo, as a request's body is.
	n, err := u.ReadFrom(struct{ io.Reader }{bytes.NewReader(content)})
	if n != int64(len(content)) || err != nil || u.Size() != before+n {
		t.Fatalf("append %d bytes to %d: %d, %v; then it has %d", len(content), before, n, err, u.Size())
	}
}

// State returns the state of an upload.
func State(t testing.TB, u blob.Upload) []byte {
	t.Helper()
	state, err := u.State(context.Background())
	if err != nil {
		t.Fatalf("state: %v", err)
	}
	return state
}

// Commit verifies and commits an upload.
func Commit(t testing.TB, u blob.Upload, d digest.Digest) (object string) {
	t.Helper()
	if err := u.Verify(context.Background(), d); err != nil {
		t.Fatalf("verify %s: %v", d, err)
	}
	object, err := u.Commit(context.Background(), d)
	if err != nil {
		t.Fatalf("commit %s: %v", d, err)
	}
	return object
}

// Check checks that an object has the content.
func Check(t testing.TB, s blob.Store, object string, content []byte) {
	t.Helper()
	if n, err := s.Size(context.Background(), object); n != int64(len(content)) || err != nil {
		t.Errorf("size of %s: %d, %v; want %d", object, n, err, len(content))
	}
	r, err := s.Open(context.Background(), object, int64(len(content)))
	if err != nil {
		t.Errorf("open %s: %v", object, err)
		return
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %s: %d bytes, want %d; %v", object, len(got), len(content), err)
	}
}

// Objects lists all objects.
func Objects(t testing.TB, s blob.Store, after string) (all []blob.Object) {
	t.Helper()
	for o, err := range s.Objects(context.Background(), after) {
		if err != nil {
			t.Fatalf("list objects: %v", err)
		}
		all = append(all, o)
	}
	return all
}

// Uploads lists the sessions of which the store holds something, each once.
func Uploads(t testing.TB, s blob.Store) (ids []string) {
	t.Helper()
	for id, err := range s.Uploads(context.Background()) {
		if err != nil {
			t.Fatalf("list uploads: %v", err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

var errCut = errors.New("the line was cut")

// cut is content that ends with an error.
func cut(content []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(content), iotest.ErrReader(errCut))
}
