package awsapi_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

var (
	here    = resource.Registry{Account: account, Region: region}
	there   = resource.Registry{Account: other, Region: "us-west-2"}
	pushed  = time.UnixMicro(1795456000123456).UTC()
	arrived = registry.Replication{
		ID: 7, Source: here, Destination: there, Repository: "app", Digest: digest.FromString("x"), Tag: "1", ImageSize: 31457280, MediaType: ociType,
		Deletes: true, State: registry.ReplicationComplete, Tries: 1, PushedAt: pushed, ChangedAt: pushed.Add(1700 * time.Microsecond), FinishedAt: pushed.Add(1700 * time.Microsecond),
	}
	refused = registry.Replication{
		ID: 8, Source: here, Destination: there, Repository: "app", Digest: digest.FromString("y"), State: registry.ReplicationFailed, Tries: 3, PushedAt: pushed,
		ChangedAt: pushed, FinishedAt: pushed, Failure: registry.Failure{Code: "AccessDenied", Detail: "Exactly", Reason: "no statement allows it", Statement: `{"Effect":"Allow"}`},
	}
	queued = registry.Replication{ID: 9, Source: here, Destination: there, Repository: "app", State: registry.ReplicationInProgress, PushedAt: pushed, ChangedAt: pushed, NextTryAt: pushed.Add(time.Second)}
)

// arrivedJSON and so on are how answers show them.
var (
	arrivedJSON = `{"replicationId":"7","sourceRegistryId":"` + account + `","sourceRegion":"` + region + `","registryId":"` + other + `","region":"us-west-2",` +
		`"repositoryName":"app","imageDigest":"` + digest.FromString("x").String() + `","imageTag":"1","imageSizeInBytes":31457280,"imageManifestMediaType":"` + ociType + `","action":"DELETE",` +
		`"status":"COMPLETE","tries":1,"pushedAt":1795456000.123456,"changedAt":1795456000.125156,"finishedAt":1795456000.125156,"lagInMillis":1.7}`
	refusedJSON = `{"replicationId":"8","sourceRegistryId":"` + account + `","sourceRegion":"` + region + `","registryId":"` + other + `","region":"us-west-2",` +
		`"repositoryName":"app","imageDigest":"` + digest.FromString("y").String() + `","imageSizeInBytes":0,"imageManifestMediaType":"","action":"REPLICATE",` +
		`"status":"FAILED","tries":3,"pushedAt":1795456000.123456,"changedAt":1795456000.123456,"finishedAt":1795456000.123456,` +
		`"failureCode":"AccessDenied","failureDetail":"Exactly","failureReason":"no statement allows it","statement":"{\"Effect\":\"Allow\"}"}`
	queuedJSON = `{"replicationId":"9","sourceRegistryId":"` + account + `","sourceRegion":"` + region + `","registryId":"` + other + `","region":"us-west-2",` +
		`"repositoryName":"app","imageDigest":"","imageSizeInBytes":0,"imageManifestMediaType":"","action":"REPLICATE",` +
		`"status":"IN_PROGRESS","tries":0,"pushedAt":1795456000.123456,"changedAt":1795456000.123456,"nextTryAt":1795456001.123456}`
)

// wantOwn calls an operation and checks the answer and what the domain was asked.
func (a *api) wantOwn(t *testing.T, operation, body, want string, asked ...any) {
	t.Helper()
	res, got := a.own(t, operation, body, nil)
	if got = strings.TrimSpace(got); res.StatusCode != 200 || got != want {
		t.Errorf("%s %s: %s\n got %s\nwant %s", operation, body, res.Status, got, want)
	}
	if !reflect.DeepEqual(a.domain.activity.asked, asked) {
		t.Errorf("%s %s asked the domain for %+v, want %+v", operation, body, a.domain.activity.asked, asked)
	}
}

func TestListReplications(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	f := &a.domain.activity
	all := registry.Page{Limit: 100}
	a.wantOwn(t, "ListReplications", `{}`, `{"replications":[]}`, here, registry.Outgoing, registry.ReplicationState(""), all)
	f.replications = []registry.Replication{arrived, refused, queued}
	a.wantOwn(t, "ListReplications", `{"direction":"INCOMING","status":"COMPLETE"}`, `{"replications":[`+arrivedJSON+`,`+refusedJSON+`,`+queuedJSON+`]}`,
		here, registry.Incoming, registry.ReplicationComplete, all)
	f.replications, f.next = f.replications[:1], "5/8"
	var page struct{ NextToken string }
	a.own(t, "ListReplications", `{"maxResults":1}`, &page)
	next := `{"maxResults":1,"nextToken":"` + page.NextToken + `"`
	f.next = ""
	a.wantOwn(t, "ListReplications", next+`}`, `{"replications":[`+arrivedJSON+`]}`, here, registry.Outgoing, registry.ReplicationState(""), registry.Page{After: "5/8", Limit: 1})
	// A token is of one list.
	for _, more := range []string{`,"direction":"INCOMING"}`, `,"status":"FAILED"}`} {
		if _, got := a.own(t, "ListReplications", next+more, nil); !strings.Contains(got, "Invalid token") {
			t.Errorf("the token of another list: %s", got)
		}
	}
}

func TestRetryReplications(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.wantOwn(t, "RetryReplications", `{"replicationIds":["7"]}`, `{"replicationIds":[],"failures":[]}`, here, []int64{7})
	a.domain.activity.retried, a.domain.activity.failures = []int64{7}, []registry.RetryFailure{{ID: 8, Code: "ReplicationNotFailed", Reason: "why"}}
	a.wantOwn(t, "RetryReplications", `{"replicationIds":["7","8","7"]}`,
		`{"replicationIds":["7"],"failures":[{"replicationId":"8","failureCode":"ReplicationNotFailed","failureReason":"why"}]}`, here, []int64{7, 8})
}

func TestCheckReplicationDestinations(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.domain.activity.checks = []registry.DestinationCheck{
		{Destination: there, Status: registry.Granted, Repository: "app/x"},
		{Destination: there, Status: registry.NotGranted, Repository: "app/x", Failure: registry.Failure{Code: "AccessDenied", Reason: "why", Statement: "{}"}},
	}
	a.wantOwn(t, "CheckReplicationDestinations",
		`{"destinations":[{"registryId":"`+other+`","region":"us-west-2"}],"repositoryFilters":[{"filter":"app/","filterType":"PREFIX_MATCH"},{"filter":"web","filterType":"PREFIX_MATCH"}]}`,
		`{"destinations":[{"registryId":"`+other+`","region":"us-west-2","status":"GRANTED","repositoryName":"app/x"},`+
			`{"registryId":"`+other+`","region":"us-west-2","status":"NOT_GRANTED","repositoryName":"app/x","failureCode":"AccessDenied","failureReason":"why","statement":"{}"}]}`,
		here, []resource.Registry{there}, "app/ web")
}

func TestGetReplicationStatistics(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	begin := time.Unix(1795456020, 0)
	a.domain.activity.statistics = registry.ReplicationStatistics{
		Start: begin.Add(-time.Hour), End: begin, Interval: time.Minute, Destinations: []registry.DestinationStatistics{
			{
				Destination: there, InRules: true, InProgress: 1, Failed: 2, OldestInProgressAt: pushed, LastCompletedAt: pushed, LastFailedAt: pushed,
				Intervals: []registry.ReplicationInterval{{Time: begin, Completed: 12, Failed: 1, Bytes: 5, LagP50: 1800 * time.Microsecond, LagP99: 3400 * time.Microsecond, LagMax: 3500 * time.Microsecond}},
			},
			{Destination: here},
		},
	}
	a.wantOwn(t, "GetReplicationStatistics", `{"period":"HOUR"}`,
		`{"startTime":1795452420,"endTime":1795456020,"intervalInSeconds":60,"destinations":[`+
			`{"registryId":"`+other+`","region":"us-west-2","inRules":true,"inProgress":1,"failed":2,"oldestInProgressAt":1795456000.123456,"lastCompletedAt":1795456000.123456,"lastFailedAt":1795456000.123456,`+
			`"intervals":[{"time":1795456020,"completed":12,"failed":1,"bytes":5,"lagP50InMillis":1.8,"lagP99InMillis":3.4,"lagMaxInMillis":3.5}]},`+
			`{"registryId":"`+account+`","region":"`+region+`","inRules":false,"inProgress":0,"failed":0,"intervals":[]}]}`, here, time.Hour, time.Minute)
	a.domain.activity.statistics = registry.ReplicationStatistics{Start: begin, End: begin, Interval: 15 * time.Minute}
	a.wantOwn(t, "GetReplicationStatistics", `{"period":"DAY"}`, `{"startTime":1795456020,"endTime":1795456020,"intervalInSeconds":900,"destinations":[]}`, here, 24*time.Hour, 15*time.Minute)
}

func TestFindRepositories(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	f := &a.domain.activity
	ref := resource.Repository{Registry: here, Name: "team/web"}
	f.found = []registry.FoundRepository{
		{Repository: registry.Repository{Ref: ref, CreatedAt: pushed, Mutability: registry.Mutable, Encryption: registry.Encryption{Type: "AES256"}}, ReplicatesTo: []resource.Registry{there}},
		{Repository: registry.Repository{Ref: ref}, HasPolicy: true},
	}
	_, got := a.own(t, "FindRepositories", `{}`, nil)
	for _, want := range []string{
		`"registryId":"` + account + `"`, `"repositoryName":"team/web"`, `"repositoryUri":"` + account + `.dkr.ecr.` + region + `.localhost:8080/team/web"`,
		`"repositoryArn":"` + ref.ARN() + `"`, `"createdAt":1795456000.123`, `"imageTagMutability":"MUTABLE"`, `"encryptionConfiguration":{"encryptionType":"AES256"}`,
		`"hasPolicy":false,"replicatesTo":[{"registryId":"` + other + `","region":"us-west-2"}]}`, `"hasPolicy":true,"replicatesTo":[]}]}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	f.found = nil
	a.wantOwn(t, "FindRepositories", `{"contains":"we","startsWith":"team/","maxResults":1000}`, `{"repositories":[]}`, here, "team/", "we", registry.Page{Limit: 1000})
	f.next = "team/web"
	var page struct{ NextToken string }
	a.own(t, "FindRepositories", `{"contains":"we"}`, &page)
	if _, got := a.own(t, "FindRepositories", `{"startsWith":"we","nextToken":"`+page.NextToken+`"}`, nil); !strings.Contains(got, "Invalid token") {
		t.Errorf("the token of another search: %s", got)
	}
}

func TestFindImages(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	f := &a.domain.activity
	ref := resource.Repository{Registry: here, Name: "app"}
	d := digest.FromString("x")
	f.images = []registry.FoundImage{{
		Image:     registry.Image{Digest: d, Tags: []string{"1", "latest"}, Size: 5, PushedAt: pushed, LastPulledAt: pushed, MediaType: ociType, ArtifactType: "a", Subject: d},
		TagCount:  2,
		Children:  []registry.ChildImage{{Digest: d, MediaType: ociType, Size: 4, Platform: "linux/arm64"}, {Digest: d, MediaType: ociType, Size: 3}},
		Referrers: []registry.FoundReferrer{{Digest: d, ArtifactType: "s", Size: 2, PushedAt: pushed}}, Replications: []registry.Replication{arrived},
	}, {Image: registry.Image{Digest: d, PushedAt: pushed}}}
	a.wantOwn(t, "FindImages", `{"repositoryName":"app","startsWith":"1."}`,
		fmt.Sprintf(`{"images":[{"imageDigest":"%[1]s","imageTags":["1","latest"],"imageTagCount":2,"imageSizeInBytes":5,"imagePushedAt":1795456000.123456,"lastRecordedPullTime":1795456000.123456,`+
			`"imageManifestMediaType":"%[2]s","artifactMediaType":"a","subjectManifestDigest":"%[1]s",`+
			`"children":[{"imageDigest":"%[1]s","imageManifestMediaType":"%[2]s","imageSizeInBytes":4,"platform":"linux/arm64"},{"imageDigest":"%[1]s","imageManifestMediaType":"%[2]s","imageSizeInBytes":3}],`+
			`"referrers":[{"imageDigest":"%[1]s","artifactMediaType":"s","imageSizeInBytes":2,"imagePushedAt":1795456000.123456}],"replications":[%[3]s]},`+
			`{"imageDigest":"%[1]s","imageTags":[],"imageTagCount":0,"imageSizeInBytes":0,"imagePushedAt":1795456000.123456,"imageManifestMediaType":"","children":[],"referrers":[],"replications":[]}]}`,
			d, ociType, arrivedJSON), ref, "1.", registry.Page{Limit: 100})
}

// Refusals of the domain reach the caller as ECR's exceptions.
func TestOwnOperationsAreRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.domain.denied = map[string]bool{"DescribeRegistry": true, "PutReplicationConfiguration": true, "DescribeRepositories": true, "DescribeImages": true}
	for operation, body := range map[string]string{
		"ListReplications": `{}`, "RetryReplications": `{"replicationIds":["7"]}`, "FindRepositories": `{}`, "FindImages": `{"repositoryName":"app"}`,
		"GetReplicationStatistics":     `{"period":"DAY"}`,
		"CheckReplicationDestinations": `{"destinations":[{"registryId":"` + other + `","region":"us-west-2"}]}`,
	} {
		if res, got := a.own(t, operation, body, nil); res.StatusCode != 400 || !strings.Contains(got, `"__type":"AccessDeniedException"`) || strings.Contains(got, "cause for the log") {
			t.Errorf("%s: %s %s", operation, res.Status, got)
		}
	}
}
