package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/twinport/twinport/bench/seed"
)

const (
	// fewImages are in the one repository that the full one is compared with, each
	// with a tag.
	fewImages = 100
	listPage  = 1000
	// listTurns are how often the first page and the last are asked for, in turn.
	listTurns = 20
	// previewKept is how many images the policy of the preview keeps.
	previewKept = 1000
	per100k     = 100_000
)

// measureLists pages through the images of one repository, and has a lifecycle
// policy evaluated on them: of a repository of few images, and of one that is full.
func measureLists(ctx context.Context, b *bench, r *report, engine string, twin program, stderr io.Writer) error {
	var sizes [2]seed.Size
	for i, images := range []int{fewImages, b.seeded} {
		sizes[i] = seed.Size{Region: region, Images: images, TagsPerImage: 1, Accounts: []string{prod.id}}
	}
	return withSeeded(ctx, b, engine, twin, sizes, stderr, func(servers []*process, _ seededServer) error {
		for _, o := range listOperations {
			figures, err := compareLists(ctx, b, o, servers)
			if err != nil {
				return fmt.Errorf("%s: %w", o.name, err)
			}
			r.add(testLists, engine, figures)
		}
		figures, err := previewLifecycle(ctx, b, servers[1])
		if err != nil {
			return fmt.Errorf("preview a lifecycle policy: %w", err)
		}
		r.add(testLists, engine, figures)
		return nil
	})
}

// listOperation is one that lists images in pages.
type listOperation struct {
	name string
	ask  func(ctx context.Context, c *ecr.Client, token *string, capture func(*ecr.Options)) error
}

var listOperations = []listOperation{
	{"DescribeImages", func(ctx context.Context, c *ecr.Client, token *string, capture func(*ecr.Options)) error {
		_, err := c.DescribeImages(ctx, &ecr.DescribeImagesInput{
			RepositoryName: aws.String(seed.Huge), MaxResults: aws.Int32(listPage), NextToken: token,
		}, capture)
		return err
	}},
	{"ListImages", func(ctx context.Context, c *ecr.Client, token *string, capture func(*ecr.Options)) error {
		_, err := c.ListImages(ctx, &ecr.ListImagesInput{
			RepositoryName: aws.String(seed.Huge), MaxResults: aws.Int32(listPage), NextToken: token,
		}, capture)
		return err
	}},
}

// lister asks one server for pages, on one connection. It reads no more of an answer
// than where the next page begins: an SDK would take longer than the server.
type lister struct {
	operation listOperation
	client    *ecr.Client
	conn      *conn
	answer    bytes.Buffer
}

func newLister(ctx context.Context, o listOperation, s *process) (*lister, error) {
	e, err := prod.endpoint(ctx, s.addr, seed.Huge)
	return &lister{operation: o, client: prod.client(s.addr), conn: newConn(ctx, e)}, err
}

// page asks for the page of a token, and returns the next one's and how long the
// answer took.
func (l *lister) page(ctx context.Context, token string) (next string, took time.Duration, err error) {
	var after *string
	if token != "" {
		after = &token
	}
	request, err := signed(func(capture func(*ecr.Options)) error { return l.operation.ask(ctx, l.client, after, capture) })
	if err != nil {
		return "", 0, err
	}
	l.answer.Reset()
	began := time.Now()
	if _, err := l.conn.expect(200, request, body{}, &l.answer); err != nil {
		return "", 0, err
	}
	took = time.Since(began)
	_, rest, found := bytes.Cut(l.answer.Bytes(), []byte(`"nextToken":"`))
	if found {
		token, _, _ := bytes.Cut(rest, []byte(`"`))
		next = string(token)
	}
	return next, took, nil
}

// compareLists pages through both repositories, and asks for the first and the last
// pages of the full one in turn.
func compareLists(ctx context.Context, b *bench, o listOperation, servers []*process) ([]figure, error) {
	few, err := newLister(ctx, o, servers[0])
	if err != nil {
		return nil, err
	}
	defer few.conn.close()
	full, err := newLister(ctx, o, servers[1])
	if err != nil {
		return nil, err
	}
	defer full.conn.close()
	var all time.Duration
	last, pages := "", 0
	for token := ""; ; pages++ {
		next, took, err := full.page(ctx, token)
		if err != nil {
			return nil, err
		}
		if all += took; next == "" {
			break
		}
		last, token = token, next
	}
	if want := (b.seeded - 1) / listPage; pages != want {
		return nil, fmt.Errorf("%d pages, want %d", pages+1, want+1)
	}
	asked := []struct {
		of    *lister
		token string
		took  []time.Duration
	}{{of: few}, {of: full}, {of: full, token: last}}
	for range listTurns {
		for i := range asked {
			_, took, err := asked[i].of.page(ctx, asked[i].token)
			if err != nil {
				return nil, err
			}
			asked[i].took = append(asked[i].took, took)
		}
	}
	var at [3]float64
	for i := range asked {
		slices.Sort(asked[i].took)
		at[i] = ms(percentile(asked[i].took, 50))
	}
	return []figure{
		{o.name + fmt.Sprintf(": the page of %d images", fewImages), "ms", at[0]},
		{o.name + ": first page", "ms", at[1]},
		{o.name + ": last whole page", "ms", at[2]},
		{o.name + ": last to first", "ratio", at[2] / at[1]},
		{o.name + ": through all", "images/s", float64(b.seeded) / all.Seconds()},
	}, nil
}

// previewLifecycle is how long a preview takes of a policy that looks at all images.
func previewLifecycle(ctx context.Context, b *bench, s *process) ([]figure, error) {
	c := prod.client(s.addr)
	policy := fmt.Sprintf(`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan",`+
		`"countNumber":%d},"action":{"type":"expire"}}]}`, max(1, b.seeded-previewKept))
	began := time.Now()
	if _, err := c.StartLifecyclePolicyPreview(ctx, &ecr.StartLifecyclePolicyPreviewInput{
		RepositoryName: aws.String(seed.Huge), LifecyclePolicyText: &policy,
	}); err != nil {
		return nil, err
	}
	for {
		out, err := c.GetLifecyclePolicyPreview(ctx, &ecr.GetLifecyclePolicyPreviewInput{
			RepositoryName: aws.String(seed.Huge), MaxResults: aws.Int32(1),
		})
		if err != nil {
			return nil, err
		}
		switch out.Status {
		case types.LifecyclePolicyPreviewStatusComplete:
			took := time.Since(began).Seconds()
			return []figure{{
				"lifecycle preview, for each 100,000 images", "s", took * per100k / float64(b.seeded),
			}}, nil
		case types.LifecyclePolicyPreviewStatusInProgress:
		default:
			return nil, errors.New("it is " + string(out.Status))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
