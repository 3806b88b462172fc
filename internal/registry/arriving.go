package registry

import (
	"fmt"
	"io"
	"os"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/quota"
)

// Arrival is an upload that has got some of its bytes.
type Arrival struct {
	Repository *metadata.Repository
	Upload     string
	Digest     string // that the client has promised; "" if it says it at the end
	Received   int64  // bytes; the last of them may not be written yet
}

// reportInterval is how many bytes an upload gets between reports to the outbox.
const reportInterval = 256 << 10

// uploadOpener is a store whose uploads can be read while they are being written.
type uploadOpener interface {
	OpenUpload(id string) (*os.File, error)
}

// OpenUpload opens the bytes of an upload that have been written so far, to be sent elsewhere.
func (s *Service) OpenUpload(id string) (*os.File, error) {
	opener, ok := s.blobs.(uploadOpener)
	if !ok {
		return nil, fmt.Errorf("open upload %s: the store does not let it be read before it is complete", id)
	}
	return opener.OpenUpload(id)
}

// reporting reports to the outbox how much of an upload has been read.
type reporting struct {
	io.Reader
	upload *uploadSession
	size   int64
	next   int64 // when to report
}

// reported returns a reader of bytes for the upload that reports them, if anybody can do
// anything with that.
func (u *uploadSession) reported(r io.Reader) io.Reader {
	if _, ok := u.service.blobs.(uploadOpener); !ok || u.received || u.service.outbox == nil {
		return r
	}
	return &reporting{r, u, u.Size(), u.Size() + reportInterval}
}

// Read reports before it reads: what was read before is written by now, or nearly so.
func (r *reporting) Read(p []byte) (int, error) {
	if r.size >= r.next {
		r.next = r.size + reportInterval
		if !r.upload.report(r.size) {
			r.next = quota.MaxLayerBytes + reportInterval // never again
		}
	}
	n, err := r.Reader.Read(p)
	r.size += int64(n)
	return n, err
}

// report reports that so many bytes have come: false if nobody wants to know.
func (u *uploadSession) report(received int64) bool {
	return u.service.outbox.Arriving(Arrival{u.repository, u.row.ID, string(u.promised), received})
}

// failed reports that an upload has ended without becoming a layer.
func (s *Service) failed(id string) {
	if s.outbox != nil {
		s.outbox.Failed(id)
	}
}
