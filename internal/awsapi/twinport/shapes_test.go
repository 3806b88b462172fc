package twinport

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/peer"
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
	moving = replication.Replication{
		ID: 10, Source: here, Destination: there, Peer: "oregon", Repository: "app", State: replication.InProgress, Tries: 1,
		PushedAt: pushed, ChangedAt: pushed.Add(4 * time.Second), NextTryAt: pushed.Add(19 * time.Second),
		BytesTotal: 3000, BytesSent: 1000, BegunAt: pushed,
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
	movingJSON = `{"replicationId":"10","sourceRegistryId":"111122223333","sourceRegion":"ap-northeast-1",` +
		`"registryId":"444455556666","region":"us-west-2","peerName":"oregon","repositoryName":"app","imageDigest":"",` +
		`"imageSizeInBytes":0,"imageManifestMediaType":"","action":"REPLICATE","status":"IN_PROGRESS",` +
		`"tries":1,"pushedAt":1795456000.123456,"changedAt":1795456004.123456,"nextTryAt":1795456019.123456,` +
		`"bytesTotal":3000,"bytesSent":1000,"begunAt":1795456000.123456,"bytesPerSecond":250,"timeLeftInMillis":8000}`
	oregonJSON = `{"peerId":"p","name":"oregon","url":"https://oregon","regions":["us-west-2"],"servesAccount":true,` +
		`"speaksForAccount":false,`
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
		{replications([]replication.Replication{arrived, refused, queued, moving}), `[` + arrivedJSON + `,` +
			refusedJSON + `,` + queuedJSON + `,` + movingJSON + `]`},
		{
			peerOf(replication.PeerView{
				ID: "p", Name: "oregon", URL: "https://oregon", Regions: []string{"us-west-2"}, ServesAccount: true,
				State: peer.State{
					Reachable: true, Since: pushed, LastSuccess: pushed, RoundTrip: 1500 * time.Microsecond, Version: "v1",
					Protocol: 1, ClockOffset: -time.Second,
					Unagreed: peer.Unagreed{Regions: []string{"us-west-1"}, URL: "https://other"},
					Tunnels:  4, TunnelProblem: "It is full.",
				},
				Waiting: 3, Failed: 2, OldestPush: pushed,
				Moving: replication.Moving{Replications: 1, BytesTotal: 3000, BytesSent: 1000, Rate: 250},
			}),
			oregonJSON + `"status":"REACHABLE","statusSince":1795456000.123456,"lastAnsweredAt":1795456000.123456,` +
				`"roundTripInMillis":1.5,"version":"v1","protocol":1,"clockOffsetInMillis":-1000,` +
				`"unagreedRegions":["us-west-1"],"unagreedUrl":"https://other","tunnels":4,"tunnelFailureReason":"It is full.","inProgress":3,"failed":2,` +
				`"oldestInProgressAt":1795456000.123456,"moving":{"replications":1,"bytesTotal":3000,"bytesSent":1000,` +
				`"bytesPerSecond":250,"timeLeftInMillis":8000}}`,
		},
		{
			peerOf(replication.PeerView{
				ID: "p", Name: "oregon", URL: "https://oregon", Regions: []string{"us-west-2"}, ServesAccount: true,
				State: peer.State{
					Since: pushed, Code: "TLS", Problem: "The certificate has ended.", Open: true, NextTry: pushed.Add(time.Second),
				},
			}),
			oregonJSON + `"status":"UNREACHABLE","statusSince":1795456000.123456,"failureCode":"TLS",` +
				`"failureReason":"The certificate has ended.","nextTryAt":1795456001.123456,"inProgress":0,"failed":0}`,
		},
		{
			peerOf(replication.PeerView{
				ID: "p", Name: "oregon", URL: "https://oregon", Regions: []string{"us-west-2"}, ServesAccount: true,
				TakesAccount: new(bool),
			}),
			oregonJSON + `"takesAccount":false,"status":"UNKNOWN","inProgress":0,"failed":0}`,
		},
		{replications(nil), `[]`},
		{
			checkOf(replication.DestinationCheck{
				Destination: there, Peer: "oregon", Status: replication.Granted, Repository: "app/x",
			}),
			`{"registryId":"444455556666","region":"us-west-2","peerName":"oregon","status":"GRANTED","repositoryName":"app/x"}`,
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
						Destination: there, Peer: "oregon", InRules: true, InProgress: 1, Failed: 2,
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
				`{"registryId":"444455556666","region":"us-west-2","peerName":"oregon","inRules":true,"inProgress":1,"failed":2,` +
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
			imageContent(registry.ImageContent{
				Digest: x, MediaType: ociType, ManifestSize: 9, ArtifactType: "a", Subject: x,
				Annotations: map[string]string{"k": "v"},
				Config:      &ocispec.Descriptor{MediaType: "c", Digest: x, Size: 3},
				Layers:      []ocispec.Descriptor{{MediaType: "l", Digest: x, Size: 4}, {Digest: x}}, LayerCount: 2,
				Platforms:           []registry.IndexedImage{{Digest: x, MediaType: "m", ManifestSize: 5, Platform: "linux/arm64"}},
				PlatformCount:       1,
				ConfigurationStatus: registry.ConfigurationAvailable,
				Configuration: &registry.Configuration{
					Architecture: "arm64", Variant: "v8", OS: "linux", OSVersion: "1", OSFeatures: []string{"f"}, CreatedAt: pushed,
					Author: "Ann", User: "app", Entrypoint: []string{"/e"}, Command: []string{"c"}, Environment: []string{"A=1"},
					WorkingDirectory: "/w", Labels: map[string]string{"k": "\u202e\x00"}, ExposedPorts: []string{"80/tcp"},
					Volumes: []string{"/v"}, StopSignal: "SIGTERM", Truncated: true,
					History: []registry.HistoryEntry{
						{CreatedAt: pushed, CreatedBy: "RUN", Author: "Ben", Comment: "c", Layer: 0},
						{EmptyLayer: true, Layer: -1},
					},
				},
			}),
			`{"imageDigest":` + xJSON + `,"imageManifestMediaType":"` + ociType + `","imageManifestSizeInBytes":9,` +
				`"artifactMediaType":"a","subjectManifestDigest":` + xJSON + `,"annotations":{"k":"v"},` +
				`"config":{"layerDigest":` + xJSON + `,"mediaType":"c","layerSizeInBytes":3},` +
				`"layers":[{"layerDigest":` + xJSON + `,"mediaType":"l","layerSizeInBytes":4},{"layerDigest":` + xJSON + `}],` +
				`"layerCount":2,"platforms":[{"imageDigest":` + xJSON + `,"imageManifestMediaType":"m",` +
				`"imageManifestSizeInBytes":5,"platform":"linux/arm64"}],"platformCount":1,` +
				`"configuration":{"architecture":"arm64","variant":"v8","os":"linux","osVersion":"1","osFeatures":["f"],` +
				`"createdAt":1795456000.123456,"author":"Ann","user":"app","entrypoint":["/e"],"command":["c"],` +
				`"environment":["A=1"],"workingDirectory":"/w","labels":{"k":"` + "\u202e" + `\u0000"},"exposedPorts":["80/tcp"],` +
				`"volumes":["/v"],"stopSignal":"SIGTERM","history":[{"createdAt":1795456000.123456,"createdBy":"RUN",` +
				`"author":"Ben","comment":"c","emptyLayer":false,"layerIndex":0},{"emptyLayer":true}],"truncated":true},` +
				`"configurationStatus":"AVAILABLE"}`,
		},
		{
			imageContent(registry.ImageContent{
				Digest: x, MediaType: ociType, ConfigurationStatus: registry.ConfigurationNone, ConfigurationReason: "why",
			}),
			`{"imageDigest":` + xJSON + `,"imageManifestMediaType":"` + ociType + `","imageManifestSizeInBytes":0,` +
				`"annotations":{},"layers":[],"layerCount":0,"platforms":[],"platformCount":0,` +
				`"configurationStatus":"NONE","configurationStatusReason":"why"}`,
		},
		{imageConfiguration(registry.Configuration{}), `{"osFeatures":[],"entrypoint":[],"command":[],"environment":[],` +
			`"labels":{},"exposedPorts":[],"volumes":[],"history":[],"truncated":false}`},
		{
			registryStorage(registry.RegistryStorage{
				Counted: registry.Counted{At: pushed, Counting: true},
				Stored:  registry.Stored{Layers: 1, LayerBytes: 2, Manifests: 3, ManifestBytes: 4}, Shared: 5,
			}),
			`{"countedAt":1795456000.123456,"counting":true,"registry":{"sizeInBytes":6,"layerCount":1,` +
				`"layerSizeInBytes":2,"imageCount":3,"manifestSizeInBytes":4,"sharedSizeInBytes":5}}`,
		},
		{registryStorage(registry.RegistryStorage{Counted: registry.Counted{Counting: true}}), `{"counting":true}`},
		{
			RepositoryStorage{"app", storedOf(registry.Stored{Layers: 1, LayerBytes: 2, Manifests: 3, ManifestBytes: 4})},
			`{"repositoryName":"app","sizeInBytes":6,"layerCount":1,"layerSizeInBytes":2,"imageCount":3,` +
				`"manifestSizeInBytes":4}`,
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

// TestLifecycleEvents writes those of runs of lifecycle policies.
func TestLifecycleEvents(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1500)
	got := lifecycleEvents([]expiry.RunOf{
		{Repository: "app", Run: expiry.Run{ID: "7", Status: expiry.RunInProgress, BeganAt: at}},
		{Repository: "web", Run: expiry.Run{
			ID: "8", Status: expiry.RunComplete, Note: "why", BeganAt: at, EndedAt: at.Add(time.Second), Found: 3, Bytes: 30,
			Expired: 2,
		}},
	})
	if len(got) != 1 || got[0].Name != "lifecycle" {
		t.Fatalf("events: %+v", got)
	}
	text, err := json.Marshal(got[0].Data)
	want := `{"runs":[{"repositoryName":"app","runId":"7","status":"IN_PROGRESS","startedAt":1.5,"markedImageCount":0,` +
		`"markedSizeInBytes":0,"expiredImageCount":0},{"repositoryName":"web","runId":"8","status":"COMPLETE",` +
		`"statusReason":"why","startedAt":1.5,"endedAt":2.5,"markedImageCount":3,"markedSizeInBytes":30,` +
		`"expiredImageCount":2}]}`
	if err != nil || string(text) != want {
		t.Errorf("%v\n got %s\nwant %s", err, text, want)
	}
	if got := lifecycleEvents(nil); got != nil {
		t.Errorf("events of no runs: %+v", got)
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
