package awsapi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/awsapi/ecr"
)

// TestAlways finds in answers what the generator's supplement says that they
// always have: the console counts on it.
func TestAlways(t *testing.T) {
	text, err := os.ReadFile("ecr/generate/supplement.json")
	if err != nil {
		t.Fatal(err)
	}
	var supplement struct{ Always map[string][]string }
	if err := json.Unmarshal(text, &supplement); err != nil {
		t.Fatal(err)
	}
	const (
		name   = `"repositoryName":"app"`
		arn    = `"resourceArn":"arn:aws:ecr:` + region + `:` + account + `:repository/app"`
		rules  = `"replicationConfiguration":{"rules":[]}`
		images = name + `,"imageIds":[{"imageTag":"1"},{"imageTag":"none"}]`
	)
	a := newAPI(t)
	a.domain.create("app")
	manifest := a.domain.image("app", "one", "")
	seen := map[string]bool{}
	for _, c := range []struct{ operation, members string }{
		{"CreateRepository", `"repositoryName":"lib"`}, {"DescribeRepositories", ""},
		{"PutImageTagMutability", name + `,"imageTagMutability":"MUTABLE"`},
		{"PutImage", name + fmt.Sprintf(`,"imageTag":"1","imageManifest":%q,"imageManifestMediaType":%q`, manifest, ociType)},
		{"DescribeImages", name}, {"BatchGetImage", images}, {"BatchDeleteImage", images},
		{"PutRegistryPolicy", registryPolicy}, {"GetRegistryPolicy", ""}, {"DeleteRegistryPolicy", ""},
		{"SetRepositoryPolicy", name + "," + repositoryPolicy}, {"GetRepositoryPolicy", name},
		{"DeleteRepositoryPolicy", name},
		{"PutLifecyclePolicy", name + fmt.Sprintf(`,"lifecyclePolicyText":%q`, sentPolicy)}, {"GetLifecyclePolicy", name},
		{"StartLifecyclePolicyPreview", name}, {"DeleteLifecyclePolicy", name},
		{"PutReplicationConfiguration", rules}, {"DescribeRegistry", ""}, {"ListReplicationBackfills", ""},
		{"CreateRepositoryCreationTemplate", `"prefix":"team","appliedFor":["REPLICATION"]`},
		{"DescribeRepositoryCreationTemplates", ""},
		{"GetAccountSetting", `"name":"BLOB_MOUNTING"`},
		{"PutRegistryScanningConfiguration", ""}, {"GetRegistryScanningConfiguration", ""},
		{"ListPullTimeUpdateExclusions", ""},
		{"GetAuthorizationToken", ""},
		{"ListTagsForResource", arn}, {"DeleteRepository", name + `,"force":true`},
	} {
		r := a.signed(t, ecrOf+c.operation, "application/x-amz-json-1.1", "{"+c.members+"}")
		resp, text := send(t, r)
		if resp.StatusCode != 200 {
			t.Fatalf("%s: %d %s", c.operation, resp.StatusCode, text)
		}
		var answer any
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		method, _ := reflect.TypeFor[*ecr.Service]().MethodByName(c.operation)
		wantAlways(t, supplement.Always, seen, method.Type.Out(0), answer)
	}
	for shape := range supplement.Always {
		if !seen[shape] {
			t.Errorf("no answer had a %s", shape)
		}
	}
}

// wantAlways checks a value of the type, and all that is in it.
func wantAlways(t *testing.T, always map[string][]string, seen map[string]bool, typ reflect.Type, value any) {
	t.Helper()
	switch typ.Kind() {
	case reflect.Pointer:
		wantAlways(t, always, seen, typ.Elem(), value)
	case reflect.Slice:
		elements, _ := value.([]any) // a text is bytes in Go
		for _, element := range elements {
			wantAlways(t, always, seen, typ.Elem(), element)
		}
	case reflect.Struct:
		members, ok := value.(map[string]any)
		if !ok {
			return // a time
		}
		seen[typ.Name()] = true
		for _, member := range always[typ.Name()] {
			if members[member] == nil {
				t.Errorf("%s without %s: %v", typ.Name(), member, members)
			}
		}
		for i := range typ.NumField() {
			member, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if members[member] != nil {
				wantAlways(t, always, seen, typ.Field(i).Type, members[member])
			}
		}
	}
}
