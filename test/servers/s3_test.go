package servers

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

func put(t *testing.T, b Bucket, key string, body []byte) {
	t.Helper()
	if _, err := b.Client().PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.Name, Key: &key, Body: bytes.NewReader(body),
	}); err != nil {
		t.Fatal(err)
	}
}

// get reads an object, or a range of it, with no second try.
func get(b Bucket, key, part string) ([]byte, error) {
	in := &s3.GetObjectInput{Bucket: &b.Name, Key: &key}
	if part != "" {
		in.Range = &part
	}
	out, err := b.Client().GetObject(ctx, in, once)
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

func once(o *s3.Options) { o.RetryMaxAttempts = 1 }

func wantObject(t *testing.T, b Bucket, key, part string, want []byte) {
	t.Helper()
	got, err := get(b, key, part)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s %s has %d bytes (%v), want the %d that were put there", key, part, len(got), err, len(want))
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

// TestS3 is what Twinport asks of S3.
func TestS3(t *testing.T) {
	var gone Bucket
	t.Run("bucket", func(t *testing.T) {
		b := S3(t)
		gone = b
		testS3(t, b)
	})
	if gone.Name == "" {
		return // the reason is with the skipped test
	}
	_, err := gone.Client().HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &gone.Name})
	wantCode(t, err, "NotFound")
}

// TestS3Sidecar runs the server as where files have no attributes.
func TestS3Sidecar(t *testing.T) {
	if os.Getenv("TEST_S3") != "" {
		t.Skip("TEST_S3 is set")
	}
	s := StartS3(t)
	for i, arg := range s.args {
		if arg == "posix" {
			s.args = append(s.args[:i+1:i+1], "--sidecar", s.home.dir+"/metadata", s.home.dir+"/data")
			break
		}
	}
	s.Restart()
	testS3(t, s.Bucket())
}

func testS3(t *testing.T, b Bucket) {
	client := b.Client()
	put(t, b, "blobs/small", []byte("0123456789"))
	wantObject(t, b, "blobs/small", "", []byte("0123456789"))
	wantObject(t, b, "blobs/small", "bytes=3-5", []byte("345"))
	wantObject(t, b, "blobs/small", "bytes=8-", []byte("89"))
	_, err := get(b, "blobs/small", "bytes=10-")
	wantCode(t, err, "InvalidRange")
	_, err = get(b, "blobs/none", "")
	wantCode(t, err, "NoSuchKey")

	link, err := s3.NewPresignClient(client).PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.Name, Key: aws.String("blobs/small"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]int{link.URL: 200, link.URL + "0": 403} {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != want || (want == 200) != (string(body) == "0123456789") {
			t.Errorf("a presigned GET answers %d %q, want %d", response.StatusCode, body, want)
		}
	}

	part := bytes.Repeat([]byte("layer"), 1<<20)
	upload := startUpload(t, b, "blobs/large")
	var parts []types.CompletedPart
	for n, body := range [][]byte{part, part, []byte("tail")} {
		out, err := client.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b.Name, Key: aws.String("blobs/large"),
			UploadId:   &upload,
			PartNumber: aws.Int32(int32(n + 1)), Body: bytes.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(int32(n + 1)), ETag: out.ETag})
	}
	listed, err := client.ListParts(ctx, &s3.ListPartsInput{
		Bucket: &b.Name, Key: aws.String("blobs/large"), UploadId: &upload,
	})
	if err != nil || len(listed.Parts) != 3 {
		t.Errorf("the upload lists %d parts (%v), want 3", len(listed.Parts), err)
	}
	_, err = get(b, "blobs/large", "")
	wantCode(t, err, "NoSuchKey")
	if _, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b.Name,
		Key:      aws.String("blobs/large"),
		UploadId: &upload, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}); err != nil {
		t.Fatal(err)
	}
	wantObject(t, b, "blobs/large", "", append(bytes.Repeat(part, 2), "tail"...))
	wantObject(t, b, "blobs/large", "bytes=10485758-10485761", []byte("erta"))

	left := startUpload(t, b, "blobs/left")
	uploads, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{
		Bucket: &b.Name, Prefix: aws.String("blobs/"),
	})
	if err != nil || len(uploads.Uploads) != 1 || *uploads.Uploads[0].UploadId != left {
		t.Errorf("the bucket lists uploads %v (%v), want %s", uploads, err, left)
	}
	if _, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &b.Name, Key: aws.String("blobs/left"), UploadId: &left,
	}); err != nil {
		t.Error(err)
	}
	_, err = client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &b.Name, Key: aws.String("blobs/left"), UploadId: &left,
	})
	wantCode(t, err, "NoSuchUpload")

	deleted, err := client.DeleteObjects(ctx,
		&s3.DeleteObjectsInput{Bucket: &b.Name, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
			{Key: aws.String("blobs/small")}, {Key: aws.String("blobs/large")}, {Key: aws.String("blobs/never")},
		}}})
	if err != nil || len(deleted.Errors) != 0 {
		t.Errorf("DeleteObjects: %v, %v", deleted, err)
	}
	// What the end of the test removes.
	put(t, b, "blobs/more", nil)
	startUpload(t, b, "blobs/more")
}

func startUpload(t *testing.T, b Bucket, key string) string {
	t.Helper()
	out, err := b.Client().CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.Name, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return *out.UploadId
}

func TestS3Elsewhere(t *testing.T) {
	s := StartS3(t)
	t.Setenv("TEST_S3", s.server.Endpoint)
	t.Setenv("AWS_ACCESS_KEY_ID", s.server.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.server.SecretKey)
	t.Setenv("AWS_REGION", s.server.Region)
	b := S3(t)
	put(t, b, "key", []byte("value"))
	b.Endpoint = s.Bucket().Endpoint
	wantObject(t, b, "key", "", []byte("value"))
}

func TestS3Restart(t *testing.T) {
	s := StartS3(t)
	b := s.Bucket()
	put(t, b, "key", []byte("value"))
	s.Restart()
	wantObject(t, b, "key", "", []byte("value"))
	s.Kill()
	if _, err := get(b, "key", ""); err == nil {
		t.Error("a killed server answers")
	}
	s.Start()
	wantObject(t, b, "key", "", []byte("value"))
}

func TestS3Faults(t *testing.T) {
	p := S3Faults(t, S3(t))
	b := p.Bucket
	body := bytes.Repeat([]byte("layer"), 1<<20)
	put(t, b, "key", body)
	wantObject(t, b, "key", "", body)

	var asked []string
	fault := func(f Fault) {
		p.Rule(func(r *http.Request) Fault {
			asked = append(asked, Operation(r))
			return f
		})
	}
	fault(Answer(500, "InternalError"))
	_, err := get(b, "key", "")
	wantCode(t, err, "InternalError")
	fault(Answer(503, "SlowDown"))
	_, err = get(b, "key", "")
	wantCode(t, err, "SlowDown")

	fault(CutAnswer(1000))
	if got, err := get(b, "key", ""); err == nil || !bytes.Equal(got, body[:1000]) {
		t.Errorf("a cut answer has %d bytes (%v), want 1000 and an error", len(got), err)
	}
	if got, err := get(b, "key", "bytes=0-999"); err != nil || len(got) != 1000 {
		t.Errorf("an answer as long as the cut has %d bytes (%v), want all 1000", len(got), err)
	}
	fault(TruncateAnswer(1000))
	if got, err := get(b, "key", "bytes=0-1000"); err != nil || len(got) != 1000 {
		t.Errorf("a truncated answer has %d bytes (%v), want 1000 and no error", len(got), err)
	}

	write := func(key string) error {
		_, err := b.Client().PutObject(ctx, &s3.PutObjectInput{Bucket: &b.Name, Key: &key, Body: bytes.NewReader(body)}, once)
		return err
	}
	fault(CutRequest(1 << 20))
	if err := write("cut"); err == nil {
		t.Error("a request that was cut succeeds")
	}
	fault(LoseAnswer())
	if err := write("lost"); err == nil {
		t.Error("a request whose answer is lost succeeds")
	}
	fault(Answer(200, "InternalError"))
	upload := "upload"
	_, err = b.Client().CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.Name, Key: aws.String("key"), UploadId: &upload,
	}, once)
	wantCode(t, err, "InternalError")

	p.Rule(nil)
	_, err = get(b, "cut", "")
	wantCode(t, err, "NoSuchKey")
	wantObject(t, b, "lost", "", body)
	want := []string{
		"GetObject", "GetObject", "GetObject", "GetObject", "GetObject", "PutObject", "PutObject", "CompleteMultipartUpload",
	}
	if len(asked) != len(want) {
		t.Fatalf("the rule saw %v, want %v", asked, want)
	}
	for i := range want {
		if asked[i] != want[i] {
			t.Errorf("the rule saw %v, want %v", asked, want)
			break
		}
	}
}
