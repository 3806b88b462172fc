package awsjson

import (
	"context"

	"github.com/twinport/twinport/internal/budget"
)

// Operation reads a request, checks it and answers it. It may overwrite body.
type Operation[Service, Call any] func(ctx context.Context, s Service, call Call, body []byte) (any, error)

// Bind makes an operation of one of a service's methods; read is Read or ReadStrictly.
func Bind[Service, Call, In, Out any](read func(body []byte) (*In, error),
	method func(Service, context.Context, Call, *In) (*Out, error)) Operation[Service, Call] {
	return func(ctx context.Context, s Service, call Call, body []byte) (any, error) {
		done, err := budget.Busy(ctx, len(body))
		if err != nil {
			return nil, err
		}
		in, err := read(body)
		done()
		if err != nil {
			return nil, err
		}
		out, err := method(s, ctx, call, in)
		if err != nil {
			return nil, err // not a pointer that is nil in an interface that is not
		}
		return out, nil
	}
}
