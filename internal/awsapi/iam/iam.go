// Package iam implements operations of AWS Identity and Access Management over the
// domain (package internal/iam): their wire shapes, limits, errors and pages.
//
// Shapes, limits, error codes and the dispatch table are generated from AWS's
// published service model. To add one of the operations that are refused, name it
// in generate/offered.json and define the method of its name on Service.
package iam

//go:generate go run ./generate

import (
	"context"
	"net/url"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/awsapi/awsquery"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/iam"
)

const (
	// SigningName is the service in the credential scope.
	SigningName = "iam"
	// Version is that of the API.
	Version = "2010-05-08"
	// Namespace is the XML name space of answers.
	Namespace = "https://iam.amazonaws.com/doc/2010-05-08/"
	// BodyLimit bounds the form of a request, in bytes. A policy document has up to
	// 131,072 characters, most of which a form writes as three bytes.
	BodyLimit = 512 << 10
)

// Service is the IAM API. It is safe for concurrent use.
type Service struct{ domain *iam.Service }

// New returns the API of the domain.
func New(domain *iam.Service) *Service { return &Service{domain} }

// operation reads a request, checks it and answers it.
type operation func(ctx context.Context, s *Service, caller access.Caller, form url.Values) (awsquery.Result, error)

// bind makes an operation of one of Service's methods.
func bind[In, Out any, P awsquery.Decodable[In], R interface {
	*Out
	awsquery.Result
}](method func(*Service, context.Context, access.Caller, *In) (*Out, error)) operation {
	return func(ctx context.Context, s *Service, caller access.Caller, form url.Values) (awsquery.Result, error) {
		in, err := read[In, P](ctx, form)
		if err != nil {
			return nil, err
		}
		out, err := method(s, ctx, caller, in)
		if err != nil {
			return nil, err // not a pointer that is nil in an interface that is not
		}
		return R(out), nil
	}
}

// bindSilent is bind for one that answers nothing but that it is done.
func bindSilent[In any, P awsquery.Decodable[In]](
	method func(*Service, context.Context, access.Caller, *In) error) operation {
	return func(ctx context.Context, s *Service, caller access.Caller, form url.Values) (awsquery.Result, error) {
		in, err := read[In, P](ctx, form)
		if err != nil {
			return nil, err
		}
		return nil, method(s, ctx, caller, in)
	}
}

func read[In any, P awsquery.Decodable[In]](ctx context.Context, form url.Values) (*In, error) {
	size := 0
	for _, values := range form {
		for _, value := range values {
			size += len(value)
		}
	}
	done, err := budget.Busy(ctx, size)
	if err != nil {
		return nil, err
	}
	defer done()
	return awsquery.Read[In, P](form)
}

// Known reports whether an operation is offered.
func Known(name string) bool { return operations[name] != nil }

// IsRefused reports whether IAM has an operation, but not here.
func IsRefused(name string) bool { return refused[name] }

// Do does a known operation with the parameters of a form. The result is nil if
// there is none. AsException explains errors.
func (s *Service) Do(ctx context.Context, name string, caller access.Caller, form url.Values) (awsquery.Result, error) {
	return operations[name](ctx, s, caller, form)
}
