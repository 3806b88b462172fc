package budget

import (
	"context"
	"errors"
	"io"
)

// Small is how many bytes of a body are not counted, since its connection's buffers take as much anyway. Most
// requests are no larger, and so cost nothing here.
const Small = 4 << 10

// ErrTooLong says that a body is longer than its limit.
var ErrTooLong = errors.New("the body is longer than its limit")

// ReadAll reads a body of at most limit bytes into memory, which grows with what arrives, not with what is announced
// (-1 if nothing is), and is taken for the claim. Errors are the reader's, the claim's or ErrTooLong. After an error
// nothing is held.
func ReadAll(ctx context.Context, r io.Reader, announced, limit int64, c *Claim) ([]byte, error) {
	if announced > limit {
		return nil, ErrTooLong
	}
	largest := limit
	if announced >= 0 {
		largest = announced
	}
	largest++ // room to find out that nothing follows
	body, held := make([]byte, 0, min(largest, Small)), int64(0)
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			err = ErrTooLong
		case err == io.EOF:
			return body, nil
		}
		if err == nil && len(body) == cap(body) {
			size := min(2*int64(cap(body)), largest)
			if size == int64(cap(body)) {
				err = ErrTooLong // than was announced
			} else if err = c.Take(ctx, size); err == nil {
				body = append(make([]byte, 0, size), body...)
				c.Give(held)
				held = size
			}
		}
		if err != nil {
			c.Give(held)
			return nil, err
		}
	}
}
