package twinport

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

const ociType = "application/vnd.oci.image.manifest.v1+json"

var (
	here    = resource.Registry{Account: "111122223333", Region: "ap-northeast-1"}
	there   = resource.Registry{Account: "444455556666", Region: "us-west-2"}
	pushed  = time.UnixMicro(1795456000123456).UTC()
	arrived = replication.Replication{
		ID: 7, Source: here, Destination: there, Repository: "app", Digest: digest.FromString("x"), Tag: "1",
		ImageSize: 31457280, MediaType: ociType, Deletes: true, State: replication.Complete, Tries: 1,
		PushedAt: pushed, ChangedAt: pushed.Add(1700 * time.Microsecond), FinishedAt: pushed.Add(1700 * time.Microsecond),
	}
	refused = replication.Replication{
		ID: 8, Source: here, Destination: there, Repository: "app", Digest: digest.FromString("y"),
		State: replication.Failed, Tries: 3, PushedAt: pushed, ChangedAt: pushed, FinishedAt: pushed,
		Failure: replication.Failure{
			Code: "AccessDenied", Detail: "Exactly", Reason: "no statement allows it", Statement: `{"Effect":"Allow"}`,
		},
	}
	queued = replication.Replication{
		ID: 9, Source: here, Destination: there, Repository: "app", State: replication.InProgress,
		PushedAt: pushed, ChangedAt: pushed, NextTryAt: pushed.Add(time.Second),
	}
)

const (
	routeJSON = `"sourceRegistryId":"111122223333","sourceRegion":"ap-northeast-1","registryId":"444455556666",` +
		`"region":"us-west-2","repositoryName":"app"`
	xJSON       = `"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"`
	yJSON       = `"sha256:a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa"`
	arrivedJSON = `{"replicationId":"7",` + routeJSON + `,"imageDigest":` + xJSON + `,"imageTag":"1",` +
		`"imageSizeInBytes":31457280,"imageManifestMediaType":"` + ociType + `","action":"DELETE","status":"COMPLETE",` +
		`"tries":1,"pushedAt":1795456000.123456,"changedAt":1795456000.125156,"finishedAt":1795456000.125156,` +
		`"lagInMillis":1.7}`
	refusedJSON = `{"replicationId":"8",` + routeJSON + `,"imageDigest":` + yJSON + `,` +
		`"imageSizeInBytes":0,"imageManifestMediaType":"","action":"REPLICATE","status":"FAILED",` +
		`"tries":3,"pushedAt":1795456000.123456,"changedAt":1795456000.123456,"finishedAt":1795456000.123456,` +
		`"failureCode":"AccessDenied","failureDetail":"Exactly","failureReason":"no statement allows it",` +
		`"statement":"{\"Effect\":\"Allow\"}"}`
	queuedJSON = `{"replicationId":"9",` + routeJSON + `,"imageDigest":"",` +
		`"imageSizeInBytes":0,"imageManifestMediaType":"","action":"REPLICATE","status":"IN_PROGRESS",` +
		`"tries":0,"pushedAt":1795456000.123456,"changedAt":1795456000.123456,"nextTryAt":1795456001.123456}`
)

// TestShapes writes what the domain answers, with every member and with none
// that may be absent.
func TestShapes(t *testing.T) {
	t.Parallel()
	minute, x := time.Unix(1795456020, 0), digest.FromString("x")
	for _, test := range []struct {
		what any
		want string
	}{
		{replications([]replication.Replication{arrived, refused, queued}), `[` + arrivedJSON + `,` + refusedJSON + `,` +
			queuedJSON + `]`},
		{replications(nil), `[]`},
		{
			checkOf(replication.DestinationCheck{Destination: there, Status: replication.Granted, Repository: "app/x"}),
			`{"registryId":"444455556666","region":"us-west-2","status":"GRANTED","repositoryName":"app/x"}`,
		},
		{
			checkOf(replication.DestinationCheck{
				Destination: there, Status: replication.NotGranted, Repository: "app/x", Failure: refused.Failure,
			}),
			`{"registryId":"444455556666","region":"us-west-2","status":"NOT_GRANTED","repositoryName":"app/x",` +
				`"failureCode":"AccessDenied","failureDetail":"Exactly","failureReason":"no statement allows it",` +
				`"statement":"{\"Effect\":\"Allow\"}"}`,
		},
		{
			statisticsOf(replication.Statistics{
				Start: minute.Add(-time.Hour), End: minute, Interval: time.Minute,
				Destinations: []replication.DestinationStatistics{
					{
						Destination: there, InRules: true, InProgress: 1, Failed: 2,
						OldestInProgressAt: pushed, LastCompletedAt: pushed, LastFailedAt: pushed,
						Intervals: []replication.Interval{{
							Time: minute, Completed: 12, Failed: 1, Bytes: 5,
							LagP50: 1800 * time.Microsecond, LagP99: 3400 * time.Microsecond, LagMax: 3500 * time.Microsecond,
						}},
					},
					{Destination: here},
				},
			}),
			`{"startTime":1795452420,"endTime":1795456020,"intervalInSeconds":60,"destinations":[` +
				`{"registryId":"444455556666","region":"us-west-2","inRules":true,"inProgress":1,"failed":2,` +
				`"oldestInProgressAt":1795456000.123456,"lastCompletedAt":1795456000.123456,` +
				`"lastFailedAt":1795456000.123456,"intervals":[{"time":1795456020,"completed":12,"failed":1,"bytes":5,` +
				`"lagP50InMillis":1.8,"lagP99InMillis":3.4,"lagMaxInMillis":3.5}]},` +
				`{"registryId":"111122223333","region":"ap-northeast-1","inRules":false,"inProgress":0,"failed":0,` +
				`"intervals":[]}]}`,
		},
		{
			foundImage(registry.FoundImage{
				Image: registry.Image{
					Digest: x, Tags: []string{"1", "latest"}, Size: 5, PushedAt: pushed, LastPulledAt: pushed,
					MediaType: ociType, ArtifactType: "a", Subject: x,
				},
				TagCount: 2,
				Children: []registry.ChildImage{
					{Digest: x, MediaType: ociType, Size: 4, Platform: "linux/arm64"},
					{Digest: x, MediaType: ociType, Size: 3},
				},
				Referrers: []registry.FoundReferrer{{Digest: x, ArtifactType: "s", Size: 2, PushedAt: pushed}},
			}, []replication.Replication{arrived}),
			`{"imageDigest":` + xJSON + `,"imageTags":["1","latest"],"imageTagCount":2,"imageSizeInBytes":5,` +
				`"imagePushedAt":1795456000.123456,"lastRecordedPullTime":1795456000.123456,` +
				`"imageManifestMediaType":"` + ociType + `","artifactMediaType":"a","subjectManifestDigest":` + xJSON + `,` +
				`"children":[{"imageDigest":` + xJSON + `,"imageManifestMediaType":"` + ociType + `","imageSizeInBytes":4,` +
				`"platform":"linux/arm64"},` +
				`{"imageDigest":` + xJSON + `,"imageManifestMediaType":"` + ociType + `","imageSizeInBytes":3}],` +
				`"referrers":[{"imageDigest":` + xJSON + `,"artifactMediaType":"s","imageSizeInBytes":2,` +
				`"imagePushedAt":1795456000.123456}],"replications":[` + arrivedJSON + `]}`,
		},
		{
			foundImage(registry.FoundImage{Image: registry.Image{Digest: x, PushedAt: pushed}}, nil),
			`{"imageDigest":` + xJSON + `,"imageTags":[],"imageTagCount":0,"imageSizeInBytes":0,` +
				`"imagePushedAt":1795456000.123456,"imageManifestMediaType":"",` +
				`"children":[],"referrers":[],"replications":[]}`,
		},
		{
			quotaOf(registry.Quota{Name: "Registered repositories", Unit: registry.QuotaCount, Limit: 5, Used: 2, Known: true}),
			`{"name":"Registered repositories","unit":"Count","value":5,"usage":2}`,
		},
		{
			quotaOf(registry.Quota{Name: "Stored bytes", Unit: registry.QuotaBytes, Known: true}),
			`{"name":"Stored bytes","unit":"Bytes","usage":0}`,
		},
		{
			quotaOf(registry.Quota{Name: "Rate of PutImage requests", Unit: registry.QuotaPerSecond, Limit: 10}),
			`{"name":"Rate of PutImage requests","unit":"Count/Second","value":10}`,
		},
	} {
		if got, err := json.Marshal(test.what); err != nil || string(got) != test.want {
			t.Errorf("%v\n got %s\nwant %s", err, got, test.want)
		}
	}
}

// TestEvents writes the events of a stream.
func TestEvents(t *testing.T) {
	t.Parallel()
	replicationsJSON := `{"direction":"OUTGOING","replications":[` + arrivedJSON + `,` + refusedJSON + `]}`
	for _, test := range []struct {
		event replication.WatchEvent
		want  []string
	}{
		{replication.WatchEvent{}, nil},
		{replication.WatchEvent{Lost: true}, []string{`lost {}`}},
		{replication.WatchEvent{Registry: true}, []string{`changed {"repositoryNames":[],"registry":true}`}},
		{
			replication.WatchEvent{
				Direction: replication.Outgoing, Replications: []replication.Replication{arrived, refused},
				Repositories: []string{"app", "web"},
			},
			[]string{`replications ` + replicationsJSON, `changed {"repositoryNames":["app","web"],"registry":false}`},
		},
	} {
		got := events(test.event)
		if len(got) != len(test.want) {
			t.Fatalf("%+v became %d events, want %d", test.event, len(got), len(test.want))
		}
		for i, event := range got {
			data, err := json.Marshal(event.Data)
			if text := event.Name + " " + string(data); err != nil || text != test.want[i] {
				t.Errorf("%v\n got %s\nwant %s", err, text, test.want[i])
			}
		}
	}
}
