package awsapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const ownTarget = "Twinport_V20261101."

// own calls one of Twinport's own operations with a signature and decodes the
// answer into out, if not nil.
func (a *api) own(t *testing.T, operation, body string, out any) (*http.Response, string) {
	t.Helper()
	res, text := a.post(t, ownTarget+operation, "application/x-amz-json-1.1", body)
	if out != nil {
		if err := json.Unmarshal([]byte(text), out); err != nil || res.StatusCode != 200 {
			t.Fatalf("%s: %s %s, %v", operation, res.Status, text, err)
		}
	}
	return res, text
}

func TestDescribeDeployment(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	_, got := a.own(t, "DescribeDeployment", "{}", nil)
	want := `{"version":"v1.2.3","accountId":"` + account + `","accountName":"prod","region":"` + region +
		`","regions":["ap-northeast-1","us-west-2"],` +
		`"registryUri":"` + account + `.dkr.ecr.` + region + `.localhost:8080",` +
		`"registryHost":"` + account + `.dkr.ecr.` + region + `.localhost:8080","stores":"embedded","operator":false}`
	if strings.TrimSpace(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, cookie := a.signIn(t)
	if _, again := a.withCookie(t, cookie, ownTarget+"DescribeDeployment", "{}"); again != got {
		t.Errorf("with a session: %s", again)
	}
}

func TestDescribeJobs(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	_, got := a.own(t, "DescribeJobs", "{}", nil)
	want := `{"jobs":[{"name":"sweep","status":"RUNNING","steps":["uploads","links"],"step":"links",` +
		`"finishedAt":1795456000.123},{"name":"sessions","status":"WAITING","steps":["expired"]}]}`
	if strings.TrimSpace(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestValidatePolicy(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	problems := func(kind, text string) string {
		t.Helper()
		body, err := json.Marshal(map[string]string{"policyText": text, "policyType": kind})
		if err != nil {
			t.Fatal(err)
		}
		res, got := a.own(t, "ValidatePolicy", string(body), nil)
		if res.StatusCode != 200 {
			t.Errorf("%s %s", res.Status, got)
		}
		return strings.TrimSpace(got)
	}
	const good = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*","Resource":"*"}]}`
	for _, kind := range []string{"REGISTRY", "REPOSITORY"} {
		if got := problems(kind, good); got != `{"problems":[]}` {
			t.Errorf("%s: %s", kind, got)
		}
	}
	const lifecycle = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan",` +
		`"countNumber":9},"action":{"type":"expire"}}]}`
	for text, want := range map[string]string{
		lifecycle: ``,
		good: `{"line":1,"column":1,"path":"","message":"Lifecycle policy validation failure: object has missing required ` +
			`properties ([\"rules\"])"}`,
		strings.Replace(lifecycle, `9`, `0`, 1): `{"line":1,"column":107,"path":"rules[0].selection.countNumber","message":` +
			`"Lifecycle policy validation failure: numeric instance is lower than the required minimum (minimum: 1, found: 0)"}`,
	} {
		if got := problems("LIFECYCLE", text); got != `{"problems":[`+want+`]}` {
			t.Errorf("%s: %s", text, got)
		}
	}
	withoutResource := strings.Replace(good, `,"Resource":"*"`, "", 1)
	if got := problems("REPOSITORY", withoutResource); got != `{"problems":[]}` {
		t.Errorf("got %s", got)
	}
	if got := problems("REGISTRY", withoutResource); !strings.Contains(got,
		`"path":"Statement[0]","message":"the member Resource`) {
		t.Errorf("got %s", got)
	}
	if got := problems("REGISTRY", "{\n  \"Statement\": [{\n    \"Effect\": \"Perhaps\"}]}"); !strings.HasPrefix(got,
		`{"problems":[{"line":3,"column":15,"path":"Statement[0].Effect","message":"the effect must be`) {
		t.Errorf("got %s", got)
	}
	for text, want := range map[string]string{
		"": "ends before", "{": "ends before", strings.Repeat(" ", 11_000): "at most 10240 characters", "\x00": "not JSON",
	} {
		if got := problems("REGISTRY", text); !strings.Contains(got, want) {
			t.Errorf("%.20q: %s", text, got)
		}
	}
}

func TestSessionOperations(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	first, cookie := a.signIn(t)
	second, _ := a.signIn(t)
	var listed struct {
		Sessions []struct {
			SessionID, AccessKeyID, UserAgent, RemoteAddress string
			CreatedAt, ExpiresAt                             float64
			Current                                          bool
		}
	}
	_, text := a.withCookie(t, cookie, ownTarget+"ListSessions", "{}")
	if err := json.Unmarshal([]byte(text), &listed); err != nil || len(listed.Sessions) != 2 {
		t.Fatalf("%s, %v", text, err)
	}
	got, other := listed.Sessions[1], listed.Sessions[0]
	if got.SessionID != first.ID || got.AccessKeyID != keyID || got.UserAgent != "browser" ||
		got.RemoteAddress != "192.0.2.1" || !got.Current ||
		got.ExpiresAt-got.CreatedAt > 12*3600 || got.ExpiresAt-got.CreatedAt < 12*3600-1 || other.SessionID != second.ID ||
		other.Current {
		t.Errorf("listed %s", text)
	}
	if _, text := a.own(t, "ListSessions", "{}", nil); strings.Contains(text, `"current":true`) ||
		!strings.Contains(text, first.ID) {
		t.Errorf("with a signature: %s", text)
	}
	var ended struct{ SessionIDs []string }
	a.own(t, "RevokeSessions", `{"sessionIds":["`+first.ID+`","none"]}`, &ended)
	if len(ended.SessionIDs) != 1 || ended.SessionIDs[0] != first.ID {
		t.Errorf("ended %v", ended)
	}
	if res, text := a.withCookie(t, cookie, ownTarget+"ListSessions", "{}"); res.StatusCode != 401 {
		t.Errorf("a session that has ended lists sessions: %s %s", res.Status, text)
	}
	a.own(t, "RevokeSessions", `{"sessionIds":["none"]}`, &ended)
	if len(ended.SessionIDs) != 0 {
		t.Errorf("ended %v", ended)
	}
}

func TestOwnRequestsAreStrict(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, test := range []struct{ operation, body, code, message string }{
		{"FormatDisk", `{}`, "UnknownOperationException", "FormatDisk"},
		{"DescribeRegistry", `{}`, "UnknownOperationException", "DescribeRegistry"},
		{"DescribeDeployment", ``, "SerializationException", "expected an object"},
		{"DescribeDeployment", `{"x":1}`, "SerializationException", `there is no member \"x\" here`},
		{"DescribeDeployment", `{}{}`, "SerializationException", "after the end"},
		{"ValidatePolicy", `{}`, "InvalidParameterException", "policyText"},
		{"ValidatePolicy", `{"policyText":null}`, "InvalidParameterException", "policyText"},
		{"ValidatePolicy", `{"policyText":"{}"}`, "InvalidParameterException", "policyType"},
		{"ValidatePolicy", `{"policyText":"{}","policyType":"IDENTITY"}`, "InvalidParameterException",
			"[REGISTRY, REPOSITORY, LIFECYCLE]"},
		{"ValidatePolicy", `{"policyText":1,"policyType":"REGISTRY"}`, "SerializationException", `member \"policyText\"`},
		{"ValidatePolicy", `{"policyText":"{}","policyType":"REGISTRY","PolicyType":"REGISTRY"}`, "SerializationException",
			"PolicyType"},
		{"RevokeSessions", `{}`, "InvalidParameterException", "sessionIds"},
		{"RevokeSessions", `{"sessionIds":[]}`, "InvalidParameterException", "sessionIds"},
		{"RevokeSessions", `{"sessionIds":[""]}`, "InvalidParameterException", "sessionIds.1.member"},
		{"RevokeSessions", `{"sessionIds":["` + strings.Repeat("x", 65) + `"]}`, "InvalidParameterException",
			"sessionIds.1.member"},
		{"RevokeSessions", `{"sessionIds":["x"` + strings.Repeat(`,"x"`, 100) + `]}`, "InvalidParameterException",
			"less than or equal to 100"},
		{"RevokeSessions", `{"sessionIds":"x"}`, "SerializationException", "expected a list"},
		{"RevokeSessions", `{"sessionIds":[null]}`, "SerializationException", "expected a string"},
		{"RevokeSessions", `{"sessionIds":["x"],"sessionIds":["x"]}`, "SerializationException", "twice"},
		{"RevokeSessions", `{"sessionIds":["x"],"more":{"a":[1]}}`, "SerializationException", "more"},
		{"ListReplications", `{"direction":"SIDEWAYS"}`, "InvalidParameterException", "[OUTGOING, INCOMING]"},
		{"ListReplications", `{"direction":""}`, "InvalidParameterException", "direction"},
		{"ListReplications", `{"status":"DONE"}`, "InvalidParameterException", "status"},
		{"ListReplications", `{"maxResults":0}`, "InvalidParameterException", "maxResults"},
		{"ListReplications", `{"maxResults":101}`, "InvalidParameterException", "less than or equal to 100"},
		{"ListReplications", `{"maxResults":1.5}`, "SerializationException", "maxResults"},
		{"ListReplications", `{"nextToken":"x"}`, "InvalidParameterException", "Invalid token"},
		{"RetryReplications", `{}`, "InvalidParameterException", "replicationIds"},
		{"RetryReplications", `{"replicationIds":[]}`, "InvalidParameterException", "replicationIds"},
		{"RetryReplications", `{"replicationIds":[7]}`, "SerializationException", "expected a string"},
		{"RetryReplications", `{"replicationIds":["7","x"]}`, "InvalidParameterException", "replicationIds.2.member"},
		{"RetryReplications", `{"replicationIds":["-7"]}`, "InvalidParameterException", "replicationIds.1.member"},
		{"RetryReplications", `{"replicationIds":["9223372036854775808"]}`, "InvalidParameterException",
			"replicationIds.1.member"},
		{"CheckReplicationDestinations", `{}`, "InvalidParameterException", "destinations"},
		{"CheckReplicationDestinations", `{"destinations":[]}`, "InvalidParameterException", "destinations"},
		{"CheckReplicationDestinations", `{"destinations":[{"registryId":"1","region":"us-west-2"}]}`,
			"InvalidParameterException", "destinations.1.member.registryId"},
		{"CheckReplicationDestinations", `{"destinations":[{"registryId":"444455556666"}]}`, "InvalidParameterException",
			"destinations.1.member.region"},
		{"CheckReplicationDestinations", `{"destinations":[{"registryId":"444455556666","region":"us-west-2","more":1}]}`,
			"SerializationException", "more"},
		{"CheckReplicationDestinations", `{"destinations":[{"registryId":"444455556666","region":"us-west-2"}],"repositoryFilters":[{"filter":"A","filterType":"PREFIX_MATCH"}]}`, "InvalidParameterException", "repositoryFilters.1.member.filter"},
		{"CheckReplicationDestinations", `{"destinations":[{"registryId":"444455556666","region":"us-west-2"}],"repositoryFilters":[{"filter":"ab","filterType":"GLOB"}]}`, "InvalidParameterException", "filterType"},
		{"GetReplicationStatistics", `{}`, "InvalidParameterException", "period"},
		{"GetReplicationStatistics", `{"period":"WEEK"}`, "InvalidParameterException", "[HOUR, DAY]"},
		{"FindRepositories", `{"contains":7}`, "SerializationException", "contains"},
		{"FindRepositories", `{"maxResults":1001}`, "InvalidParameterException", "maxResults"},
		{"FindImages", `{}`, "InvalidParameterException", "repositoryName"},
		{"FindImages", `{"repositoryName":"app","maxResults":101}`, "InvalidParameterException", "maxResults"},
		{"FindImages", `{"repositoryName":"app","registryId":"444455556666"}`, "SerializationException", "registryId"},
		{"DescribeStorage", `{"repositoryNames":[]}`, "InvalidParameterException", "repositoryNames"},
		{"DescribeStorage", `{"repositoryNames":"app"}`, "SerializationException", "expected a list"},
		{"DescribeStorage", `{"repositoryNames":["a"]}`, "InvalidParameterException", "repositoryNames.1.member"},
		{"DescribeStorage", `{"repositoryNames":["app"` + strings.Repeat(`,"app"`, 100) + `]}`,
			"InvalidParameterException", "less than or equal to 100"},
		{"DescribeStorage", `{"registryId":"444455556666"}`, "SerializationException", "registryId"},
		{"DescribeImageConfiguration", `{"imageId":{"imageTag":"1"}}`, "InvalidParameterException", "repositoryName"},
		{"DescribeImageConfiguration", `{"repositoryName":"app"}`, "InvalidParameterException", "imageId"},
		{"DescribeImageConfiguration", `{"repositoryName":"app","imageId":{"imageTag":"` + strings.Repeat("x", 301) + `"}}`,
			"InvalidParameterException", "imageId.imageTag"},
		{"DescribeImageConfiguration", `{"repositoryName":"app","imageId":"1"}`, "SerializationException", "an object"},
		{"CheckReplicationDestinations", `{"destinations":[{"registryId":"444455556666","region":"us-west-2"}` +
			strings.Repeat(`,{"registryId":"444455556666","region":"us-west-2"}`, 25) + `]}`, "InvalidParameterException",
			"less than or equal to 25"},
		{"FindRepositories", `{"contains":"` + strings.Repeat("x", 257) + `"}`, "InvalidParameterException", "contains"},
		{"FindImages", `{"repositoryName":"app","startsWith":"` + strings.Repeat("x", 257) + `"}`,
			"InvalidParameterException", "startsWith"},
	} {
		res, got := a.own(t, test.operation, test.body, nil)
		if res.StatusCode/100 != 4 || !strings.Contains(got, `"__type":"`+test.code+`"`) ||
			!strings.Contains(got, test.message) {
			t.Errorf("%s %.80s: %s %s, want %s: …%s…", test.operation, test.body, res.Status, got, test.code, test.message)
		}
	}
	if res, got := a.own(t, "ValidatePolicy", `{"policyText":"`+strings.Repeat("x", 1<<20)+`","policyType":"REGISTRY"}`,
		nil); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge body: %s %.200s", res.Status, got)
	}
	// ECR's own requests take members that they do not know, as AWS does.
	if res, got := a.post(t, "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry", "application/x-amz-json-1.1",
		`{"x":[1]}`); res.StatusCode != 200 {
		t.Errorf("%s %s", res.Status, got)
	}
}
