package awsapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/resource"
)

// wantOwn calls an operation and checks the answer.
func (a *api) wantOwn(t *testing.T, operation, body, want string) {
	t.Helper()
	res, got := a.own(t, operation, body, nil)
	if got = strings.TrimSpace(got); res.StatusCode != 200 || got != want {
		t.Errorf("%s %s: %s\n got %s\nwant %s", operation, body, res.Status, got, want)
	}
}

// newReplicatingAPI has a repository app whose image 1 has arrived in the
// account's other Region, and is refused by the other account.
func newReplicatingAPI(t *testing.T) *api {
	t.Helper()
	a := newAPI(t)
	a.domain.create("app")
	a.domain.replicateTo(resource.Registry{Account: account, Region: "us-west-2"}, there)
	a.domain.push("app", "one", "1")
	a.domain.time.Store(int64(1700 * time.Microsecond))
	a.domain.drain()
	return a
}

// listed calls ListReplications and returns the statuses, each with its id, in
// order of the ids, and the token of the next page.
func (a *api) listed(t *testing.T, body string) (all, next string) {
	t.Helper()
	var page struct {
		Replications []struct{ ReplicationID, Status, RegistryID string }
		NextToken    string
	}
	a.own(t, "ListReplications", body, &page)
	var texts []string
	for _, r := range page.Replications {
		texts = append(texts, r.ReplicationID+" "+r.Status)
	}
	slices.Sort(texts)
	return strings.Join(texts, ", "), page.NextToken
}

func TestListReplications(t *testing.T) {
	t.Parallel()
	a := newReplicatingAPI(t)
	for body, want := range map[string]string{
		`{}`:                       "1 COMPLETE, 2 FAILED",
		`{"direction":"OUTGOING"}`: "1 COMPLETE, 2 FAILED",
		`{"status":"COMPLETE"}`:    "1 COMPLETE",
		`{"status":"FAILED"}`:      "2 FAILED",
		`{"status":"IN_PROGRESS"}`: "",
		`{"direction":"INCOMING"}`: "",
	} {
		if got, next := a.listed(t, body); got != want || next != "" {
			t.Errorf("%s: %s, next %q, want %s", body, got, next, want)
		}
	}
	_, text := a.own(t, "ListReplications", `{"status":"COMPLETE"}`, nil)
	if !strings.Contains(
		text, `"pushedAt":1795456000.123,"changedAt":1795456000.1247,"finishedAt":1795456000.1247,"lagInMillis":1.7}`) {
		t.Errorf("the one that has arrived: %s", text)
	}
	first, token := a.listed(t, `{"maxResults":1}`)
	next := `{"maxResults":1,"nextToken":"` + token + `"`
	second, none := a.listed(t, next+`}`)
	if all := []string{first, second}; !slices.Contains(all, "1 COMPLETE") || !slices.Contains(all, "2 FAILED") ||
		none != "" {
		t.Errorf("the pages hold %s, and %s; after them is %q", first, second, none)
	}
	// A token is of one list.
	for _, more := range []string{`,"direction":"INCOMING"}`, `,"status":"FAILED"}`} {
		if _, got := a.own(t, "ListReplications", next+more, nil); !strings.Contains(got, "Invalid token") {
			t.Errorf("the token of another list: %s", got)
		}
	}
}

func TestRetryReplications(t *testing.T) {
	t.Parallel()
	a := newReplicatingAPI(t)
	var answer struct {
		ReplicationIDs []string
		Failures       []struct{ ReplicationID, FailureCode, FailureReason string }
	}
	a.own(t, "RetryReplications", `{"replicationIds":["2","1","2","7"]}`, &answer)
	if f := answer.Failures; !slices.Equal(answer.ReplicationIDs, []string{"2"}) || len(f) != 2 ||
		f[0].ReplicationID != "1" ||
		f[0].FailureCode != "ReplicationNotFailed" || f[0].FailureReason == "" || f[1].ReplicationID != "7" {
		t.Errorf("%+v", answer)
	}
	if got, _ := a.listed(t, `{}`); got != "1 COMPLETE, 2 IN_PROGRESS" {
		t.Errorf("the replications are %s", got)
	}
	a.domain.drain()
	a.wantOwn(t, "RetryReplications", `{"replicationIds":["2"]}`, `{"replicationIds":["2"],"failures":[]}`)
}

func TestCheckReplicationDestinations(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	check := func(body string) (all []string) {
		t.Helper()
		var answer struct {
			Destinations []struct{ RegistryID, Region, Status, RepositoryName, Statement string }
		}
		a.own(t, "CheckReplicationDestinations", body, &answer)
		for _, d := range answer.Destinations {
			all = append(all, fmt.Sprintf("%s %s %s %s %t", d.RegistryID, d.Region, d.Status, d.RepositoryName,
				d.Statement != ""))
		}
		return all
	}
	both := `{"destinations":[{"registryId":"` + other + `","region":"us-west-2"},{"registryId":"` + account +
		`","region":"us-west-2"}]`
	filters := `,"repositoryFilters":[{"filter":"web/","filterType":"PREFIX_MATCH"},{"filter":"app/","filterType":"PREFIX_MATCH"}]}`
	if got := check(both + filters); !slices.Equal(got, []string{
		other + " us-west-2 NOT_GRANTED app/example true", account + " us-west-2 GRANTED app/example false",
	}) {
		t.Errorf("%q", got)
	}
	a.domain.setPolicy(there, "Allow", "", "ReplicateImage", "CreateRepository")
	a.domain.create("tools")
	if got := check(both + "}"); !slices.Equal(got, []string{
		other + " us-west-2 GRANTED tools false", account + " us-west-2 GRANTED tools false",
	}) {
		t.Errorf("%q", got)
	}
}

func TestGetReplicationStatistics(t *testing.T) {
	t.Parallel()
	a := newReplicatingAPI(t)
	for period, want := range map[string]struct{ length, interval int }{"HOUR": {3600, 60}, "DAY": {24 * 3600, 900}} {
		var answer struct {
			StartTime, EndTime int
			IntervalInSeconds  int
			Destinations       []struct {
				RegistryID, Region string
				InRules            bool
				Failed             int
			}
		}
		a.own(t, "GetReplicationStatistics", `{"period":"`+period+`"}`, &answer)
		if answer.IntervalInSeconds != want.interval || answer.EndTime-answer.StartTime != want.length {
			t.Errorf("%s: from %d to %d in steps of %d", period, answer.StartTime, answer.EndTime, answer.IntervalInSeconds)
		}
		if ds := answer.Destinations; len(ds) != 2 || ds[0].Region != "us-west-2" || !ds[0].InRules ||
			ds[0].Failed+ds[1].Failed != 1 {
			t.Errorf("%s: %+v", period, ds)
		}
	}
}

func TestFindRepositories(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.domain.create("team/web", "team/wet", "web")
	a.domain.replicateTo(there)
	if err := a.domain.SetRepositoryPolicy(t.Context(), root(account), in(here, "web"),
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}}`, false); err != nil {
		t.Fatal(err)
	}
	_, got := a.own(t, "FindRepositories", `{}`, nil)
	for _, want := range []string{
		`"registryId":"` + account + `"`, `"repositoryName":"team/web"`, `"repositoryUri":"` + account + `.dkr.ecr.` +
			region + `.localhost:8080/team/web"`,
		`"repositoryArn":"` + in(here, "team/web").ARN() + `"`, `"createdAt":1795456000.123`,
		`"imageTagMutability":"MUTABLE"`, `"encryptionConfiguration":{"encryptionType":"AES256"}`,
		`"hasPolicy":false,"replicatesTo":[{"registryId":"` + other + `","region":"us-west-2"}]}`,
		`"hasPolicy":true,"replicatesTo":[{`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	find := func(body string) (names, next string) {
		t.Helper()
		var page struct {
			Repositories []struct{ RepositoryName string }
			NextToken    string
		}
		a.own(t, "FindRepositories", body, &page)
		for _, r := range page.Repositories {
			names += r.RepositoryName + " "
		}
		return names, page.NextToken
	}
	for body, want := range map[string]string{
		`{}`:                  "team/web team/wet web ",
		`{"contains":"eb"}`:   "team/web web ",
		`{"startsWith":"we"}`: "web ",
		`{"contains":"we","startsWith":"team/","maxResults":1000}`: "team/web team/wet ",
		`{"contains":"none"}`: "",
	} {
		if got, next := find(body); got != want || next != "" {
			t.Errorf("%s: %s, next %q, want %s", body, got, next, want)
		}
	}
	first, token := find(`{"contains":"we","maxResults":2}`)
	second, _ := find(`{"contains":"we","maxResults":2,"nextToken":"` + token + `"}`)
	if first != "team/web team/wet " || second != "web " {
		t.Errorf("the pages hold %s, and %s", first, second)
	}
	if _, got := a.own(t, "FindRepositories", `{"startsWith":"we","nextToken":"`+token+`"}`, nil); !strings.Contains(got,
		"Invalid token") {
		t.Errorf("the token of another search: %s", got)
	}
}

func TestFindImages(t *testing.T) {
	t.Parallel()
	a := newReplicatingAPI(t)
	two := a.domain.push("app", "two", "1.2", "latest")
	var page struct {
		Images []struct {
			ImageDigest   string
			ImageTags     []string
			ImageTagCount int
			Replications  []json.RawMessage
		}
	}
	a.own(t, "FindImages", `{"repositoryName":"app"}`, &page)
	if len(page.Images) != 2 {
		t.Errorf("all: %+v", page)
	}
	a.own(t, "FindImages", `{"repositoryName":"app","startsWith":"1."}`, &page)
	if i := page.Images; len(i) != 1 || i[0].ImageDigest != two.String() || i[0].ImageTagCount != 2 ||
		len(i[0].Replications) == 0 {
		t.Errorf("by the beginning of a tag: %+v", page)
	}
	a.wantOwn(t, "FindImages", `{"repositoryName":"app","startsWith":"no"}`, `{"images":[]}`)
}

func TestDescribeImageConfiguration(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.domain.create("app")
	d := a.domain.push("app", "one", "1")
	for _, id := range []string{`{"imageTag":"1"}`, `{"imageDigest":"` + d.String() + `"}`} {
		var got struct {
			ImageDigest         string
			LayerCount          int
			ConfigurationStatus string
			Configuration       *struct{ History []json.RawMessage }
		}
		a.own(t, "DescribeImageConfiguration", `{"repositoryName":"app","imageId":`+id+`}`, &got)
		if got.ImageDigest != d.String() || got.LayerCount != 1 || got.ConfigurationStatus != "AVAILABLE" ||
			got.Configuration == nil || got.Configuration.History == nil {
			t.Errorf("%s: %+v", id, got)
		}
	}
	if res, got := a.own(t, "DescribeImageConfiguration", `{"repositoryName":"app","imageId":{"imageTag":"2"}}`,
		nil); res.StatusCode != 400 || !strings.Contains(got, "ImageNotFoundException") {
		t.Errorf("no such tag: %s %s", res.Status, got)
	}
}

func TestDescribeStorage(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.domain.create("app")
	a.domain.create("web")
	a.domain.push("app", "one", "1")
	a.domain.push("web", "one", "1")
	type stored struct {
		RepositoryName                                                           string
		SizeInBytes, LayerCount, LayerSizeInBytes, ImageCount, SharedSizeInBytes int64
	}
	var got struct {
		CountedAt    float64
		Counting     bool
		Registry     *stored
		Repositories []stored
	}
	a.own(t, "DescribeStorage", `{"repositoryNames":["web","none","app"]}`, &got)
	if len(got.Repositories) != 2 || got.Repositories[0].RepositoryName != "web" || got.Registry != nil ||
		got.Repositories[1].LayerCount != 2 || got.CountedAt == 0 || got.Counting {
		t.Errorf("repositories: %+v", got)
	}
	one := got.Repositories[0]
	got.Repositories = nil
	a.own(t, "DescribeStorage", `{}`, &got)
	if r := got.Registry; r == nil || got.Repositories != nil || r.LayerCount != 2 || r.ImageCount != 2 ||
		r.SharedSizeInBytes != one.LayerSizeInBytes || r.SizeInBytes != 2*one.SizeInBytes-one.LayerSizeInBytes {
		t.Errorf("the registry: %+v, where a repository has %+v", got.Registry, one)
	}
}

// Refusals of the domain reach the caller as ECR's exceptions.
func TestOwnOperationsAreRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.domain.create("app")
	a.domain.deny("DescribeRegistry", "PutReplicationConfiguration", "DescribeRepositories", "DescribeImages",
		"GetLifecyclePolicy", "GetLifecyclePolicyPreview", "GetDownloadUrlForLayer")
	for operation, body := range map[string]string{
		"ListReplications": `{}`, "RetryReplications": `{"replicationIds":["7"]}`, "FindRepositories": `{}`,
		"FindImages":                   `{"repositoryName":"app"}`,
		"DescribeLifecyclePreview":     `{"repositoryName":"app"}`,
		"ListLifecycleRuns":            `{"repositoryName":"app"}`,
		"ListLifecycleRunImages":       `{"repositoryName":"app","runId":"1"}`,
		"GetReplicationStatistics":     `{"period":"DAY"}`,
		"CheckReplicationDestinations": `{"destinations":[{"registryId":"` + other + `","region":"us-west-2"}]}`,
		"DescribeImageConfiguration":   `{"repositoryName":"app","imageId":{"imageTag":"1"}}`,
		"DescribeQuotas":               `{}`,
		"DescribeStorage":              `{}`,
	} {
		if res, got := a.own(t, operation, body, nil); res.StatusCode != 400 ||
			!strings.Contains(got, `"__type":"AccessDeniedException"`) {
			t.Errorf("%s: %s %s", operation, res.Status, got)
		}
	}
}

func TestDescribeQuotas(t *testing.T) {
	t.Parallel()
	a := newReplicatingAPI(t)
	_, got := a.own(t, "DescribeQuotas", "{}", nil)
	for _, want := range []string{
		`{"quotas":[{"name":"Registered repositories","unit":"Count","usage":1},`,
		`{"name":"Rate of PutImage requests","unit":"Count/Second"}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
}
