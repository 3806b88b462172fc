package peer

import (
	"context"
	"io"
)

// sentKey is the key of what OnSent adds to a context.
type sentKey struct{}

// OnSent returns a context whose calls report the bytes of their bodies as these leave this process. A body that is
// sent again is reported again. report must not block.
func OnSent(ctx context.Context, report func(bytes int)) context.Context {
	return context.WithValue(ctx, sentKey{}, report)
}

// reported returns a body whose bytes are reported as the context says.
func reported(ctx context.Context, body io.Reader) io.Reader {
	if report, ok := ctx.Value(sentKey{}).(func(bytes int)); ok {
		return &reportingReader{body, report}
	}
	return body
}

// reportingReader reports what is read.
type reportingReader struct {
	io.Reader
	report func(bytes int)
}

func (r *reportingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.report(n)
	return n, err
}
