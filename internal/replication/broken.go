package replication

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/peer"
)

// A transfer that breaks while its layer arrives leaves what the peer has received by then under the
// id of the upload. When the layer is complete, and is sent as any other, the peer is told first
// which it is, and goes on from there.

// maxBroken is how many layers are remembered whose transfers broke while they arrived.
const maxBroken = 1024

// brokenUploads are the uploads by which a peer has received a part of layers. It does not know yet
// which these are. The zero value is ready to use.
type brokenUploads struct {
	mu sync.Mutex
	of map[string]string // by digest
}

func (u *brokenUploads) add(digest, upload string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil || len(u.of) >= maxBroken {
		u.of = map[string]string{} // those are sent anew
	}
	u.of[digest] = upload
}

func (u *brokenUploads) get(digest string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.of[digest]
}

func (u *brokenUploads) remove(digest string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.of, digest)
}

// nameUploads tells the peer of those of the layers that it has received a part of while they
// arrived, so that it goes on with them. A peer that does not want to know gets them anew.
func (r *remote) nameUploads(ctx context.Context, into Into, blobs []metadata.Blob) error {
	for _, b := range blobs {
		upload := r.transfers.broken.get(b.Digest)
		if upload == "" {
			continue
		}
		err := r.nameUpload(ctx, into, upload, b)
		if e, ok := errors.AsType[*peer.Error](err); err != nil && (!ok || e.AboutPeer()) {
			return err
		}
		r.transfers.broken.remove(b.Digest)
	}
	return nil
}

// nameUpload sends the first byte of a layer once more, which says what the upload has become.
func (r *remote) nameUpload(ctx context.Context, into Into, upload string, b metadata.Blob) error {
	opened, err := r.registry.OpenBlob(ctx, b)
	if err != nil {
		return err
	}
	defer opened.Close()
	var first [1]byte
	if _, err := io.ReadFull(opened, first[:]); err != nil {
		return fmt.Errorf("read layer %s: %w", b.Digest, err)
	}
	p := r.newParts(into, sender{}, nil)
	p.complete(b)
	p.query.Set("upload", upload)
	p.query.Set("offset", "0")
	var answer PartAnswer
	err = r.client.Do(ctx, http.MethodPut, OperationParts, p.query, first[:], "application/octet-stream", &answer)
	r.counters.asked(err)
	return err
}
