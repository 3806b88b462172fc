package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The tests of this file attack as mallory, who has an account on the server,
// a login and all the time in the world, and knows prod's digests.

// attacked starts a server on which prod has an image in "secret" and mallory
// a repository "mine".
func attacked(t *testing.T) (s *server, secret image, attacker *ociClient) {
	t.Helper()
	s = newServer(t)
	secret = makeImage("the secret", nil, "")
	s.createRepository(prod, tokyo, "secret")
	s.oci(prod, tokyo).mustPush("secret", "1", secret)
	s.createRepository(mallory, tokyo, "mine")
	return s, secret, s.oci(mallory, tokyo)
}

// TestAttackGuessedDigests: content that the deployment stores is 404 in a
// repository that has no link to it, whatever is asked.
func TestAttackGuessedDigests(t *testing.T) {
	t.Parallel()
	s, secret, attacker := attacked(t)
	for _, blob := range [][]byte{secret.config, secret.layer, secret.manifest} {
		d := digest.FromBytes(blob).String()
		for _, method := range []string{"HEAD", "GET", "DELETE"} {
			if a := attacker.do(method, "mine/blobs/"+d, nil); a.status != http.StatusNotFound {
				t.Errorf("%s of a guessed blob: %v", method, a)
			}
		}
		attacker.want(attacker.do("GET", "mine/manifests/"+d, nil), http.StatusNotFound, "MANIFEST_UNKNOWN")
		checked, err := s.ecr(mallory, tokyo).BatchCheckLayerAvailability(ctx, &ecr.BatchCheckLayerAvailabilityInput{
			RepositoryName: aws.String("mine"), LayerDigests: []string{d},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range checked.Layers {
			if l.LayerAvailability == types.LayerAvailabilityAvailable {
				t.Error("a guessed layer is available")
			}
		}
	}
	// A manifest that names the secret layer does not make it readable.
	if err := attacker.putManifest("mine", "1", ocispec.MediaTypeImageManifest, secret.manifest); err == nil {
		t.Error("a manifest with a guessed layer is accepted")
	}
	index := makeIndex(secret.descriptor())
	if err := attacker.putManifest("mine", "1", ocispec.MediaTypeImageIndex, index); err == nil {
		t.Error("an index with a guessed child is accepted")
	}
	a := attacker.do("GET", "mine/referrers/"+secret.digest.String(), nil)
	if a.status == http.StatusOK && bytes.Contains(a.body, []byte(`"digest"`)) {
		t.Errorf("the referrers of a foreign image: %v", a)
	}
}

// TestAttackMounts: a mount needs the right to read the source.
func TestAttackMounts(t *testing.T) {
	t.Parallel()
	s, secret, attacker := attacked(t)
	d := digest.FromBytes(secret.layer).String()
	byPath := &ociClient{
		t: t, http: s.http, host: s.addr, prefix: mallory.id + "/" + tokyo + "/", user: "AWS", password: attacker.password,
	}
	for _, c := range []*ociClient{attacker, byPath} {
		for _, from := range []string{
			"", "secret", prod.id + "/" + tokyo + "/secret", "../../" + prod.id + "/" + tokyo + "/secret",
			s.host(prod, tokyo) + "/secret",
		} {
			query := "mine/blobs/uploads/?mount=" + d
			if from != "" {
				query += "&from=" + url.QueryEscape(from)
			}
			if a := c.do("POST", query, nil); a.status == http.StatusCreated {
				t.Errorf("mounted from %q", from)
			}
			if a := c.do("HEAD", "mine/blobs/"+d, nil); a.status != http.StatusNotFound {
				t.Fatalf("after a mount from %q the layer is answered with %d", from, a.status)
			}
		}
	}
	// With the right to read, the same mount works.
	s.allow(prod, tokyo, "secret", mallory, pullActions...)
	if a := byPath.do("POST", "mine/blobs/uploads/?mount="+d+"&from="+url.QueryEscape(prod.id+"/"+tokyo+"/secret"),
		nil); a.status != http.StatusCreated && a.status != http.StatusAccepted {
		t.Errorf("a mount from a readable repository: %v", a)
	}
}

// TestAttackForeignRegistry: mallory's login at prod's registry gets the same
// refusal for what exists and what does not.
func TestAttackForeignRegistry(t *testing.T) {
	t.Parallel()
	s, secret, _ := attacked(t)
	byHost := s.ociAs(mallory, prod, tokyo)
	byPath := &ociClient{
		t: t, http: s.http, host: s.addr, prefix: prod.id + "/" + tokyo + "/", user: "AWS", password: byHost.password,
	}
	for _, c := range []*ociClient{byHost, byPath} {
		for _, request := range []struct{ method, path string }{
			{"GET", "%s/manifests/1"}, {"HEAD", "%s/manifests/1"}, {"GET", "%s/manifests/" + secret.digest.String()},
			{"GET", "%s/blobs/" + digest.FromBytes(secret.layer).String()}, {"GET", "%s/tags/list"},
			{"GET", "%s/referrers/" + secret.digest.String()}, {"POST", "%s/blobs/uploads/"}, {"DELETE", "%s/manifests/1"},
			{"PUT", "%s/manifests/1"},
		} {
			there := c.do(request.method, fmt.Sprintf(request.path, "secret"), []byte("{}"))
			nowhere := c.do(request.method, fmt.Sprintf(request.path, "nothing"), []byte("{}"))
			if there.status < 400 {
				t.Errorf("%s %s: %v", request.method, request.path, there)
			}
			same := bytes.ReplaceAll(nowhere.body, []byte("nothing"), []byte("secret"))
			if there.status != nowhere.status || !bytes.Equal(there.body, same) {
				t.Errorf("%s %s reveals what exists: %v; but: %v", request.method, request.path, there, nowhere)
			}
		}
		if a := c.do("GET", "_catalog", nil); bytes.Contains(a.body, []byte("secret")) {
			t.Errorf("the catalog shows mallory: %v", a)
		}
	}
	client := s.ecr(mallory, tokyo)
	for _, repo := range []string{"secret", "nothing"} {
		_, err := client.ListImages(ctx, &ecr.ListImagesInput{RegistryId: &prod.id, RepositoryName: &repo})
		wantCode(t, err, "AccessDeniedException", "")
		_, err = client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
			RegistryId: &prod.id, RepositoryNames: []string{repo},
		})
		wantCode(t, err, "AccessDeniedException", "")
		_, err = client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{
			RegistryId: &prod.id, RepositoryName: &repo, Force: true,
		})
		wantCode(t, err, "AccessDeniedException", "")
	}
	_, err := client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RegistryId: &prod.id})
	wantCode(t, err, "AccessDeniedException", "")
}

// TestAttackUploads: the id of an upload is worth nothing in another
// repository or account.
func TestAttackUploads(t *testing.T) {
	t.Parallel()
	s, _, attacker := attacked(t)
	victim := s.oci(prod, tokyo)
	target, err := victim.startUpload("secret")
	if err != nil {
		t.Fatal(err)
	}
	foreign := strings.Replace(target, "/secret/", "/mine/", 1)
	data := []byte("injected")
	for _, c := range []struct {
		client         *ociClient
		method, target string
	}{
		{attacker, "GET", foreign}, {attacker, "PATCH", foreign}, {attacker, "DELETE", foreign},
		{attacker, "PUT", withQuery(foreign, "digest", digest.FromBytes(data).String())},
		{s.ociAs(mallory, prod, tokyo), "GET", target}, {s.ociAs(mallory, prod, tokyo), "PATCH", target},
		{s.ociAs(mallory, prod, tokyo), "DELETE", target},
	} {
		a, err := c.client.send(c.method, c.target, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if a.status < 400 {
			t.Errorf("%s %s: %v", c.method, c.target, a)
		}
	}
	id := target[strings.LastIndex(target, "/")+1:]
	id, _, _ = strings.Cut(id, "?")
	_, err = s.ecr(mallory, tokyo).UploadLayerPart(ctx, &ecr.UploadLayerPartInput{
		RepositoryName: aws.String("mine"), UploadId: &id, PartFirstByte: aws.Int64(0), PartLastByte: aws.Int64(7),
		LayerPartBlob: data,
	})
	wantCode(t, err, "UploadNotFoundException", "")

	// The victim's upload is untouched.
	own := []byte("the victim's own")
	a, err := victim.send("PUT", withQuery(target, "digest", digest.FromBytes(own).String()), bytes.NewReader(own))
	if err != nil || a.status != http.StatusCreated {
		t.Errorf("the victim's upload ends with %v, %v", a, err)
	}
}

// TestAttackTokens: a login is bound to its Region, cannot be altered, and
// ends with its key.
func TestAttackTokens(t *testing.T) {
	t.Parallel()
	s, _, _ := attacked(t)
	elsewhere := s.oci(prod, oregon)
	elsewhere.host = s.host(prod, tokyo)
	if a := elsewhere.do("GET", "secret/manifests/1", nil); a.status != http.StatusForbidden &&
		a.status != http.StatusUnauthorized {
		t.Errorf("a token of another Region: %v", a)
	}
	good := s.oci(prod, tokyo)
	token := good.password
	for name, password := range map[string]string{
		"none":          "",
		"half of it":    token[:len(token)/2],
		"a bit flipped": flipped(token),
		"an access key": prod.secret,
		"a byte more":   token + "A",
	} {
		c := *good
		c.password = password
		a := c.do("GET", "secret/manifests/1", nil)
		if a.status != http.StatusUnauthorized {
			t.Errorf("%s: %v", name, a)
		}
		if got := a.header.Get("Www-Authenticate"); !strings.HasPrefix(got, "Basic realm=") ||
			!strings.Contains(got, `service="ecr.amazonaws.com"`) {
			t.Errorf("%s: Www-Authenticate is %q", name, got)
		}
	}
	c := *good
	c.user = "root"
	if a := c.do("GET", "secret/manifests/1", nil); a.status != http.StatusUnauthorized {
		t.Errorf("the user root: %v", a)
	}
	// The operator takes mallory's key out of the configuration.
	theirs := s.oci(mallory, tokyo)
	theirs.want(theirs.do("GET", "mine/tags/list", nil), http.StatusOK, "")
	s.replaceInConfig(mallory.key, "AKIAMALLORYREPLACED3")
	s.restart(syscall.SIGTERM)
	if a := theirs.do("GET", "mine/tags/list", nil); a.status != http.StatusUnauthorized &&
		a.status != http.StatusForbidden {
		t.Errorf("a token whose key is gone: %v", a)
	}
	good.want(good.do("GET", "secret/tags/list", nil), http.StatusOK, "")
}

// flipped changes one character in the middle.
func flipped(token string) string {
	b := []byte(token)
	if b[len(b)/2] == 'A' {
		b[len(b)/2] = 'B'
	} else {
		b[len(b)/2] = 'A'
	}
	return string(b)
}

// TestAttackPaths: tricks in names lead nowhere.
func TestAttackPaths(t *testing.T) {
	t.Parallel()
	_, secret, attacker := attacked(t)
	for _, name := range []string{
		"mine/../secret", "..%2f" + prod.id + "%2fsecret", "mine/%2e%2e/secret", "mine%00", "mine//x", "./secret",
		"%6dine%2f..%2fsecret",
		"../" + prod.id + "/" + tokyo + "/secret", prod.id + "/" + tokyo + "/../" + tokyo + "/secret", "..", "%2e%2e",
		"mine\\..\\secret", "MINE",
		strings.Repeat("a/", 200) + "a", strings.Repeat("a", 300),
		"mine;x=1", "mine%20", "mine%0d%0aX-Injected:%201",
	} {
		for _, rest := range []string{
			"/manifests/1", "/manifests/" + secret.digest.String(), "/blobs/" + digest.FromBytes(secret.layer).String(),
			"/tags/list",
		} {
			a, err := attacker.send("GET", "/v2/"+name+rest, nil)
			if err != nil {
				continue // not even a request
			}
			if a.status < 400 || a.status >= 500 {
				t.Errorf("GET %s%s: %v", name, rest, a)
			}
			if bytes.Contains(a.body, secret.layer) || a.header.Get("X-Injected") != "" {
				t.Errorf("GET %s%s gives it away", name, rest)
			}
		}
	}
	for _, ref := range []string{
		"..", "../1", "%2e%2e", "sha256:../../../etc/passwd", "sha256:" + strings.Repeat("0", 63),
		"sha256:" + strings.Repeat("A", 64), "md5:" + strings.Repeat("0", 32), strings.Repeat("t", 129), "-x", "a b", "",
	} {
		for _, kind := range []string{"manifests", "blobs", "referrers"} {
			a, err := attacker.send("GET", "/v2/mine/"+kind+"/"+url.PathEscape(ref), nil)
			if err == nil && (a.status < 400 || a.status >= 500) {
				t.Errorf("%s %q: %v", kind, ref, a)
			}
		}
	}
	for _, target := range []string{
		"/v2/mine/blobs/uploads/../../../secret/tags/list", "/v2/mine/blobs/uploads/%2e%2e%2fx", "/..%2f..%2fetc/passwd",
		"/v2/../../etc/passwd", "//etc/passwd",
	} {
		a, err := attacker.send("GET", target, nil)
		if err == nil && (a.status < 300 || a.status >= 500) {
			t.Errorf("GET %s: %v", target, a)
		}
	}
}

// signed returns an ECR request with a valid signature of the time.
func (s *server) signed(a account, region, service string, at time.Time, operation, body string) *http.Request {
	s.t.Helper()
	req, err := http.NewRequest("POST", "http://"+s.addr+"/", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+operation)
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: a.key, SecretAccessKey: a.secret}, req,
		hex.EncodeToString(sum[:]), service, region, at)
	if err != nil {
		s.t.Fatal(err)
	}
	return req
}

func (s *server) answer(req *http.Request) answer {
	s.t.Helper()
	a, err := s.ask(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// ask sends a request as it is, and returns the whole answer.
func (s *server) ask(req *http.Request) (answer, error) {
	res, err := s.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read the answer of %d bytes, of which %d have come: %w", res.ContentLength, len(body), err)
	}
	return answer{res.StatusCode, res.Header, body}, nil
}

// TestAttackSignatures: nothing of a signed request can be changed, and an old
// one cannot be sent again.
func TestAttackSignatures(t *testing.T) {
	t.Parallel()
	s, _, _ := attacked(t)
	now := time.Now()
	body := `{"repositoryName":"secret"}`
	if a := s.answer(s.signed(prod, tokyo, "ecr", now, "ListImages", body)); a.status != http.StatusOK {
		t.Fatalf("a proper request: %v", a)
	}
	if a := s.answer(s.signed(prod, tokyo, "ecr", now.Add(-14*time.Minute), "ListImages",
		body)); a.status != http.StatusOK {
		t.Errorf("14 minutes old: %v", a)
	}
	if a := s.answer(s.signed(prod, tokyo, "ecr", now.Add(14*time.Minute), "ListImages",
		body)); a.status != http.StatusOK {
		t.Errorf("14 minutes ahead: %v", a)
	}
	change := func(edit func(r *http.Request)) *http.Request {
		req := s.signed(prod, tokyo, "ecr", now, "ListImages", body)
		edit(req)
		return req
	}
	for name, req := range map[string]*http.Request{
		"16 minutes old":   s.signed(prod, tokyo, "ecr", now.Add(-16*time.Minute), "ListImages", body),
		"16 minutes ahead": s.signed(prod, tokyo, "ecr", now.Add(16*time.Minute), "ListImages", body),
		"another service":  s.signed(prod, tokyo, "s3", now, "ListImages", body),
		"a wrong secret":   s.signed(account{key: prod.key, secret: "guessed"}, tokyo, "ecr", now, "ListImages", body),
		"an unknown key": s.signed(account{key: "AKIANOBODY0000000000", secret: "x"}, tokyo, "ecr", now, "ListImages",
			body),
		"another body": change(func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`{"repositoryName":"secreT"}`))
		}),
		"another operation": change(func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DeleteRepository")
		}),
		"another path":  change(func(r *http.Request) { r.URL.Path = "/x" }),
		"another query": change(func(r *http.Request) { r.URL.RawQuery = "a=b" }),
		"another host":  change(func(r *http.Request) { r.Host = "ecr.example.com" }),
		"a date shifted": change(func(r *http.Request) {
			r.Header.Set("X-Amz-Date", now.UTC().Add(time.Minute).Format("20060102T150405Z"))
		}),
		"another Region": change(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), tokyo, oregon, 1))
		}),
		"fewer signed headers": change(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "x-amz-target", "", 1))
		}),
		"no signature": change(func(r *http.Request) { r.Header.Del("Authorization") }),
		"an unsigned payload": change(func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
			r.Body = io.NopCloser(strings.NewReader(`{"repositoryName":"secreT"}`))
		}),
		"nonsense":     change(func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=,=,,==") }),
		"another kind": change(func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }),
	} {
		a := s.answer(req)
		if a.status < 400 || a.status >= 500 {
			t.Errorf("%s: %v", name, a)
		}
		if bytes.Contains(a.body, []byte("imageIds")) || bytes.Contains(a.body, []byte(prod.secret)) {
			t.Errorf("%s gives away: %s", name, a.body)
		}
	}
}

// TestAttackReplication: mallory can neither replicate into another's registry
// nor read another's status.
func TestAttackReplication(t *testing.T) {
	t.Parallel()
	s, secret, attacker := attacked(t)
	s.replicate(mallory, tokyo, rule{to: []destination{{prod, tokyo}}})
	s.createRepository(mallory, tokyo, "secret")
	attacker.mustPush("secret", "1", makeImage("poison", nil, ""))
	status := s.wantStatus(mallory, tokyo, "secret", "1", destination{prod, tokyo}, types.ReplicationStatusFailed)
	throughout(t, settle, func() error { return s.oci(prod, tokyo).wantPull("secret", "1", secret.digest) })
	if strings.Contains(aws.ToString(status.FailureCode), "exists") {
		t.Errorf("the failure code reveals what exists: %s", aws.ToString(status.FailureCode))
	}
	_, err := s.ecr(mallory, tokyo).DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
		RegistryId: &prod.id, RepositoryName: aws.String("secret"), ImageId: imageID("1"),
	})
	wantCode(t, err, "AccessDeniedException", "")
}

// TestAttackHosts: a host name of a registry that is not served is refused
// with what is; it never falls back to another registry.
func TestAttackHosts(t *testing.T) {
	t.Parallel()
	s, _, _ := attacked(t)
	for _, host := range []string{
		"999999999999.dkr.ecr." + tokyo + ".localhost",
		prod.id + ".dkr.ecr.eu-nowhere-1.localhost",
		prod.id + ".dkr.ecr." + tokyo + ".example.localhost",
	} {
		c := s.oci(prod, tokyo)
		c.host = host + ":" + s.port
		if a := c.do("GET", "secret/manifests/1", nil); a.status < 400 || a.status >= 500 {
			t.Errorf("%s: %v", host, a)
		}
	}
}
