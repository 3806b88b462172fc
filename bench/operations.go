package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// measureToken logs in: each request is signed by the account's key, and gets a
// token.
func measureToken(ctx context.Context, b *bench, s *process) ([]figure, error) {
	e, err := s.program.open(ctx, s.addr, repository)
	if err != nil {
		return nil, err
	}
	request, err := signedLogin(ctx, s.addr)
	if err != nil {
		return nil, err
	}
	return hammer(ctx, b, s, e, 200, cycle([][]byte{request}))
}

// measureAvailability asks which layers of an image are there, as a push by ECR's
// API begins.
func measureAvailability(ctx context.Context, b *bench, s *process) ([]figure, error) {
	e, images, err := small(ctx, b, s)
	if err != nil {
		return nil, err
	}
	requests, err := signedChecks(ctx, s.addr, images)
	if err != nil {
		return nil, err
	}
	return hammer(ctx, b, s, e, 200, cycle(requests))
}

func yardstickToken(ctx context.Context, b *bench, s *process) ([]figure, error) {
	request, err := signedLogin(ctx, s.addr)
	if err != nil {
		return nil, err
	}
	return yardstickSigned(ctx, b, s, [][]byte{request})
}

func yardstickAvailability(ctx context.Context, b *bench, s *process) ([]figure, error) {
	requests, err := signedChecks(ctx, s.addr, []image{b.content.image("v", imageLayers, requestLayer)})
	if err != nil {
		return nil, err
	}
	return yardstickSigned(ctx, b, s, requests)
}

// yardstickSigned asks the bare handler as other tests do and, so that it is known
// what net/http takes of them, with signed requests, which it reads and does not verify.
func yardstickSigned(ctx context.Context, b *bench, s *process, requests [][]byte) ([]figure, error) {
	figures, err := yardstickHandler(ctx, b, s, "GET")
	if err != nil {
		return nil, err
	}
	e, err := s.program.open(ctx, s.addr, repository)
	if err != nil {
		return nil, err
	}
	same, err := hammer(ctx, b, s, e, 200, cycle(requests))
	for _, f := range same {
		f.name = "by a bare handler: " + f.name
		figures = append(figures, f)
	}
	return figures, err
}

// signedLogin renders a request for a token.
func signedLogin(ctx context.Context, addr string) ([]byte, error) {
	return signed(func(capture func(*ecr.Options)) error {
		_, err := prod.client(addr).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{}, capture)
		return err
	})
}

// signedChecks renders a request for each image, which asks for all its layers.
func signedChecks(ctx context.Context, addr string, images []image) (requests [][]byte, err error) {
	for _, img := range images {
		var digests []string
		for _, l := range img.blobs[1:] {
			digests = append(digests, l.digest)
		}
		request, err := signed(func(capture func(*ecr.Options)) error {
			_, err := prod.client(addr).BatchCheckLayerAvailability(ctx, &ecr.BatchCheckLayerAvailabilityInput{
				RepositoryName: aws.String(repository), LayerDigests: digests,
			}, capture)
			return err
		})
		if err != nil {
			return nil, err
		}
		requests = append(requests, request)
	}
	return requests, nil
}
