package servers

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sys/unix"
)

// Bucket is an S3 bucket and how to reach it (by path: Endpoint/Name/key).
type Bucket struct {
	Endpoint  string
	Region    string
	AccessKey string
	SecretKey string
	Name      string
}

// Client returns a client of the bucket's server.
func (b Bucket) Client() *s3.Client {
	return s3.New(s3.Options{
		Region:       b.Region,
		BaseEndpoint: &b.Endpoint,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(b.AccessKey, b.SecretKey, ""),
	})
}

// S3 returns a new empty bucket, which is removed at the end of the test. Its
// server is the test process's own, or the endpoint that TEST_S3
// names, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION.
func S3(t T) Bucket {
	t.Helper()
	server := Bucket{
		Endpoint:  os.Getenv("TEST_S3"),
		Region:    cmp.Or(os.Getenv("AWS_REGION"), "us-east-1"),
		AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
	}
	if server.Endpoint == "" {
		own, err := sharedS3()
		check(t, err)
		server = own.server
	}
	b, err := server.create()
	check(t, err)
	t.Cleanup(func() {
		if err := b.remove(); err != nil {
			t.Errorf("remove the test's bucket: %v", err)
		}
	})
	return b
}

var sharedS3 = sync.OnceValues(newS3)

// S3Server is an S3 server that a test may stop, kill and start again. Its
// methods belong to the test's goroutine.
type S3Server struct {
	t       T
	home    *home
	program string
	args    []string
	health  string // the path at which this server says that it is well, and no other
	server  Bucket // without a name
	process *process
}

// StartS3 starts an S3 server of the test's own.
func StartS3(t T) *S3Server {
	t.Helper()
	s, err := newS3()
	check(t, err)
	s.t = t
	t.Cleanup(s.home.close)
	return s
}

func newS3() (*S3Server, error) {
	program, err := versitygw()
	if err != nil {
		return nil, err
	}
	home, err := newHome("s3", nil)
	if err != nil {
		return nil, err
	}
	s := &S3Server{home: home, program: program, health: "/" + rand.Text(),
		server: Bucket{Region: "us-east-1", AccessKey: "AK" + rand.Text()[:18], SecretKey: rand.Text()}}
	data, metadata := filepath.Join(home.dir, "data"), filepath.Join(home.dir, "metadata")
	err = errors.Join(os.Mkdir(data, 0o700), os.Mkdir(metadata, 0o700))
	// Attributes of the files themselves appear together with the object;
	// files beside it, a moment after. Not every file system has attributes.
	options := []string{data}
	if unix.Setxattr(data, "user.twinport", nil, 0) != nil {
		options = []string{"--sidecar", metadata, data}
	}
	if err == nil {
		err = onFreePort(func(port string) error {
			s.server.Endpoint = "http://127.0.0.1:" + port
			s.args = append([]string{"--port", "127.0.0.1:" + port, "--region", s.server.Region,
				"--health", s.health, "--keep-alive", "--quiet", "posix"}, options...)
			return s.start()
		})
	}
	if err != nil {
		home.close()
		return nil, err
	}
	return s, nil
}

func (s *S3Server) start() error {
	p, err := s.home.start([]string{"ROOT_ACCESS_KEY=" + s.server.AccessKey, "ROOT_SECRET_KEY=" + s.server.SecretKey},
		s.program, s.args...)
	if err != nil {
		return err
	}
	s.process = p
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return s.home.ready(p, func() bool {
		response, err := client.Get(s.server.Endpoint + s.health)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// Start starts a server that was stopped or killed, on the same port.
func (s *S3Server) Start() {
	s.t.Helper()
	check(s.t, s.start())
}

// Stop lets the server finish its requests and stops it.
func (s *S3Server) Stop() {
	s.t.Helper()
	check(s.t, s.home.stop(s.process, syscall.SIGTERM))
}

// Kill ends the server at once.
func (s *S3Server) Kill() {
	s.t.Helper()
	check(s.t, s.home.stop(s.process, syscall.SIGKILL))
}

// Restart stops the server and starts it again.
func (s *S3Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// Bucket creates an empty bucket.
func (s *S3Server) Bucket() Bucket {
	s.t.Helper()
	b, err := s.server.create()
	check(s.t, err)
	return b
}

func (b Bucket) create() (Bucket, error) {
	b.Name = "twinport-test-" + strings.ToLower(rand.Text())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	input := &s3.CreateBucketInput{Bucket: &b.Name}
	if b.Region != "us-east-1" {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(b.Region),
		}
	}
	_, err := b.Client().CreateBucket(ctx, input)
	return b, err
}

// remove empties the bucket and deletes it. A request that a test has given up
// may still be at work in the server, and fill the bucket again. A busy disk may
// take minutes for many objects: patience bounds a request, and not all of them.
func (b Bucket) remove() error {
	var err error
	for last := time.Now(); time.Since(last) < 3*patience; time.Sleep(100 * time.Millisecond) {
		var removed int
		if removed, err = b.empty(); removed > 0 {
			last = time.Now()
		}
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_, err = b.Client().DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b.Name})
			cancel()
		}
		if err == nil {
			return nil
		}
	}
	return err
}

// empty removes objects and uploads until none is left, and counts them.
func (b Bucket) empty() (removed int, err error) {
	for {
		n, err := b.emptyPage()
		removed += n
		if n == 0 || err != nil {
			return removed, err
		}
	}
}

// emptyPage removes at most a hundred objects and a page of uploads.
func (b Bucket) emptyPage() (removed int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := b.Client()
	objects, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.Name, MaxKeys: aws.Int32(100)})
	if err != nil {
		return 0, err
	}
	if len(objects.Contents) > 0 {
		var keys []types.ObjectIdentifier
		for _, object := range objects.Contents {
			keys = append(keys, types.ObjectIdentifier{Key: object.Key})
		}
		list := &types.Delete{Objects: keys, Quiet: aws.Bool(true)}
		if _, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &b.Name, Delete: list}); err != nil {
			return 0, err
		}
		removed += len(keys)
	}
	uploads, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &b.Name})
	if err != nil {
		return removed, err
	}
	for _, upload := range uploads.Uploads {
		abort := &s3.AbortMultipartUploadInput{Bucket: &b.Name, Key: upload.Key, UploadId: upload.UploadId}
		if _, err := client.AbortMultipartUpload(ctx, abort); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// versitygw finds the server that make tools has installed, or that of PATH.
func versitygw() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if installed, _ := filepath.Glob(filepath.Join(dir, ".cache/tools/versitygw@*/versitygw")); len(installed) > 0 {
			return installed[0], nil
		}
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	program, err := exec.LookPath("versitygw")
	if err != nil {
		return "", fmt.Errorf("no versitygw in .cache/tools or PATH: %w", errMissing)
	}
	return program, nil
}
