package auth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
)

var (
	signedAt = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

	longLived = auth.AccessKey{
		ID: "AKIAPRODPRODPRODPROD", Secret: "prod-secret-prod-secret-prod-secret-prod", Principal: root("111122223333"),
	}
	devKey = auth.AccessKey{
		ID: "AKIADEVDEVDEVDEVDEVD", Secret: "dev-secret-dev-secret-dev-secret-dev-sec", Principal: root("444455556666"),
	}
	// temporary credentials last for an hour from the time at which most requests here are signed.
	temporary = newVerifier(signedAt).Issue(devKey, time.Hour)
	// exampleKey is the one that AWS's published examples are signed with.
	exampleKey = auth.AccessKey{
		ID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Principal: root("777788889999"),
	}
)

func root(account string) policy.Principal {
	return policy.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root"}
}

// keyring is a Keys that tests can change. It gives access keys as roles, and
// roles as access keys.
type keyring struct {
	mu   sync.Mutex
	keys map[string]auth.AccessKey
}

func newKeyring(keys ...auth.AccessKey) *keyring {
	k := &keyring{keys: map[string]auth.AccessKey{}}
	for _, key := range keys {
		k.put(key)
	}
	return k
}

func (k *keyring) put(key auth.AccessKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[key.ID] = key
}

func (k *keyring) remove(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.keys, id)
}

func (k *keyring) AccessKey(_ context.Context, id string) (auth.AccessKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.keys[id]
	if !ok {
		return auth.AccessKey{}, auth.ErrNoKey
	}
	return key, nil
}

func (k *keyring) Role(ctx context.Context, id string) (auth.AccessKey, error) {
	return k.AccessKey(ctx, id)
}

func newVerifier(now time.Time) *auth.Verifier {
	return auth.NewVerifier(newKeyring(longLived, devKey, exampleKey), "deployment", func() time.Time { return now })
}

// credentials are what a client signs with: an auth.AccessKey or auth.Credentials.
func credentials(of any) aws.Credentials {
	if key, ok := of.(auth.AccessKey); ok {
		return aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
	}
	c := of.(auth.Credentials)
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.SessionToken}
}

func payloadHash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// request builds an ECR request as a client does, unsigned.
func request(t testing.TB, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "http://registry.example:8080"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories")
	}
	return r
}

func sign(t testing.TB, r *http.Request, key any, body, service string, at time.Time) {
	t.Helper()
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials(key), r, payloadHash(body), service, "us-west-2",
		at); err != nil {
		t.Fatal(err)
	}
}

// presign replaces r's URL by a presigned one.
func presign(t testing.TB, r *http.Request, key any, hash, service string, at time.Time) {
	t.Helper()
	signed, headers, err := v4.NewSigner().PresignHTTP(context.Background(), credentials(key), r, hash, service,
		"us-west-2", at)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	for name := range r.Header {
		if _, ok := headers[name]; !ok {
			r.Header.Del(name) // hoisted into the URL
		}
	}
}

// overTheWire sends r to a real server and verifies what arrives there.
func overTheWire(t *testing.T, r *http.Request, service string, now time.Time) (auth.Identity, error) {
	t.Helper()
	var identity auth.Identity
	var verifyErr error
	v := newVerifier(now)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, arrived *http.Request) {
		body, err := io.ReadAll(arrived.Body)
		if err != nil {
			t.Error(err)
		}
		identity, verifyErr = v.Verify(arrived, body, service)
	}))
	defer server.Close()
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.URL.Host = strings.TrimPrefix(server.URL, "http://")
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return identity, verifyErr
}

// Requests that AWS's own signer signed must be accepted as they arrive at a
// server, in both forms, and refused once anything about them changes.
func TestVerifySDKRequests(t *testing.T) {
	requests := map[string]struct {
		method, target, body string
		header               http.Header
	}{
		"json call":            {"POST", "/", `{"repositoryNames":["app"]}`, nil},
		"no body":              {"GET", "/", "", nil},
		"query":                {"GET", "/?b=2&a=1&c", "", nil},
		"query order":          {"GET", "/?a-b=1&a=2&a=1&A=3&a.b=4&aa=5", "", nil},
		"query escapes":        {"GET", "/?a=b%20c&d=e%2Bf&g=%2F%3D%26&h=x+y", "", nil},
		"query unicode":        {"GET", "/?%E1%88%B4=%E3%83%9D%E3%83%BC%E3%83%88", "", nil},
		"empty values":         {"GET", "/?a=&b&=c", "", nil},
		"path":                 {"GET", "/a/b/c", "", nil},
		"path with spaces":     {"GET", "/a%20b/c+d", "", nil},
		"path unicode":         {"GET", "/%E1%88%B4/ポート", "", nil},
		"path escaped slash":   {"GET", "/a%2Fb/%7Ec/~d", "", nil},
		"path reserved":        {"GET", "/a:b@c!$&'()*,=", "", nil},
		"path double slash":    {"GET", "//a///b/", "", nil},
		"path dots":            {"GET", "/a/./b/../c", "", nil},
		"path trailing slash":  {"GET", "/a/", "", nil},
		"repeated header":      {"GET", "/", "", http.Header{"X-Custom": {"b", "a", " c "}}},
		"spaces in header":     {"GET", "/", "", http.Header{"X-Custom": {"  a   b  c "}}},
		"empty header":         {"GET", "/", "", http.Header{"X-Custom": {""}}},
		"declared payload":     {"POST", "/", "body", http.Header{"X-Amz-Content-Sha256": {payloadHash("body")}}},
		"extra x-amz header":   {"POST", "/", "body", http.Header{"X-Amz-User-Agent": {"aws-sdk  x"}}},
		"delete":               {"DELETE", "/a?x=1", "", nil},
		"large body":           {"POST", "/", strings.Repeat("layer part ", 50_000), nil},
		"header with unicode":  {"GET", "/", "", http.Header{"X-Custom": {"ポート"}}},
		"odd but legal header": {"GET", "/", "", http.Header{"X-Custom_1.~": {"v"}}},
	}
	for name, test := range requests {
		for id, key := range map[auth.Identity]any{
			{Principal: longLived.Principal, AccessKeyID: longLived.ID, Region: "us-west-2"}: longLived,
			{
				Principal: devKey.Principal, AccessKeyID: devKey.ID, Temporary: temporary.Temporary, Region: "us-west-2",
			}: temporary,
		} {
			for _, form := range []string{"header", "presigned"} {
				t.Run(fmt.Sprintf("%s/%s/%s", name, credentials(key).AccessKeyID[:4], form), func(t *testing.T) {
					t.Parallel()
					r := request(t, test.method, test.target, test.body)
					for k, v := range test.header {
						r.Header[k] = v
					}
					if form == "header" {
						sign(t, r, key, test.body, "ecr", signedAt)
					} else {
						presign(t, r, key, payloadHash(test.body), "ecr", signedAt)
					}
					// The signer sorts the parameters; their order must not matter.
					parameters := strings.Split(r.URL.RawQuery, "&")
					slices.Reverse(parameters)
					r.URL.RawQuery = strings.Join(parameters, "&")
					got, err := overTheWire(t, r, "ecr", signedAt.Add(time.Minute))
					if err != nil {
						t.Fatal(err)
					}
					if got != id {
						t.Errorf("identity %+v, want %+v", got, id)
					}
				})
			}
		}
	}
}

// AWS's published examples: the one of the user guide, and some of the
// Signature Version 4 test suite. Their authors' signer is not the SDK's.
func TestVerifyPublishedExamples(t *testing.T) {
	tests := map[string]struct {
		method, target, service, signedHeaders, signature string
		header                                            http.Header
	}{
		"user guide, ListUsers": {
			"GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", "iam", "content-type;host;x-amz-date",
			"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
			http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
		},
		"get-vanilla": {
			"GET", "https://example.amazonaws.com/", "service", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", nil,
		},
		"get-vanilla-query-order-key-case": {
			"GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", "service", "host;x-amz-date",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", nil,
		},
		"post-vanilla": {
			"POST", "https://example.amazonaws.com/", "service", "host;x-amz-date",
			"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", nil,
		},
		"get-relative-relative (path normalised)": {
			"GET", "https://example.amazonaws.com/example1/example2/../..", "service", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", nil,
		},
		"get-slashes (path normalised)": {
			"GET", "https://example.amazonaws.com//", "service", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.target, nil)
			for k, v := range test.header {
				r.Header[k] = v
			}
			r.Header.Set("X-Amz-Date", "20150830T123600Z")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"+test.service+
				"/aws4_request, SignedHeaders="+test.signedHeaders+", Signature="+test.signature)
			got, err := newVerifier(time.Date(2015, 8, 30, 12, 40, 0, 0, time.UTC)).Verify(r, nil, test.service)
			if err != nil {
				t.Fatal(err)
			}
			if got.Principal != exampleKey.Principal || got.Region != "us-east-1" {
				t.Errorf("identity %+v", got)
			}
		})
	}
}

func TestVerifyDateHeader(t *testing.T) {
	// The SDK always sends X-Amz-Date. This signature was computed from the
	// specification by a few lines of another language.
	const dateHeaderSignature = "fa74fb782574d48baea5d44afde6391c3308ac0522e5e438ded9273c0adabadf"
	r := httptest.NewRequest("GET", "https://example.amazonaws.com/", nil)
	r.Header.Set("Date", "Sun, 30 Aug 2015 12:36:00 GMT")
	authorization := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
		"SignedHeaders=host, Signature="
	now := time.Date(2015, 8, 30, 12, 40, 0, 0, time.UTC)
	for signature, want := range map[string]string{
		dateHeaderSignature:     "",
		strings.Repeat("0", 64): "InvalidSignatureException",
	} {
		r.Header.Set("Authorization", authorization+signature)
		_, err := newVerifier(now).Verify(r, nil, "service")
		if code(err) != want {
			t.Errorf("signature %s: %v, want %q", signature, err, want)
		}
	}
}

func code(err error) string {
	var e *auth.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "not an *auth.Error: " + err.Error()
	}
	return ""
}

// Everything that may be wrong with a signed request. Each case starts from a
// request that is accepted and breaks one thing.
func TestVerifyRefuses(t *testing.T) {
	const body = `{"repositoryNames":["app"]}`
	replace := func(header, from, to string) func(*http.Request) {
		return func(r *http.Request) {
			if !strings.Contains(r.Header.Get(header), from) {
				panic("the case changes nothing: " + r.Header.Get(header))
			}
			r.Header.Set(header, strings.Replace(r.Header.Get(header), from, to, 1))
		}
	}
	query := func(change func(url.Values)) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			change(q)
			r.URL.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
		}
	}
	const authz = "Authorization"
	type breakage struct {
		name  string
		key   any                 // longLived without
		form  string              // header or presigned
		early func(*http.Request) // before it is signed
		late  func(*http.Request) // after
		now   time.Duration       // since it was signed
		body  string              // received; "" for the one signed
		code  string              // of ECR
		text  string              // part of the message
	}
	none := func(*http.Request) {}
	tests := []breakage{
		{name: "no authorization", late: func(r *http.Request) {
			r.Header.Del(authz)
		}, code: "MissingAuthenticationTokenException", text: "Missing Authentication Token"},
		{name: "basic scheme", late: func(r *http.Request) {
			r.SetBasicAuth("AWS", "x")
		}, code: "IncompleteSignatureException", text: "AWS4-HMAC-SHA256"},
		{name: "other algorithm", late: replace(authz, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
			code: "IncompleteSignatureException"},
		{name: "two authorizations", late: func(r *http.Request) { r.Header.Add(authz, r.Header.Get(authz)) },
			code: "IncompleteSignatureException", text: "2 Authorization"},
		{name: "huge authorization", late: func(r *http.Request) {
			r.Header.Set(authz, r.Header.Get(authz)+strings.Repeat(" ", 9000))
		}, code: "IncompleteSignatureException", text: "bytes"},
		{name: "header and query", late: func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=x" },
			code: "IncompleteSignatureException", text: "twice"},
		{name: "no credential", late: replace(authz, "Credential=", "Credentials="), code: "IncompleteSignatureException"},
		{name: "repeated field", late: replace(authz, "Signature=", "Signature=0, Signature="),
			code: "IncompleteSignatureException"},
		{name: "repeated empty field", late: replace(authz, "Signature=", "Signature=, Signature="),
			code: "IncompleteSignatureException"},
		{name: "credential too short", late: replace(authz, "/aws4_request", ""), code: "IncompleteSignatureException"},
		{name: "credential too long", late: replace(authz, "/aws4_request", "/x/aws4_request"),
			code: "IncompleteSignatureException"},
		{name: "credential's end", late: replace(authz, "aws4_request", "aws5_request"),
			code: "IncompleteSignatureException"},
		{name: "unknown key", late: replace(authz, "AKIAPROD", "AKIANONE"), code: "UnrecognizedClientException",
			text: "The security token included in the request is invalid."},
		{name: "another's key", late: replace(authz, longLived.ID, exampleKey.ID), code: "InvalidSignatureException",
			text: "does not match"},
		{name: "scope's date", late: replace(authz, "/20260101/", "/20260102/"), code: "InvalidSignatureException",
			text: "does not match the date"},
		{name: "scope's region", late: replace(authz, "/us-west-2/", "/us-east-1/"), code: "InvalidSignatureException"},
		{name: "scope's region malformed", late: replace(authz, "/us-west-2/", "/US_WEST/"),
			code: "InvalidSignatureException", text: "valid region"},
		{name: "scope's service", late: replace(authz, "/ecr/", "/s3/"), code: "InvalidSignatureException",
			text: "correct service: 'ecr'"},
		{name: "signature changed", late: func(r *http.Request) {
			h := r.Header.Get(authz)
			last := byte('0')
			if h[len(h)-1] == '0' {
				last = '1'
			}
			r.Header.Set(authz, h[:len(h)-1]+string(last))
		}, code: "InvalidSignatureException", text: "does not match"},
		{name: "signature too short", late: func(r *http.Request) { h := r.Header.Get(authz); r.Header.Set(authz, h[:len(h)-1]) }, code: "IncompleteSignatureException", text: "64"},
		{name: "signature in capitals", late: func(r *http.Request) {
			h := r.Header.Get(authz)
			r.Header.Set(authz, h[:len(h)-64]+strings.ToUpper(h[len(h)-64:]))
		}, code: "IncompleteSignatureException", text: "64"},
		{name: "host unsigned", late: replace(authz, ";host;", ";"), code: "InvalidSignatureException", text: "'Host'"},
		{name: "host changed", late: func(r *http.Request) { r.Host = "other.example" }, code: "InvalidSignatureException"},
		{name: "host absent", late: func(r *http.Request) { r.Host = "" }, code: "InvalidSignatureException", text: "'Host'"},
		{name: "signed headers unsorted", late: replace(authz, "content-type;host", "host;content-type"),
			code: "IncompleteSignatureException", text: "sorted"},
		{name: "signed headers repeated", late: replace(authz, ";host;", ";host;host;"),
			code: "IncompleteSignatureException"},
		{name: "signed headers in capitals", late: replace(authz, ";host;", ";Host;"), code: "IncompleteSignatureException"},
		{name: "signed headers with an empty name", late: replace(authz, ";host;", ";;host;"),
			code: "IncompleteSignatureException"},
		{name: "too many signed headers", late: replace(authz, ";host;", ";"+strings.Repeat("h;", 70)),
			code: "IncompleteSignatureException", text: "more than 64"},
		{name: "signed header missing", late: func(r *http.Request) { r.Header.Del("X-Custom") },
			code: "InvalidSignatureException", text: "x-custom"},
		{name: "signed header repeated", late: func(r *http.Request) { r.Header.Add("X-Custom", "more") },
			code: "InvalidSignatureException"},
		{name: "x-amz header unsigned", late: func(r *http.Request) { r.Header.Set("X-Amz-Other", "x") },
			code: "InvalidSignatureException", text: "not signed"},
		{name: "content type unsigned", late: replace(authz, "content-type;", ""), code: "InvalidSignatureException",
			text: "not signed"},
		{name: "content type changed", late: func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
			code: "InvalidSignatureException"},
		{name: "target changed", late: replace("X-Amz-Target", "Describe", "Delete"), code: "InvalidSignatureException"},
		{name: "huge headers", late: func(r *http.Request) { r.Header.Set("X-Custom", strings.Repeat("x", 70<<10)) },
			code: "InvalidSignatureException", text: "bytes"},
		{name: "method changed", late: func(r *http.Request) { r.Method = "PUT" }, code: "InvalidSignatureException"},
		{name: "path changed", late: func(r *http.Request) { r.URL.Path = "/other" }, code: "InvalidSignatureException"},
		{name: "query added", late: func(r *http.Request) { r.URL.RawQuery = "a=b" }, code: "InvalidSignatureException"},
		{name: "query malformed", late: func(r *http.Request) {
			r.URL.RawQuery = "a=%zz"
		}, code: "IncompleteSignatureException", text: "query"},
		{name: "query with semicolon", late: func(r *http.Request) { r.URL.RawQuery = "a=b;c=d" },
			code: "IncompleteSignatureException", text: "semicolon"},
		{name: "huge query", late: func(r *http.Request) { r.URL.RawQuery = strings.Repeat("a", 40<<10) },
			code: "IncompleteSignatureException", text: "bytes"},
		{name: "many parameters", late: func(r *http.Request) { r.URL.RawQuery = strings.Repeat("a&", 300) },
			code: "IncompleteSignatureException", text: "parameters"},
		{name: "body changed", body: `{"repositoryNames":["b"]}`, code: "InvalidSignatureException", text: "does not match"},
		{name: "no date", late: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, code: "IncompleteSignatureException",
			text: "neither"},
		{name: "two dates", late: func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) },
			code: "IncompleteSignatureException", text: "2 times"},
		{name: "malformed date", late: replace("X-Amz-Date", "T", " "), code: "IncompleteSignatureException",
			text: "YYYYMMDD"},
		{name: "date changed", late: replace("X-Amz-Date", "T1200", "T1201"), code: "InvalidSignatureException"},
		{name: "too old", now: 15*time.Minute + time.Second, code: "InvalidSignatureException",
			text: "Signature expired: 20260101T120000Z is now earlier than 20260101T120001Z (20260101T121501Z - 15 min.)"},
		{name: "too new", now: -15*time.Minute - time.Second, code: "InvalidSignatureException",
			text: "Signature not yet current: 20260101T120000Z is still later than 20260101T115959Z (20260101T114459Z + 15 min.)"},
		{name: "old enough", now: 15 * time.Minute},
		{name: "new enough", now: -15 * time.Minute},
		{name: "wrong declared payload", early: func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", payloadHash("other"))
		}, code: "InvalidSignatureException", text: "X-Amz-Content-Sha256"},
		{name: "unsigned payload", early: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") },
			code: "InvalidSignatureException", text: "X-Amz-Content-Sha256"},
		{name: "token with a long-lived key", late: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") },
			code: "UnrecognizedClientException"},
		{name: "temporary key", key: temporary},
		{name: "token missing", key: temporary, late: func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") },
			code: "UnrecognizedClientException"},
		{name: "token changed", key: temporary, late: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") },
			code: "UnrecognizedClientException"},
		{name: "token repeated", key: temporary, late: func(r *http.Request) {
			r.Header.Add("X-Amz-Security-Token", temporary.SessionToken)
		}, code: "IncompleteSignatureException"},
		{name: "huge token", key: temporary, late: func(r *http.Request) {
			r.Header.Set("X-Amz-Security-Token", strings.Repeat("x", 9000))
		}, code: "IncompleteSignatureException"},
		{name: "token unsigned", key: temporary, late: replace(authz, ";x-amz-security-token", ""),
			code: "InvalidSignatureException", text: "not signed"},

		{name: "good", form: "presigned"},
		{name: "within lifetime", form: "presigned", now: time.Minute},
		{name: "past lifetime", form: "presigned", now: time.Minute + time.Second, code: "InvalidSignatureException",
			text: "Signature expired: 20260101T120000Z is now earlier than 20260101T120001Z (20260101T120101Z - 60 s)"},
		{name: "too new", form: "presigned", now: -15*time.Minute - time.Second, code: "InvalidSignatureException",
			text: "not yet current"},
		{name: "lifetime stretched", form: "presigned", late: query(func(q url.Values) { q.Set("X-Amz-Expires", "600") }),
			code: "InvalidSignatureException", text: "does not match"},
		{name: "lifetime of zero", form: "presigned", early: query(func(q url.Values) { q.Set("X-Amz-Expires", "0") }),
			code: "IncompleteSignatureException", text: "1 to 604800"},
		{name: "lifetime negative", form: "presigned", early: query(func(q url.Values) { q.Set("X-Amz-Expires", "-1") }),
			code: "IncompleteSignatureException"},
		{name: "lifetime empty", form: "presigned", early: query(func(q url.Values) { q.Set("X-Amz-Expires", "") }),
			code: "IncompleteSignatureException"},
		{name: "lifetime of a week", form: "presigned", early: query(func(q url.Values) { q.Set("X-Amz-Expires", "604800") }),
			now: 604800 * time.Second},
		{name: "lifetime over a week", form: "presigned",
			early: query(func(q url.Values) { q.Set("X-Amz-Expires", "604801") }), code: "IncompleteSignatureException"},
		{name: "lifetime overflowing", form: "presigned",
			early: query(func(q url.Values) { q.Set("X-Amz-Expires", "99999999999999999999") }),
			code:  "IncompleteSignatureException"},
		{name: "no lifetime", form: "presigned", early: query(func(q url.Values) { q.Del("X-Amz-Expires") }),
			now: 15 * time.Minute},
		{name: "no lifetime, too old", form: "presigned", early: query(func(q url.Values) { q.Del("X-Amz-Expires") }),
			now: 15*time.Minute + time.Second, code: "InvalidSignatureException", text: "Signature expired"},
		{name: "repeated parameter", form: "presigned", late: query(func(q url.Values) { q.Add("X-Amz-Credential", "x") }),
			code: "IncompleteSignatureException", text: "more than once"},
		{name: "missing signature", form: "presigned", late: query(func(q url.Values) { q.Del("X-Amz-Signature") }),
			code: "IncompleteSignatureException", text: "X-Amz-Signature"},
		{name: "missing date", form: "presigned", late: query(func(q url.Values) { q.Del("X-Amz-Date") }),
			code: "IncompleteSignatureException", text: "X-Amz-Date"},
		{name: "other algorithm", form: "presigned",
			late: query(func(q url.Values) { q.Set("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256") }),
			code: "IncompleteSignatureException"},
		{name: "huge parameter", form: "presigned",
			late: query(func(q url.Values) { q.Set("X-Amz-Signature", strings.Repeat("0", 9000)) }),
			code: "IncompleteSignatureException"},
		{name: "other parameter changed", form: "presigned", late: query(func(q url.Values) { q.Set("other", "x") }),
			code: "InvalidSignatureException"},
		{name: "body changed", form: "presigned", body: "other", code: "InvalidSignatureException"},
		{name: "x-amz header unsigned", form: "presigned", late: func(r *http.Request) { r.Header.Set("X-Amz-Target", "x") },
			code: "InvalidSignatureException", text: "not signed"},
		{name: "token in the URL", key: temporary, form: "presigned"},
		{name: "token missing", key: temporary, form: "presigned",
			late: query(func(q url.Values) { q.Del("X-Amz-Security-Token") }), code: "UnrecognizedClientException"},
		{name: "token twice", key: temporary, form: "presigned", late: func(r *http.Request) {
			r.Header.Set("X-Amz-Security-Token", temporary.SessionToken)
		}, code: "IncompleteSignatureException", text: "both"},
	}
	for _, test := range tests {
		if test.form == "" {
			test.form = "header"
		}
		t.Run(test.form+"/"+test.name, func(t *testing.T) {
			key := test.key
			if key == nil {
				key = longLived
			}
			for _, change := range []*func(*http.Request){&test.early, &test.late} {
				if *change == nil {
					*change = none
				}
			}
			r := request(t, "POST", "/", body)
			r.Host = r.URL.Host
			r.Header.Set("X-Custom", "v")
			if test.form == "header" {
				test.early(r)
				sign(t, r, key, body, "ecr", signedAt)
			} else {
				r.URL.RawQuery = "X-Amz-Expires=60&other=1"
				test.early(r)
				presign(t, r, key, payloadHash(body), "ecr", signedAt)
			}
			test.late(r)
			received := body
			if test.body != "" {
				received = test.body
			}
			_, err := newVerifier(signedAt.Add(test.now)).Verify(r, []byte(received), "ecr")
			if code(err) != test.code {
				t.Fatalf("error %v, want code %q", err, test.code)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), test.text) {
				t.Errorf("message %q lacks %q", err, test.text)
			}
			if c := credentials(key); strings.Contains(err.Error(), c.SecretAccessKey) || c.SessionToken != "" &&
				strings.Contains(err.Error(), c.SessionToken) {
				t.Errorf("message %q holds a secret", err)
			}
		})
	}
}

func TestVerifyUnsignedPayloadPresigned(t *testing.T) {
	for _, where := range []string{"header", "query"} {
		r := request(t, "POST", "/", "body")
		r.Host = r.URL.Host
		if where == "header" {
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		} else {
			r.URL.RawQuery = "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"
		}
		presign(t, r, longLived, "UNSIGNED-PAYLOAD", "ecr", signedAt)
		if _, err := newVerifier(signedAt).Verify(r, []byte("any other"), "ecr"); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// STS answers in the Query protocol, whose names and status differ.
func TestVerifySTSErrors(t *testing.T) {
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	tests := map[string]func(*http.Request){
		"":                           func(*http.Request) {},
		"MissingAuthenticationToken": func(r *http.Request) { r.Header.Del("Authorization") },
		"IncompleteSignature":        func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") },
		"SignatureDoesNotMatch":      func(r *http.Request) { r.Method = "PUT" },
		"InvalidClientTokenId": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIA", "AKIB", 1))
		},
	}
	for want, change := range tests {
		r := request(t, "POST", "/", body)
		r.Host = r.URL.Host
		sign(t, r, longLived, body, "sts", signedAt)
		change(r)
		_, err := newVerifier(signedAt).Verify(r, []byte(body), "sts")
		if code(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
		var e *auth.Error
		if errors.As(err, &e) && e.Status != http.StatusForbidden {
			t.Errorf("%s: status %d", want, e.Status)
		}
	}
}

// A derived signing key must not outlive the secret it was derived from.
func TestVerifyAfterKeyChange(t *testing.T) {
	keys := newKeyring(longLived)
	v := auth.NewVerifier(keys, "deployment", func() time.Time { return signedAt })
	r := request(t, "POST", "/", "{}")
	r.Host = r.URL.Host
	sign(t, r, longLived, "{}", "ecr", signedAt)
	for range 2 {
		if _, err := v.Verify(r, []byte("{}"), "ecr"); err != nil {
			t.Fatal(err)
		}
	}
	changed := longLived
	changed.Secret = "another-secret-another-secret-another-se"
	keys.put(changed)
	if _, err := v.Verify(r, []byte("{}"), "ecr"); code(err) != "InvalidSignatureException" {
		t.Errorf("after the secret changed: %v", err)
	}
	sign(t, r, changed, "{}", "ecr", signedAt)
	if _, err := v.Verify(r, []byte("{}"), "ecr"); err != nil {
		t.Errorf("with the new secret: %v", err)
	}
	keys.remove(longLived.ID)
	if _, err := v.Verify(r, []byte("{}"), "ecr"); code(err) != "UnrecognizedClientException" {
		t.Errorf("after the key is gone: %v", err)
	}
}

func BenchmarkVerify(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 200)
	r := request(b, "POST", "/", string(body))
	r.Host = r.URL.Host
	sign(b, r, longLived, string(body), "ecr", signedAt)
	v := newVerifier(signedAt)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(r, body, "ecr"); err != nil {
			b.Fatal(err)
		}
	}
}
