package awsapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/resource"
)

func TestCompareReplication(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.domain.create("app", "web")
	digests := map[string]string{}
	for _, tag := range []string{"1", "2", "3"} {
		digests[tag] = a.domain.push("app", "layer "+tag, tag).String()
	}
	a.domain.push("web", "layer", "1")
	second := resource.Registry{Account: account, Region: "us-west-2"}
	a.domain.replicateTo(second, there)
	type answer struct {
		Differences []struct {
			Kind, RepositoryName, ImageDigest, ImageTag, FailureCode, FailureReason, Statement string
		}
		Compared, Different, Queued int
		NextToken                   string
	}
	compare := func(body string) (all []string, last answer) {
		t.Helper()
		token := ""
		for {
			last = answer{}
			a.own(t, "CompareReplication", body+token+"}", &last)
			for _, d := range last.Differences {
				all = append(all, fmt.Sprintf("%s %s %s %s %s", d.Kind, d.RepositoryName, d.ImageTag, d.ImageDigest,
					d.FailureCode))
			}
			if last.NextToken == "" {
				slices.Sort(all)
				return all, last
			}
			token = `,"nextToken":"` + last.NextToken + `"`
		}
	}
	toSecond := `{"destination":{"registryId":"` + account + `","region":"us-west-2"}`
	toThere := `{"destination":{"registryId":"` + other + `","region":"us-west-2"}`
	lacking := func(tag string) string { return "LACKING app " + tag + " " + digests[tag] + " " }

	app := []string{lacking("1"), lacking("2"), lacking("3")}
	if got, last := compare(toSecond + `,"repositoryName":"app"`); !slices.Equal(got, app) || last.Compared != 3 ||
		last.Different != 3 || last.Queued != 0 {
		t.Errorf("%q, %+v", got, last)
	}
	if got, _ := compare(toSecond + `,"maxResults":1`); len(got) != 4 {
		t.Errorf("by pages of one: %q", got)
	}
	const denied = "DESTINATION_REGISTRY_ACCESS_DENIED"
	refused := []string{"REFUSED app   " + denied, "REFUSED web   " + denied}
	if got, last := compare(toThere); !slices.Equal(got, refused) ||
		!strings.Contains(last.Differences[0].Statement, "ecr:ReplicateImage") {
		t.Errorf("%q, %+v", got, last)
	}
	if got, last := compare(toSecond + `,"repair":true`); len(got) != 4 || last.Queued != 4 {
		t.Errorf("repair: %q, %+v", got, last)
	}
	a.domain.drain()
	if got, last := compare(toSecond); len(got) != 0 || last.Compared != 4 {
		t.Errorf("after the repair: %q, %+v", got, last)
	}
	a.wantOwn(t, "CompareReplication", toSecond+`,"repositoryName":"web"}`,
		`{"differences":[],"compared":1,"different":0,"queued":0}`)

	a.domain.deny("PutReplicationConfiguration")
	compare(toSecond)
	if res, got := a.own(t, "CompareReplication", toSecond+`,"repair":true}`, nil); res.StatusCode != 400 ||
		!strings.Contains(got, "AccessDeniedException") {
		t.Errorf("repair without the right: %s %s", res.Status, got)
	}
	a.domain.deny("DescribeRegistry")
	if res, got := a.own(t, "CompareReplication", toSecond+`}`, nil); res.StatusCode != 400 ||
		!strings.Contains(got, "AccessDeniedException") {
		t.Errorf("without the right: %s %s", res.Status, got)
	}
}

func TestCompareReplicationIsStrict(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.domain.create("app")
	a.domain.replicateTo(there)
	to := `{"destination":{"registryId":"` + other + `","region":"us-west-2"}`
	for body, want := range map[string][2]string{
		`{}`:                             {"InvalidParameterException", "destination"},
		`{"destination":{}}`:             {"InvalidParameterException", "destination."},
		to + `,"repositoryName":"x"}`:    {"InvalidParameterException", "repositoryName"},
		to + `,"repositoryName":"none"}`: {"RepositoryNotFoundException", "none"},
		to + `,"repair":1}`:              {"SerializationException", "repair"},
		to + `,"maxResults":1001}`:       {"InvalidParameterException", "maxResults"},
		to + `,"nextToken":"x"}`:         {"InvalidParameterException", "Invalid token"},
		to + `,"more":1}`:                {"SerializationException", "more"},
		`{"destination":{"registryId":"` + account + `","region":"` + region + `"}}`: {"InvalidParameterException",
			"same as the source"},
		`{"destination":{"registryId":"` + account + `","region":"us-west-2"}}`: {"InvalidParameterException",
			"No replication rule"},
	} {
		res, got := a.own(t, "CompareReplication", body, nil)
		if res.StatusCode != 400 || !strings.Contains(got, `"`+want[0]+`"`) || !strings.Contains(got, want[1]) {
			t.Errorf("%s: %s %s, want %q", body, res.Status, got, want)
		}
	}
}
