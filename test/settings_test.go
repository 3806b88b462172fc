package test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// TestSettings sets a registry up by the commands of ECR's user guide, and sees that the settings hold.
func TestSettings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d := s.desk()
	program, endpoint := d.awsCommandLine()
	ecr := func(args ...string) []string {
		return slices.Concat(endpoint, []string{"--profile", "prod", "--output", "json", "ecr"}, args)
	}
	ask := func(want string, args ...string) {
		t.Helper()
		out := d.must("", program, ecr(args...)...)
		var answer any
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if got, _ := json.Marshal(answer); string(got) != want {
			t.Errorf("%s: %s, want %s", args[0], got, want)
		}
	}
	s.createRepository(prod, tokyo, "team/app")
	s.createRepository(prod, tokyo, "team/lib")
	ask(`{"name":"REGISTRY_POLICY_SCOPE","value":"V2"}`, "get-account-setting", "--name", "REGISTRY_POLICY_SCOPE")
	ask(`{"name":"REGISTRY_POLICY_SCOPE","value":"V1"}`, "put-account-setting", "--name", "REGISTRY_POLICY_SCOPE",
		"--value", "V1")
	d.mustFail("in the scope V1", "", program, ecr("put-registry-policy", "--policy-text", `{"Version":"2012-10-17",
		"Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:BatchGetImage","Resource":"*"}]}`)...)

	layer := []byte("a layer of two repositories")
	client := s.oci(prod, tokyo)
	if _, err := client.putBlob("team/lib", layer); err != nil {
		t.Fatal(err)
	}
	mount := "team/app/blobs/uploads/?mount=" + string(digest.FromBytes(layer)) + "&from=team/lib"
	ask(`{"name":"BLOB_MOUNTING","value":"DISABLED"}`, "put-account-setting", "--name", "BLOB_MOUNTING", "--value",
		"DISABLED")
	client.want(client.do("POST", mount, nil), http.StatusAccepted, "")
	ask(`{"name":"BLOB_MOUNTING","value":"ENABLED"}`, "put-account-setting", "--name", "BLOB_MOUNTING", "--value", "ENABLED")
	client.want(client.do("POST", mount, nil), http.StatusCreated, "")

	const root = "arn:aws:iam::"
	role := root + prod.id + ":role/scanner"
	for _, arn := range []string{role, root + prod.id + ":root"} {
		d.must("", program, ecr("register-pull-time-update-exclusion", "--principal-arn", arn)...)
	}
	d.mustFail("ExclusionAlreadyExistsException", "", program, ecr("register-pull-time-update-exclusion", "--principal-arn",
		role)...)
	ask(`{"principalArn":"`+role+`"}`, "deregister-pull-time-update-exclusion", "--principal-arn", role)
	ask(`{"pullTimeUpdateExclusions":["`+root+prod.id+`:root"]}`, "list-pull-time-update-exclusions")
	client.mustPush("team/app", "1", makeImage("settings", nil, ""))
	if _, err := client.pull("team/app", "1"); err != nil {
		t.Fatal(err)
	}
	if out := d.must("", program, ecr("describe-images", "--repository-name", "team/app")...); strings.Contains(out,
		"lastRecordedPullTime") {
		t.Errorf("a pull that does not count is recorded: %s", out)
	}

	d.must("", program, ecr("put-registry-scanning-configuration", "--scan-type", "ENHANCED", "--rules",
		`[{"repositoryFilters":[{"filter":"team/app","filterType":"WILDCARD"}],"scanFrequency":"CONTINUOUS_SCAN"}]`)...)
	ask(`{"failures":[],"scanningConfigurations":[{"appliedScanFilters":[{"filter":"team/app","filterType":"WILDCARD"}],`+
		`"repositoryArn":"arn:aws:ecr:`+tokyo+`:`+prod.id+`:repository/team/app","repositoryName":"team/app",`+
		`"scanFrequency":"CONTINUOUS_SCAN","scanOnPush":true}]}`, "batch-get-repository-scanning-configuration",
		"--repository-names", "team/app")
	image := []string{"--repository-name", "team/app", "--image-id", "imageTag=1"}
	d.mustFail("(ValidationException)", "", program, ecr(append([]string{"start-image-scan"}, image...)...)...)
	d.mustFail("(ScanNotFoundException)", "", program, ecr(append([]string{"describe-image-scan-findings"}, image...)...)...)

	d.must("", program, ecr("put-image-tag-mutability", "--repository-name", "team/app", "--image-tag-mutability",
		"IMMUTABLE_WITH_EXCLUSION", "--image-tag-mutability-exclusion-filters", "filterType=WILDCARD,filter=latest")...)
	if err := client.push("team/app", "1", makeImage("other", nil, "")); err == nil {
		t.Error("an immutable tag was moved")
	}
	client.mustPush("team/app", "latest", makeImage("one", nil, ""))
	client.mustPush("team/app", "latest", makeImage("two", nil, ""))
	d.mustFail("(KmsException)", "", program, ecr("create-repository", "--repository-name", "kms",
		"--encryption-configuration", "encryptionType=KMS")...)
}
