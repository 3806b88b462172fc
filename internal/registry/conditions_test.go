package registry_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// everyAction does each action of the table, as a caller of another account, so
// that nothing is changed if it is allowed. The one that would comes last.
func (d *domain) everyAction(c access.Caller, ref resource.Repository) (names []string, do map[string]func() error) {
	id, tag, absent := ref.Registry, registry.Reference{Tag: "latest"}, digest.FromString("absent")
	team := []resource.Tag{{Key: "team", Value: "x"}}
	do = map[string]func() error{
		"ecr:BatchCheckLayerAvailability": func() error { _, err := d.Layer(ctx, c, ref, absent); return err },
		"ecr:BatchDeleteImage":            func() error { return d.DeleteTag(ctx, c, ref, "absent") },
		"ecr:BatchGetImage":               func() error { _, err := d.Manifest(ctx, c, ref, tag); return err },
		"ecr:CompleteLayerUpload":         func() error { _, err := d.CompleteUpload(ctx, c, ref, "none", absent, -1, nil); return err },
		"ecr:CreateRepository": func() error {
			_, err := d.CreateRepository(ctx, c, ref, registry.NewRepository{Tags: team})
			return err
		},
		"ecr:CreateRepositoryCreationTemplate": func() error {
			_, err := d.CreateCreationTemplate(ctx, c, id, registry.CreationTemplate{})
			return err
		},
		"ecr:UpdateRepositoryCreationTemplate": func() error {
			_, err := d.UpdateCreationTemplate(ctx, c, id, "absent", nil)
			return err
		},
		"ecr:DeleteRepositoryCreationTemplate": func() error { _, err := d.DeleteCreationTemplate(ctx, c, id, "absent"); return err },
		"ecr:DescribeRepositoryCreationTemplates": func() error {
			_, _, err := d.CreationTemplates(ctx, c, id, nil, registry.Page{Limit: 1})
			return err
		},
		"ecr:DeleteLifecyclePolicy": func() error { _, err := d.expiry.DeletePolicy(ctx, c, ref); return err },
		"ecr:GetLifecyclePolicy":    func() error { _, err := d.expiry.Policy(ctx, c, ref); return err },
		"ecr:GetLifecyclePolicyPreview": func() error {
			_, _, _, err := d.expiry.ListPreview(ctx, c, ref, registry.AnyTagStatus, registry.Page{Limit: 1})
			return err
		},
		"ecr:PutLifecyclePolicy":             func() error { _, err := d.expiry.PutPolicy(ctx, c, ref, "{"); return err },
		"ecr:StartLifecyclePolicyPreview":    func() error { _, err := d.expiry.StartPreview(ctx, c, ref, "{"); return err },
		"ecr:DeleteRegistryPolicy":           func() error { _, err := d.DeleteRegistryPolicy(ctx, c, id); return err },
		"ecr:DeleteRepository":               func() error { _, err := d.DeleteRepository(ctx, c, ref, false); return err },
		"ecr:DeleteRepositoryPolicy":         func() error { _, err := d.DeleteRepositoryPolicy(ctx, c, ref); return err },
		"ecr:DescribeImageReplicationStatus": func() error { _, err := d.Status(ctx, c, ref, tag); return err },
		"ecr:DescribeImages": func() error {
			_, err := d.DescribeImages(ctx, c, ref, []registry.Reference{tag})
			return err
		},
		"ecr:DescribeRegistry": func() error { _, err := d.Rules(ctx, c, id); return err },
		"ecr:DescribeReplicationBackfillResults": func() error {
			_, _, _, err := d.BackfillResults(ctx, c, id, "none", "", registry.Page{Limit: 1})
			return err
		},
		"ecr:ListReplicationBackfills": func() error {
			_, _, err := d.Backfills(ctx, c, id, registry.Page{Limit: 1})
			return err
		},
		"ecr:StartReplicationBackfill": func() error { _, err := d.StartBackfill(ctx, c, id, prod); return err },
		"ecr:StopReplicationBackfill":  func() error { _, err := d.StopBackfill(ctx, c, id, "none"); return err },
		"ecr:DescribeRepositories": func() error {
			_, err := d.DescribeRepositories(ctx, c, id, []string{ref.Name})
			return err
		},
		"ecr:GetAuthorizationToken":  func() error { return d.Authorize(ctx, c, id, "ecr:GetAuthorizationToken") },
		"ecr:GetDownloadUrlForLayer": func() error { _, _, err := d.LayerForDownload(ctx, c, ref, absent); return err },
		"ecr:GetRegistryPolicy":      func() error { _, err := d.RegistryPolicy(ctx, c, id); return err },
		"ecr:GetRepositoryPolicy":    func() error { _, err := d.RepositoryPolicy(ctx, c, ref); return err },
		"ecr:InitiateLayerUpload":    func() error { _, err := d.StartUpload(ctx, c, ref); return err },
		"ecr:ListImages":             func() error { _, _, err := d.Tags(ctx, c, ref, registry.Page{Limit: 1}); return err },
		"ecr:ListTagsForResource":    func() error { _, err := d.ResourceTags(ctx, c, ref); return err },
		"ecr:PutImage": func() error {
			_, err := d.PutManifest(ctx, c, ref, registry.NewManifest{Bytes: []byte("{"), Tags: []string{"latest"}})
			return err
		},
		"ecr:PutImageTagMutability":       func() error { _, err := d.SetTagMutability(ctx, c, ref, "none", nil); return err },
		"ecr:PutRegistryPolicy":           func() error { return d.SetRegistryPolicy(ctx, c, id, "{") },
		"ecr:PutReplicationConfiguration": func() error { return d.SetRules(ctx, c, id, make([]replication.Rule, 1)) },
		"ecr:SetRepositoryPolicy":         func() error { return d.SetRepositoryPolicy(ctx, c, ref, "{", true) },
		"ecr:TagResource":                 func() error { return d.TagResource(ctx, c, ref, team) },
		"ecr:UntagResource":               func() error { return d.UntagResource(ctx, c, ref, []string{"absent"}) },
		"ecr:UploadLayerPart":             func() error { _, err := d.UploadSize(ctx, c, ref, "none"); return err },

		"ecr:BatchGetRepositoryScanningConfiguration": func() error {
			_, _, err := d.RepositoryScanning(ctx, c, id, []string{ref.Name})
			return err
		},
		"ecr:DeregisterPullTimeUpdateExclusion": func() error { return d.IncludePulls(ctx, c, id, "absent") },
		"ecr:DescribeImageScanFindings":         func() error { return d.ScanFindings(ctx, c, ref, tag) },
		"ecr:GetAccountSetting": func() error {
			_, err := d.AccountSetting(ctx, c, id, registry.RegistryPolicyScope)
			return err
		},
		"ecr:GetRegistryScanningConfiguration": func() error { _, err := d.Scanning(ctx, c, id); return err },
		"ecr:ListPullTimeUpdateExclusions": func() error {
			_, _, err := d.PullTimeExclusions(ctx, c, id, registry.Page{Limit: 1})
			return err
		},
		"ecr:PutAccountSetting": func() error {
			return d.SetAccountSetting(ctx, c, id, registry.RegistryPolicyScope, "none")
		},
		"ecr:PutImageScanningConfiguration": func() error { return d.SetScanOnPush(ctx, c, ref, false) },
		"ecr:PutRegistryScanningConfiguration": func() error {
			_, err := d.SetScanning(ctx, c, id, registry.ScanningConfiguration{Type: "none", Rules: make([]registry.ScanningRule, 1)})
			return err
		},
		"ecr:RegisterPullTimeUpdateExclusion": func() error { _, err := d.ExcludePulls(ctx, c, id, "anyone"); return err },
		"ecr:StartImageScan":                  func() error { return d.StartScan(ctx, c, ref, tag) },
	}
	names = slices.Sorted(maps.Keys(do))
	const last = "ecr:DeleteRegistryPolicy"
	return append(slices.DeleteFunc(names, func(n string) bool { return n == last }), last), do
}

// Each cell of the table of actions and condition keys, and the values.
func TestEveryActionFillsItsConditionKeys(t *testing.T) {
	d := openStill(t)
	ref := resource.Repository{Registry: dev, Name: "app"}
	d.create(ref)
	d.put(ref, d.image(ref, "x"), "latest")
	if err := d.TagResource(ctx, root(devAccount), ref, []resource.Tag{{Key: "team", Value: "x"}}); err != nil {
		t.Fatal(err)
	}
	c := root(prodAccount)
	c.RemoteAddr, c.UserAgent, c.Secure = "192.0.2.7:1234", "client/1"+strings.Repeat("é", 1000), true
	longLived := c
	issued := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	c.Identity.Temporary = auth.Temporary{AccessKeyID: "ASIATEMPORARY", IssuedAt: issued, Expires: issued.Add(time.Hour)}
	c.Identity.Role = &auth.RoleSession{SourceIdentity: "someone"}
	names, do := d.everyAction(c, ref)
	for _, action := range access.Actions() {
		if _, ok := do[action]; !ok && action != "ecr:ReplicateImage" {
			t.Errorf("%s is not tried", action)
		}
	}
	grant := func(condition string) {
		t.Helper()
		text := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*",
			"Resource": "*"},
			{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {%s}}]}`, condition)
		if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, text); err != nil {
			t.Fatal(err)
		}
	}
	check := func(key string, replicates bool, filled func(action string) bool) {
		t.Helper()
		grant(fmt.Sprintf(`"Null": {%q: "false"}`, key))
		for _, action := range names {
			if denied := registry.CodeOf(do[action]()) == registry.AccessDenied; denied != filled(action) {
				t.Errorf("%s at %s: filled %v, want %v", key, action, denied, !denied)
			}
		}
		grant(fmt.Sprintf(`"Null": {%q: "false"}`, key)) // the last action may have deleted it
		checks, err := d.Check(ctx, root(prodAccount), prod, []resource.Registry{dev}, []string{"app"})
		if err != nil || (checks[0].Status != replication.Granted) != replicates {
			t.Errorf("%s in a replication: %+v, %v", key, checks, err)
		}
	}
	for _, key := range access.CommonKeys() {
		check(key.Name, !key.Client, func(string) bool { return true })
	}
	with := func(keys ...string) func(string) bool {
		return func(action string) bool { return slices.Contains(keys, action) }
	}
	for _, k := range []string{"aws:ResourceTag/team", "ECR:resourcetag/Team"} {
		// What is to be replicated has a repository to go to, or it has no tags.
		check(k, false, func(action string) bool { return access.KeysOf(action)&access.ResourceTags != 0 })
	}
	check("aws:RequestTag/team", false, func(action string) bool { return access.KeysOf(action)&access.RequestTags != 0 })
	check("ecr:AccountSetting", false, func(action string) bool {
		return access.KeysOf(action)&access.AccountSettings != 0
	})
	check("twinport:ImageTag", false, func(action string) bool { return access.KeysOf(action)&access.ImageTags != 0 })
	check("aws:TagKeys", false, func(action string) bool { return access.KeysOf(action)&access.TagKeys != 0 })
	for _, absent := range []string{
		"aws:ResourceTag/none", "aws:RequestTag/none", "aws:username", "aws:SourceArn",
	} {
		check(absent, false, with())
	}
	ofTemporary := do
	_, do = d.everyAction(longLived, ref)
	for _, absent := range []string{"aws:TokenIssueTime", "aws:MultiFactorAuthPresent", "aws:SourceIdentity"} {
		check(absent, false, with())
	}
	do = ofTemporary

	values := map[string]string{
		"aws:TokenIssueTime": "2026-11-28T12:00:00Z", "aws:MultiFactorAuthPresent": "false", "aws:SourceIdentity": "someone",
		"aws:PrincipalAccount": prodAccount, "aws:PrincipalArn": "arn:aws:iam::" + prodAccount + ":root",
		"aws:PrincipalType":         "Account",
		"aws:PrincipalIsAWSService": "false", "aws:PrincipalOrgID": organization, "aws:ResourceOrgID": organization,
		"aws:RequestedRegion": dev.Region, "aws:ResourceAccount": devAccount, "aws:SecureTransport": "true",
		"aws:SourceIp":  "192.0.2.7",
		"aws:UserAgent": "client/1" + strings.Repeat("é", 508), "aws:userid": prodAccount, "aws:ViaAWSService": "false",
		"aws:RequestTag/TEAM": "x", "aws:ResourceTag/TEAM": "x", "ecr:ResourceTag/team": "x",
	}
	for key, value := range values {
		grant(fmt.Sprintf(`"StringNotEquals": {%q: %q}`, key, value))
		wantCode(t, key, d.TagResource(ctx, c, ref, []resource.Tag{{Key: "team", Value: "x"}}), "")
	}
	// So sessions that were begun before a time are revoked, and long-lived keys kept out.
	for condition, wants := range map[string][2]registry.Code{
		`"DateLessThan": {"aws:TokenIssueTime": "2026-11-28T12:00:00Z"}`: {"", ""},
		`"DateLessThan": {"aws:TokenIssueTime": "2026-11-28T12:00:01Z"}`: {registry.AccessDenied, ""},
		`"Bool": {"aws:MultiFactorAuthPresent": "false"}`:                {registry.AccessDenied, ""},
		`"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}`:        {registry.AccessDenied, registry.AccessDenied},
		`"Null": {"aws:TokenIssueTime": "true"}`:                         {"", registry.AccessDenied},
	} {
		grant(condition)
		for i, caller := range []access.Caller{c, longLived} {
			_, err := d.ResourceTags(ctx, caller, ref)
			wantCode(t, fmt.Sprint(condition, " ", caller.Identity.Temporary.AccessKeyID), err, wants[i])
		}
	}
	grant(`"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a", "b"]}`)
	wantCode(t, "tag keys as asked", d.UntagResource(ctx, c, ref, []string{"a", "b"}), "")
	wantCode(t, "another tag key", d.UntagResource(ctx, c, ref, []string{"a", "team"}), registry.AccessDenied)
	wantCode(t, "another tag", d.TagResource(ctx, c, ref, []resource.Tag{{Key: "c"}}), registry.AccessDenied)
}

// Principal "*" for the organization opens a repository to its accounts.
func TestPullByOrganization(t *testing.T) {
	d := openStill(t)
	d.create(in(prod))
	d.put(in(prod), d.image(in(prod), "x"), "latest")
	text := func(organization string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["ecr:BatchGetImage","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer"],
			"Condition":{"StringEquals":{"aws:PrincipalOrgID":"` + organization + `"}}}]}`
	}
	for _, tt := range []struct {
		organization, account string
		want                  registry.Code
	}{
		{organization, devAccount, ""}, {"o-ofanother0", devAccount, registry.AccessDenied},
		{organization, "999988887777", registry.AccessDenied},
	} {
		if err := d.SetRepositoryPolicy(ctx, root(prodAccount), in(prod), text(tt.organization), false); err != nil {
			t.Fatal(err)
		}
		wantCode(t, tt.organization+" "+tt.account, d.pullAs(root(tt.account), in(prod), registry.Reference{Tag: "latest"},
			digest.FromString("x")), tt.want)
	}
}

// Policies do not see the case of a tag's key, so no two keys may differ only by it.
func TestTagKeysDifferByMoreThanCase(t *testing.T) {
	d := openStill(t)
	c, ref := root(prodAccount), in(prod)
	tags := func(keys ...string) (tags []resource.Tag) {
		for _, k := range keys {
			tags = append(tags, resource.Tag{Key: k, Value: "x"})
		}
		return tags
	}
	_, err := d.CreateRepository(ctx, c, ref, registry.NewRepository{Tags: tags("team", "Team")})
	wantCode(t, "a new repository", err, registry.InvalidTagParameter)
	if _, err := d.CreateRepository(ctx, c, ref, registry.NewRepository{Tags: tags("Team")}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "two of a request", d.TagResource(ctx, c, ref, tags("stage", "STAGE")), registry.InvalidTagParameter)
	wantCode(t, "one that is there", d.TagResource(ctx, c, ref, tags("stage", "team")), registry.InvalidTagParameter)
	wantCode(t, "the same", d.TagResource(ctx, c, ref, tags("stage", "Team")), "")

	// Those of earlier programs are both seen.
	r, err := d.meta.Repository(ctx, prodAccount, prod.Region, ref.Name, nil)
	if err == nil {
		err = d.meta.Update(ctx, func(tx *metadata.Tx) error {
			return tx.Repositories().SetResourceTag(r, resource.Tag{Key: "TEAM", Value: "y"})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]registry.Code{"x": registry.AccessDenied, "y": registry.AccessDenied, "z": ""} {
		deny := `{"Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:ListImages","Condition":{"StringEquals":{"aws:ResourceTag/team":"` + value + `"}}}]}`
		if err := d.SetRepositoryPolicy(ctx, c, ref, deny, true); err != nil {
			t.Fatal(err)
		}
		_, _, err := d.Tags(ctx, c, ref, registry.Page{Limit: 1})
		wantCode(t, value, err, want)
	}
}

// A repository with tags needs the right to set them, too.
func TestCreateWithTagsNeedsTagResource(t *testing.T) {
	d := openStill(t)
	create := func(name string, tags ...resource.Tag) error {
		_, err := d.CreateRepository(ctx, root(prodAccount), resource.Repository{Registry: dev, Name: name},
			registry.NewRepository{Tags: tags})
		return err
	}
	grant := func(actions, condition string) {
		text := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"` + prodAccount + `"},"Resource":"*","Action":[` +
			actions + `]` + condition + `}]}`
		if err := d.SetRegistryPolicy(ctx, root(devAccount), dev, text); err != nil {
			t.Fatal(err)
		}
	}
	dev, other := resource.Tag{Key: "environment", Value: "dev"}, resource.Tag{Key: "environment", Value: "prod"}
	grant(`"ecr:CreateRepository"`, "")
	wantCode(t, "without tags", create("a1"), "")
	wantCode(t, "with tags", create("a2", dev), registry.AccessDenied)
	grant(`"ecr:CreateRepository","ecr:TagResource"`, `,"Condition":{"StringEquals":{"aws:RequestTag/environment":"dev"}}`)
	wantCode(t, "the tag", create("a3", dev), "")
	wantCode(t, "without the tag", create("a4"), registry.AccessDenied)
	wantCode(t, "another value", create("a5", other), registry.AccessDenied)
	ref := resource.Repository{Registry: resource.Registry{Account: devAccount, Region: "us-west-2"}, Name: "a3"}
	wantCode(t, "setting it", d.TagResource(ctx, root(prodAccount), ref, []resource.Tag{dev}), "")
	wantCode(t, "setting another value", d.TagResource(ctx, root(prodAccount), ref, []resource.Tag{other}),
		registry.AccessDenied)
}

// Bytes are sent in four ways; one Deny stops them all.
func TestDenyOfUploadLayerPart(t *testing.T) {
	d := openStill(t)
	c, ref := root(prodAccount), in(prod)
	d.create(ref)
	empty, err := d.StartUpload(ctx, c, ref)
	if err != nil {
		t.Fatal(err)
	}
	begun, err := d.StartUpload(ctx, c, ref)
	if err == nil {
		_, err = d.AppendUpload(ctx, c, ref, begun, 0, strings.NewReader("before"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetRepositoryPolicy(ctx, c, ref, statement("Deny", prodAccount, "ecr:UploadLayerPart"), true); err != nil {
		t.Fatal(err)
	}
	content := digest.FromString("content")
	_, err = d.AppendUpload(ctx, c, ref, empty, 0, strings.NewReader("content"))
	wantCode(t, "a part", err, registry.AccessDenied)
	for _, offset := range []int64{-1, 0} {
		_, err = d.CompleteUpload(ctx, c, ref, empty, content, offset, strings.NewReader("content"))
		wantCode(t, "completing with the bytes", err, registry.AccessDenied)
	}
	_, err = d.PutLayer(ctx, c, ref, content, strings.NewReader("content"))
	wantCode(t, "at once", err, registry.AccessDenied)
	_, err = d.Layer(ctx, c, ref, content)
	wantCode(t, "afterwards", err, registry.LayersNotFound)
	_, err = d.CompleteUpload(ctx, c, ref, begun, digest.FromString("before"), -1, nil)
	wantCode(t, "completing what was sent before", err, "")
}
