package attack

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/test/servers"
)

// manyAnnotations make a manifest of nearly 4 MiB, if the program takes as many.
func manyAnnotations(n int) map[string]string {
	m := make(map[string]string, n)
	for i := range n {
		m[fmt.Sprintf("%05x", i)] = ""
	}
	return m
}

// TestAnswersThatNobodyReads: a tenant asks for much and takes nothing.
func TestAnswersThatNobodyReads(t *testing.T) {
	p := start(t)
	c := p.as(mallory)
	c.createRepository("big")
	layer, err := c.putBlob("big", []byte("layer"))
	if err != nil {
		t.Fatal(err)
	}
	var images []types.ImageIdentifier
	for i := range 8 {
		tag := fmt.Sprint("big", i)
		big := manifestOf([]ocispec.Descriptor{layer}, nil)
		big = append(big, bytes.Repeat([]byte("\n"), 4<<20-len(big)-1-i)...)
		if err := c.putManifest("big", tag, big); err != nil {
			t.Fatal(err)
		}
		images = append(images, types.ImageIdentifier{ImageTag: &tag})
	}
	p.attack(700, func(over <-chan struct{}) {
		ctx, cancel := context.WithCancel(context.Background())
		var all sync.WaitGroup
		for range 30 {
			unread := p.client()
			unread.Timeout = 0
			unread.Transport.(servers.WholeTransport).DialContext = func(context.Context, string, string) (net.Conn, error) {
				return p.dialSmall()
			}
			c := &client{p: p, tenant: mallory, http: unread, password: c.password}
			all.Go(func() {
				r := c.request("GET", "big/manifests/big1", nil).WithContext(ctx)
				if res, err := unread.Do(r); err == nil {
					<-over
					res.Body.Close()
				}
			})
			all.Go(func() {
				api := ecr.New(c.p.as(mallory).ecr.Options(), func(o *ecr.Options) { o.HTTPClient = holdBack{unread, over} })
				api.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: aws.String("big"), ImageIds: images})
			})
		}
		<-over
		cancel()
		all.Wait()
	})
}

// dialSmall opens a connection whose kernel keeps little for a client that does not read.
func (p *program) dialSmall() (net.Conn, error) {
	c, err := net.Dial("tcp", p.addr)
	if err == nil {
		c.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	return c, err
}

// holdBack is a client that keeps answers from being read until over.
type holdBack struct {
	*http.Client
	over <-chan struct{}
}

func (h holdBack) Do(r *http.Request) (*http.Response, error) {
	res, err := h.Client.Do(r)
	if err == nil {
		<-h.over
	}
	return res, err
}

// TestReferrersWithManyAnnotations: a tenant asks again and again for referrers that are nothing but annotations.
func TestReferrersWithManyAnnotations(t *testing.T) {
	p := start(t)
	c := p.as(mallory)
	c.createRepository("ref")
	layer, err := c.putBlob("ref", []byte("layer"))
	if err != nil {
		t.Fatal(err)
	}
	// As many as are let in.
	for n := 400_000; ; n /= 2 {
		m := manifestOf([]ocispec.Descriptor{layer}, func(m *ocispec.Manifest) {
			m.Subject, m.Annotations = &layer, manyAnnotations(n)
		})
		if err = c.putManifest("ref", "sig", m); err == nil {
			t.Logf("%d annotations are let in", n)
			break
		}
		if n == 0 {
			t.Fatal(err)
		}
	}
	p.attack(600, func(over <-chan struct{}) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for {
					c.do("GET", "ref/referrers/"+layer.Digest.String(), nil)
					select {
					case <-over:
						return
					case <-time.After(50 * time.Millisecond):
					}
				}
			})
		}
		all.Wait()
	})
}
