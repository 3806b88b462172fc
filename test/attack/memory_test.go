package attack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// apiHeader is that of an AWS API request which nobody has signed: scope is what stands before the signature.
func apiHeader(operation, keyID, day, region string, length int) string {
	h := fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: "+
		"AmazonEC2ContainerRegistry_V20150921.%s\r\nContent-Length: %d\r\n", operation, length)
	if keyID != "" {
		h += fmt.Sprintf("X-Amz-Date: %sT%sZ\r\nAuthorization: AWS4-HMAC-SHA256 Credential=%s/%s/%s/ecr/aws4_request, "+
			"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=%s\r\n",
			day, time.Now().UTC().Format("150405"), keyID, day, region, strings.Repeat("0", 64))
	}
	return h + "\r\n"
}

func today() string { return time.Now().UTC().Format("20060102") }

// TestUnsignedBodies: strangers send bodies to the AWS API and never end them.
func TestUnsignedBodies(t *testing.T) {
	p := start(t)
	connections := 300
	if _, long := attackTime(); long {
		connections = 1200
	}
	headers := []string{
		apiHeader("DescribeRegistry", "", "", "", 1<<20),
		apiHeader("DescribeRegistry", "AKIANOBODYEXAMPLE000", today(), region, 1<<20),
		apiHeader("UploadLayerPart", victim.key, "20010101", region, 28<<20),
		apiHeader("UploadLayerPart", victim.key, today(), "mars-north-1", 28<<20),
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: " +
			"application/x-www-form-urlencoded\r\nContent-Length: 65536\r\n\r\n",
		// The key's id is no secret. Ordinary operations have small bodies.
		apiHeader("DescribeRegistry", victim.key, today(), region, 64<<10),
		apiHeader("DescribeRegistry", victim.key, today(), region, 1<<20),
	}
	p.attack(200, func(over <-chan struct{}) {
		var all sync.WaitGroup
		for i := range connections {
			all.Go(func() {
				c := p.dial()
				body := bytes.Repeat([]byte(" "), 64<<10)
				io.WriteString(c, headers[i%len(headers)])
				for range 16 {
					if _, err := c.Write(body[1:]); err != nil {
						break
					}
				}
				<-over
				c.Close()
			})
		}
		all.Wait()
	})
	if n := p.metric(`twinport_budget_used{budget="memory"}`); n > 100<<20 {
		t.Errorf("%v bytes are held for bodies", n)
	}
}

// TestUnsignedStreams is TestUnsignedBodies on connections of HTTP/2.
func TestUnsignedStreams(t *testing.T) {
	p := startTLS(t)
	p.attack(400, p.apart("unsigned streams"))
}

func unsignedStreams(p *program, over <-chan struct{}) {
	connections := 1
	if _, long := attackTime(); long {
		connections = 4
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range connections {
		h := p.client()
		for i := range 250 {
			all.Go(func() {
				key := ""
				if i%2 == 0 {
					key = victim.key
				}
				header := apiHeader("DescribeRegistry", key, today(), region, 1<<20)
				r, err := http.NewRequestWithContext(ctx, "POST", p.url("/"), io.MultiReader(bytes.NewReader(make([]byte, 1<<20-1)),
					silence{ctx}))
				if err != nil {
					return
				}
				for line := range strings.SplitSeq(header, "\r\n") {
					if name, value, ok := strings.Cut(line, ": "); ok && name != "Host" && name != "Content-Length" {
						r.Header.Set(name, value)
					}
				}
				r.Host = "localhost"
				if res, err := h.Do(r); err == nil {
					res.Body.Close()
				}
			})
		}
	}
	<-over
	cancel()
	all.Wait()
}

// silence is the end of a body that does not come.
type silence struct{ ctx context.Context }

func (s silence) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// TestAnnouncedLayerParts: whoever knows the id of a key announces large bodies in its name, and sends nothing.
func TestAnnouncedLayerParts(t *testing.T) {
	p := start(t)
	c := p.as(victim)
	c.createRepository("parts")
	p.attack(300, func(over <-chan struct{}) {
		for range 50 {
			io.WriteString(p.dial(), apiHeader("UploadLayerPart", victim.key, today(), region, 28<<20))
		}
		ctx := context.Background()
		for i := 0; ; i++ {
			up, err := c.ecr.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: aws.String("parts")})
			if err == nil {
				_, err = c.ecr.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{
					RepositoryName: aws.String("parts"), UploadId: up.UploadId, PartFirstByte: aws.Int64(0),
					PartLastByte: aws.Int64(5<<20 - 1), LayerPartBlob: make([]byte, 5<<20),
				})
			}
			if err != nil {
				t.Errorf("part %d: %v", i, err)
				return
			}
			select {
			case <-over:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
}

// TestSlowUploads: a tenant's clients begin layers, and go on a byte at a time.
func TestSlowUploads(t *testing.T) {
	p := start(t)
	attacker, c := p.as(mallory), p.as(victim)
	attacker.createRepository("slow")
	c.createRepository("large")
	var slow []net.Conn
	for range 40 {
		location, err := attacker.want(http.StatusAccepted, "POST", "slow/blobs/uploads/", nil)
		if err != nil {
			t.Fatal(err)
		}
		conn := p.dial()
		r := attacker.request("PATCH", location, nil)
		fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Length: 20000000\r\n\r\n%s",
			r.URL.RequestURI(), r.Header.Get("Authorization"), strings.Repeat("x", 70<<10))
		slow = append(slow, conn)
	}
	_, long := attackTime()
	layer := make([]byte, 20<<20)
	p.attack(500, func(over <-chan struct{}) {
		for i := 0; ; i++ {
			layer[0] = byte(i)
			if _, err := c.putBlob("large", layer); err != nil {
				t.Errorf("large layer %d: %v", i, err)
				return
			}
			for _, conn := range slow {
				conn.Write([]byte("x"))
			}
			select {
			case <-over:
				return
			case <-time.After(time.Second):
			}
		}
	})
	if long { // each is dropped, whatever it sends, some 30 s after it became slow
		for i, conn := range slow {
			conn.SetReadDeadline(time.Now().Add(time.Minute))
			if n, err := conn.Read(make([]byte, 12)); n == 0 && err != io.EOF {
				t.Errorf("slow client %d still holds its upload: %v", i, err)
			}
		}
	}
}

// TestLargeManifests: a tenant has the processors read manifests all the time.
func TestLargeManifests(t *testing.T) {
	p := start(t)
	p.attack(700, p.apart("large manifests"))
}

func largeManifests(p *program, over <-chan struct{}) {
	c := p.as(mallory)
	c.createRepository("many")
	layer, err := c.putBlob("many", []byte("layer"))
	if err != nil {
		p.t.Fatal(err)
	}
	layers := make([]ocispec.Descriptor, 20_000)
	for i := range layers {
		layers[i] = layer
	}
	large := manifestOf(layers, nil)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for {
				c.do("PUT", "many/manifests/large", large, "Content-Type", ocispec.MediaTypeImageManifest)
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	all.Wait()
}
