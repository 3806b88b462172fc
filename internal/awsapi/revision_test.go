package awsapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/registry"
)

const (
	ecrOf      = "AmazonEC2ContainerRegistry_V20150921."
	twinportOf = "Twinport_V20261101."

	// registryPolicy is a member with a registry policy.
	registryPolicy = `"policyText":"{\"Version\":\"2012-10-17\",\"Statement\":[` +
		`{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"ecr:ReplicateImage\",\"Resource\":\"*\"}]}"`

	// repositoryPolicy is a member with a repository's policy.
	repositoryPolicy = `"policyText":"{\"Version\":\"2012-10-17\",\"Statement\":[` +
		`{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"ecr:BatchGetImage\"}]}"`
)

// TestRevisions reads each document that has a revision, and writes it twice on
// the base of that: the first write is done, and the second refused.
func TestRevisions(t *testing.T) {
	const (
		name = `"repositoryName":"app"`
		arn  = `"resourceArn":"arn:aws:ecr:` + region + `:` + account + `:repository/app"`
	)
	for _, c := range []struct{ document, read, readBody, write, writeBody, other, otherBody string }{
		{"the registry policy", "GetRegistryPolicy", "", "PutRegistryPolicy", registryPolicy, "DeleteRegistryPolicy", ""},
		{"a repository's policy", "GetRepositoryPolicy", name, "SetRepositoryPolicy", name + "," + repositoryPolicy,
			"DeleteRepositoryPolicy", name},
		{"a repository's lifecycle policy", "GetLifecyclePolicy", name,
			"PutLifecyclePolicy", name + fmt.Sprintf(`,"lifecyclePolicyText":%q`, sentPolicy), "DeleteLifecyclePolicy", name},
		{"the replication rules", "DescribeRegistry", "", "PutReplicationConfiguration",
			`"replicationConfiguration":{"rules":[{"destinations":[{"region":"us-west-2","registryId":"` + other + `"}]}]}`,
			"PutReplicationConfiguration", `"replicationConfiguration":{"rules":[]}`},
		{"the scanning configuration", "GetRegistryScanningConfiguration", "", "PutRegistryScanningConfiguration",
			`"scanType":"ENHANCED","rules":[]`, "PutRegistryScanningConfiguration", `"scanType":"BASIC"`},
		{"the tag mutability", "DescribeRepositories", `"repositoryNames":["app"]`,
			"PutImageTagMutability", name + `,"imageTagMutability":"IMMUTABLE"`,
			"PutImageTagMutability", name + `,"imageTagMutability":"MUTABLE"`},
		{"a repository's tags", "ListTagsForResource", arn,
			"TagResource", arn + `,"tags":[{"Key":"a","Value":"b"}]`, "UntagResource", arn + `,"tagKeys":["a"]`},
	} {
		t.Run(c.document, func(t *testing.T) {
			a := newAPI(t)
			a.want(t, "", "CreateRepository", name, 200, "")
			revision := a.want(t, "", c.read, c.readBody, -1, "")
			if strings.Contains(c.read, "Policy") != (revision == "none") || revision == "" {
				t.Errorf("the revision is %q before anything is written", revision)
			}
			a.want(t, "0123", c.write, c.writeBody, 412, "PreconditionFailedException")
			if again := a.want(t, "", c.read, c.readBody, -1, ""); again != revision {
				t.Errorf("a refused write made %s of revision %s", again, revision)
			}
			a.want(t, revision, c.write, c.writeBody, 200, "")
			a.want(t, revision, c.write, c.writeBody, 412, "PreconditionFailedException")
			written := a.want(t, "", c.read, c.readBody, 200, "")
			if written == revision || written == "none" {
				t.Errorf("the revision is %s after a write, and was %s before", written, revision)
			}
			a.want(t, revision, c.other, c.otherBody, 412, "PreconditionFailedException")
			a.want(t, written, c.other, c.otherBody, 200, "")
			if back := a.want(t, "", c.read, c.readBody, -1, ""); back != revision {
				t.Errorf("what says the same as before has the revision %s, not %s", back, revision)
			}
		})
	}
}

// want calls an operation, on the base of a revision if there is one, and returns the answer's.
func (a *api) want(t *testing.T, base, operation, members string, status int, code string) (revision string) {
	t.Helper()
	target := ecrOf + operation
	if strings.Contains(operation, ".") {
		target = operation
	}
	r := a.signed(t, target, "application/x-amz-json-1.1", "{"+members+"}")
	if base != "" {
		r.Header.Set("X-Twinport-If-Revision", base)
	}
	resp, text := send(t, r)
	if status >= 0 && resp.StatusCode != status || code != "" && resp.Header.Get("X-Amzn-Errortype") != code {
		t.Errorf("%s on the base of %q: got %d %s, want %d %s", operation, base, resp.StatusCode, text, status, code)
	}
	return resp.Header.Get("X-Twinport-Revision")
}

// A condition that an operation would not look at is refused.
func TestRevisionWhereThereIsNone(t *testing.T) {
	a := newAPI(t)
	a.want(t, "none", "CreateRepository", `"repositoryName":"app"`, 400, "InvalidParameterException")
	a.want(t, "none", "GetRegistryPolicy", "", 400, "InvalidParameterException")
	a.want(t, "none", twinportOf+"DescribeDeployment", "", 400, "InvalidParameterException")
	a.want(t, "none", twinportOf+"WatchRegistry", "", 400, "InvalidParameterException")
	for _, name := range []string{"app", "lib"} {
		a.want(t, "", "CreateRepository", `"repositoryName":"`+name+`"`, 200, "")
	}
	for _, members := range []string{"", `"repositoryNames":["app","lib"]`} {
		if revision := a.want(t, "", "DescribeRepositories", members, 200, ""); revision != "" {
			t.Errorf("several repositories have the revision %s", revision)
		}
	}
	a.domain.deny("DescribeRegistry")
	if revision := a.want(t, "", "DescribeRegistry", "", 400, "AccessDeniedException"); revision != "" {
		t.Errorf("who may not read gets the revision %s", revision)
	}
}

// The condition may be signed or not, and name several revisions.
func TestRevisionHeader(t *testing.T) {
	const header = "X-Twinport-If-Revision"
	a := newAPI(t)
	for _, c := range []struct {
		signed, unsigned []string
		status           int
	}{
		{[]string{header, "none"}, nil, http.StatusOK},
		{[]string{header, "0123"}, nil, http.StatusPreconditionFailed},
		{[]string{header, "0123", header, "none"}, nil, http.StatusOK},
		{nil, []string{"none"}, http.StatusOK},
		{nil, []string{"0123", "none"}, http.StatusOK},
		{nil, []string{"0123, none"}, http.StatusOK},
		{nil, []string{"0123", "4567"}, http.StatusPreconditionFailed},
		{nil, []string{""}, http.StatusPreconditionFailed},
	} {
		if _, err := a.domain.DeleteRegistryPolicy(t.Context(), root(account), here); registry.CodeOf(err) != "" &&
			registry.CodeOf(err) != registry.RegistryPolicyNotFound {
			t.Fatal(err)
		}
		r := a.signed(t, ecrOf+"PutRegistryPolicy", "application/x-amz-json-1.1", "{"+registryPolicy+"}", c.signed...)
		for _, revision := range c.unsigned {
			r.Header.Add(header, revision)
		}
		if resp, text := send(t, r); resp.StatusCode != c.status {
			t.Errorf("on %q, and %q that is not signed: got %d %s, want %d", c.signed, c.unsigned, resp.StatusCode, text,
				c.status)
		}
	}
}
