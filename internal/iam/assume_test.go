package iam_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/iam"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

const (
	prod, dev = "111122223333", "444455556666"
	deployARN = "arn:aws:iam::" + prod + ":role/ci/deploy"
	nextARN   = "arn:aws:iam::" + dev + ":role/next"
	readerARN = "arn:aws:iam::" + prod + ":policy/reader"
	allowAll  = `{"Effect": "Allow", "Action": "*", "Resource": "*"}`
)

// directory is a fixed set of roles and managed policies. It is an auth.Keys, too.
type directory struct {
	roles    map[string]iam.Assumable // by ARN
	policies map[string]policy.Policy // by account and ARN
	fails    error
}

func (d *directory) Assumable(_ context.Context, account, name string) (iam.Assumable, error) {
	for arn, role := range d.roles {
		own := arn[strings.LastIndexByte(arn, '/')+1:]
		if policy.AccountOf(arn) == account && strings.EqualFold(own, name) {
			return role, d.fails
		}
	}
	return iam.Assumable{}, iam.ErrNotFound
}

func (d *directory) ManagedPolicy(_ context.Context, account, arn string) (policy.Policy, error) {
	if found, ok := d.policies[account+" "+arn]; ok {
		return found, nil
	}
	return policy.Policy{}, iam.ErrNotFound
}

func (d *directory) AccessKey(context.Context, string) (auth.AccessKey, error) {
	return auth.AccessKey{}, auth.ErrNoKey
}

func (d *directory) Role(_ context.Context, id string) (auth.AccessKey, error) {
	for _, role := range d.roles {
		if role.Key.ID == id {
			return role.Key, nil
		}
	}
	return auth.AccessKey{}, auth.ErrNoKey
}

func (d *directory) add(t *testing.T, arn, id, statements string, tags ...resource.Tag) {
	t.Helper()
	d.roles[arn] = iam.Assumable{
		Key: auth.AccessKey{ID: id, Secret: "secret of " + id, Principal: policy.Principal{
			Account: policy.AccountOf(arn), ARN: arn, Role: arn,
		}},
		Trust: policy.Policy{Name: "trust", Document: parse(t, statements, policy.TrustPolicy)}, MaxSession: 2 * time.Hour,
		Tags: tags,
	}
}

func parse(t *testing.T, statements string, kind policy.Kind) *policy.Document {
	t.Helper()
	document, err := policy.Parse(`{"Version": "2012-10-17", "Statement": [`+statements+`]}`, kind)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// trusting is a statement that lets a principal do actions, under a condition.
func trusting(principal, actions, condition string) string {
	if condition != "" {
		condition = `, "Condition": {` + condition + `}`
	}
	return fmt.Sprintf(`{"Effect": "Allow", "Principal": {"AWS": %q}, "Action": [%s]%s}`, principal, actions, condition)
}

type deployment struct {
	*iam.Sessions
	*directory
	verifier *auth.Verifier
	now      time.Time
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{
		directory: &directory{roles: map[string]iam.Assumable{}, policies: map[string]policy.Policy{}},
		now:       time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC),
	}
	now := func() time.Time { return d.now }
	d.verifier = auth.NewVerifier(d.directory, "deployment", now)
	d.Sessions = iam.NewSessions(d.directory, access.New(access.Config{Now: now}), d.verifier)
	d.add(t, deployARN, "AROADEPLOYDEPLOYDEPLO", trusting("*", `"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"`,
		""))
	d.add(t, nextARN, "AROANEXTNEXTNEXTNEXTN", trusting("*", `"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"`,
		""))
	return d
}

// user is one of an account, who may do all that its identity policies can allow.
func user(t *testing.T, account string) access.Caller {
	t.Helper()
	return access.Caller{
		Identity: auth.Identity{AccessKeyID: "AKIACICICICICICICICI", Principal: policy.Principal{
			Account: account, ARN: "arn:aws:iam::" + account + ":user/ci", ID: "AIDACICICICICICICICIC",
		}},
		Grants: access.Grants{Policies: []policy.Policy{{Name: "all", Document: parse(t, allowAll, policy.IdentityPolicy)}}},
	}
}

// identity is who signs with the credentials of an assumed role.
func (d *deployment) identity(t *testing.T, assumed iam.AssumedRole) auth.Identity {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://localhost:8080/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	c := assumed.Credentials
	sum := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.SessionToken,
	}, r, hex.EncodeToString(sum[:]), "sts", "us-east-1", d.now); err != nil {
		t.Fatal(err)
	}
	identity, err := d.verifier.Verify(r, nil, "sts")
	if err != nil {
		t.Fatal(err)
	}
	if identity.Principal != assumed.Principal {
		t.Errorf("assumed %+v, and is %+v", assumed.Principal, identity.Principal)
	}
	return identity
}

// session is the caller that an assumed role is; it may do all that its identity policies can allow.
func (d *deployment) session(t *testing.T, assumed iam.AssumedRole) access.Caller {
	t.Helper()
	c := user(t, assumed.Principal.Account)
	c.Identity = d.identity(t, assumed)
	var err error
	if c.Grants, err = iam.SessionGrants(t.Context(), d, c.Identity.Principal.Account, c.Identity.Role, c.Grants); err != nil {
		t.Fatal(err)
	}
	return c
}

func in(change ...func(*iam.AssumeRole)) iam.AssumeRole {
	one := iam.AssumeRole{RoleARN: deployARN, SessionName: "build-17"}
	for _, c := range change {
		c(&one)
	}
	return one
}

func wantCode(t *testing.T, what string, err error, code, text string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	refused, ok := errors.AsType[*iam.Error](err)
	if !ok || refused.Code != code || !strings.Contains(refused.Message, text) {
		t.Errorf("%s: %v; want %s: %s", what, err, code, text)
	}
}

func TestAssumeRole(t *testing.T) {
	d := newDeployment(t)
	for _, account := range []string{prod, dev} {
		got, err := d.AssumeRole(t.Context(), user(t, account), in())
		if err != nil {
			t.Fatal(err)
		}
		c := got.Credentials
		if got.Principal.ARN != "arn:aws:sts::"+prod+":assumed-role/deploy/build-17" ||
			got.Principal.UserID() != "AROADEPLOYDEPLOYDEPLO:build-17" || got.PackedSize != 0 || got.SourceIdentity != "" ||
			!auth.IsTemporaryID(c.AccessKeyID) || c.Expires != d.now.Add(time.Hour) {
			t.Errorf("from %s: %+v", account, got)
		}
	}
	d.fails = errors.New("the database does not answer")
	if _, err := d.AssumeRole(t.Context(), user(t, prod), in()); !errors.Is(err, d.fails) {
		t.Errorf("%v", err)
	}
}

// Who is refused: what is not there as what does not trust, with one text.
func TestAssumeRoleRefuses(t *testing.T) {
	d := newDeployment(t)
	confused := trusting("arn:aws:iam::"+dev+":root", `"sts:AssumeRole"`, `"StringEquals": {"sts:ExternalId": "ticket-1"}`)
	d.add(t, "arn:aws:iam::"+prod+":role/vendor", "AROAVENDORVENDORVENDO", confused)
	d.add(t, "arn:aws:iam::"+prod+":role/silent", "AROASILENTSILENTSILEN", trusting("arn:aws:iam::"+prod+":user/else",
		`"sts:AssumeRole"`, ""))
	d.add(t, "arn:aws:iam::"+prod+":role/own", "AROAOWNOWNOWNOWNOWNOW", trusting("arn:aws:iam::"+prod+":user/ci",
		`"sts:AssumeRole"`, ""))
	d.add(t, "arn:aws:iam::"+prod+":role/plain", "AROAPLAINPLAINPLAINPL", trusting(prod, `"sts:AssumeRole"`, ""))
	untrusting := d.roles["arn:aws:iam::"+prod+":role/plain"]
	untrusting.Key.Principal.ARN = "arn:aws:iam::" + prod + ":role/none"
	untrusting.Key.Principal.Role, untrusting.Trust.Document = untrusting.Key.Principal.ARN, nil
	d.roles[untrusting.Key.Principal.ARN] = untrusting
	role := func(arn string) func(*iam.AssumeRole) { return func(in *iam.AssumeRole) { in.RoleARN = arn } }
	named := func(name string) func(*iam.AssumeRole) { return role("arn:aws:iam::" + prod + ":role/" + name) }
	external := func(id string) func(*iam.AssumeRole) { return func(in *iam.AssumeRole) { in.ExternalID = id } }
	nobody := user(t, prod)
	nobody.Policies = nil
	confined := user(t, prod)
	confined.Session = []policy.Policy{}
	bounded := user(t, prod)
	bounded.Boundary = &policy.Policy{Name: "boundary", Document: parse(t,
		`{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}`, policy.IdentityPolicy)}
	root := access.Caller{Identity: auth.Identity{Principal: policy.Root(prod)}}
	temporaryRoot := root
	temporaryRoot.Identity.Temporary = auth.Temporary{AccessKeyID: "ASIA", IssuedAt: d.now, Expires: d.now.Add(time.Hour)}
	for what, c := range map[string]struct {
		who        access.Caller
		in         iam.AssumeRole
		code, text string
	}{
		"root":           {root, in(), "AccessDenied", "Roles may not be assumed by root accounts."},
		"root's session": {temporaryRoot, in(), "AccessDenied", "Roles may not be assumed by root accounts."},
		"no such role":   {user(t, prod), in(named("absent")), "AccessDenied", "sts:AssumeRole on resource"},
		"no such account": {
			user(t, prod), in(role("arn:aws:iam::999988887777:role/x")), "AccessDenied", "sts:AssumeRole",
		},
		"another trusted": {user(t, prod), in(named("silent")), "AccessDenied", "sts:AssumeRole on resource"},
		"no trust policy": {user(t, prod), in(named("none")), "AccessDenied", "sts:AssumeRole on resource"},
		"path left out":   {user(t, prod), in(named("deploy")), "AccessDenied", "sts:AssumeRole on resource"},
		"other case":      {user(t, prod), in(named("ci/Deploy")), "AccessDenied", "sts:AssumeRole on resource"},
		"a policy's ARN":  {user(t, prod), in(role(readerARN)), "ValidationError", "is invalid"},
		"a session's ARN": {
			user(t, prod), in(role("arn:aws:sts::" + prod + ":assumed-role/deploy/x")), "ValidationError", "",
		},
		"no account": {
			user(t, prod), in(role("arn:aws:iam:::role/deploy")), "ValidationError", "is invalid",
		},
		"no name": {
			user(t, prod), in(role("arn:aws:iam::" + prod + ":role/ci/")), "ValidationError", "is invalid",
		},
		"an id":                     {user(t, prod), in(role("AROADEPLOYDEPLOYDEPLO")), "ValidationError", "is invalid"},
		"account trusted":           {user(t, prod), in(named("plain")), "", ""},
		"account trusted, no right": {nobody, in(named("plain")), "AccessDenied", "sts:AssumeRole on resource"},
		"named, no right needed":    {nobody, in(named("own")), "", ""},
		"session policy":            {confined, in(named("plain")), "AccessDenied", "sts:AssumeRole on resource"},
		"boundary":                  {bounded, in(named("plain")), "AccessDenied", "sts:AssumeRole on resource"},
		"other account trusted":     {user(t, dev), in(named("plain")), "AccessDenied", "sts:AssumeRole on resource"},
		"external id":               {user(t, dev), in(named("vendor"), external("ticket-1")), "", ""},
		"external id missing":       {user(t, dev), in(named("vendor")), "AccessDenied", "sts:AssumeRole on resource"},
		"external id wrong": {
			user(t, dev), in(named("vendor"), external("ticket-2")), "AccessDenied", "sts:AssumeRole",
		},
	} {
		got, err := d.AssumeRole(t.Context(), c.who, c.in)
		wantCode(t, what, err, c.code, c.text)
		if c.code == "AccessDenied" && strings.Contains(c.text, "sts:") && err.Error() != "AccessDenied: User: "+
			c.who.Identity.Principal.ARN+" is not authorized to perform: sts:AssumeRole on resource: "+c.in.RoleARN {
			t.Errorf("%s: it says more: %v", what, err)
		}
		if err != nil && got.Credentials.SessionToken != "" {
			t.Errorf("%s: refused with credentials", what)
		}
	}
}

func TestAssumeRoleDuration(t *testing.T) {
	d := newDeployment(t)
	first, err := d.AssumeRole(t.Context(), user(t, prod), in())
	if err != nil {
		t.Fatal(err)
	}
	chained := d.session(t, first)
	temporary := user(t, prod)
	temporary.Identity.Temporary = auth.Temporary{AccessKeyID: "ASIA", IssuedAt: d.now, Expires: d.now.Add(time.Hour)}
	for _, c := range []struct {
		who   access.Caller
		asked time.Duration
		text  string
	}{
		{user(t, prod), 2 * time.Hour, ""},
		{user(t, prod), 2*time.Hour + time.Second, "exceeds the MaxSessionDuration set for this role."},
		{user(t, prod), 15 * time.Minute, ""},
		{chained, time.Hour, ""},
		{chained, time.Hour + time.Second, "exceeds the 1 hour session limit for roles assumed by role chaining."},
		{temporary, 2 * time.Hour, "exceeds the 1 hour session limit for roles assumed by role chaining."},
		{temporary, 0, ""},
	} {
		got, err := d.AssumeRole(t.Context(), c.who, in(func(in *iam.AssumeRole) { in.Duration = c.asked }))
		code := ""
		if c.text != "" {
			code = "ValidationError"
		}
		wantCode(t, c.asked.String(), err, code, c.text)
		if want := max(c.asked, time.Minute); err == nil && c.asked > 0 && got.Credentials.Expires != d.now.Add(want) {
			t.Errorf("%s: it expires at %s", c.asked, got.Credentials.Expires)
		}
	}
}

// Tags and a source identity are handed on along a chain, and neither can be set
// without the trust policy's permission.
func TestAssumeRoleChain(t *testing.T) {
	d := newDeployment(t)
	tags := func(keys ...string) func(*iam.AssumeRole) {
		return func(in *iam.AssumeRole) {
			for _, key := range keys {
				in.Tags = append(in.Tags, resource.Tag{Key: key, Value: "value of " + key})
			}
		}
	}
	transitive := func(keys ...string) func(*iam.AssumeRole) { return func(in *iam.AssumeRole) { in.Transitive = keys } }
	source := func(id string) func(*iam.AssumeRole) { return func(in *iam.AssumeRole) { in.SourceIdentity = id } }
	first, err := d.AssumeRole(t.Context(), user(t, prod), in(tags("team", "step"), transitive("Team"), source("someone")))
	if err != nil || first.SourceIdentity != "someone" || first.PackedSize < 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	second := d.session(t, first)
	next := func(arn string) func(*iam.AssumeRole) { return func(in *iam.AssumeRole) { in.RoleARN = arn } }
	chained, err := d.AssumeRole(t.Context(), second, in(next(nextARN), tags("own")))
	if err != nil || chained.SourceIdentity != "someone" {
		t.Fatalf("%+v, %v", chained, err)
	}
	third := d.session(t, chained).Identity.Role
	if want := []resource.Tag{{Key: "own", Value: "value of own"}, {Key: "team", Value: "value of team"}}; !slices.Equal(
		third.Tags, want) || !slices.Equal(third.Transitive, []string{"team"}) || !third.Chained ||
		third.SourceIdentity != "someone" {
		t.Errorf("the second of the chain: %+v", third)
	}

	for name, actions := range map[string]string{
		"untagged": `"sts:AssumeRole", "sts:SetSourceIdentity"`, "anonymous": `"sts:AssumeRole", "sts:TagSession"`,
	} {
		d.add(t, "arn:aws:iam::"+prod+":role/"+name, "AROA"+strings.ToUpper(name), trusting("*", actions, ""))
	}
	d.add(t, "arn:aws:iam::"+prod+":role/strict", "AROASTRICTSTRICTSTRIC", trusting("*",
		`"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"`,
		`"StringEquals": {"aws:RequestTag/team": "web", "sts:RoleSessionName": "build-17", "sts:SourceIdentity": "someone",
			"aws:ResourceTag/stage": "prod"}, "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["team"]}`),
		resource.Tag{Key: "stage", Value: "prod"})
	named := func(name string) func(*iam.AssumeRole) { return next("arn:aws:iam::" + prod + ":role/" + name) }
	web := func(in *iam.AssumeRole) { in.Tags = []resource.Tag{{Key: "team", Value: "web"}} }
	for what, c := range map[string]struct {
		who        access.Caller
		in         iam.AssumeRole
		code, text string
	}{
		"tags not permitted": {
			user(t, prod), in(named("untagged"), tags("a")), "AccessDenied", "sts:TagSession on",
		},
		"handed on, not permitted": {second, in(named("untagged")), "AccessDenied", "sts:TagSession on"},
		"source identity not permitted": {
			user(t, prod), in(named("anonymous"), source("me")), "AccessDenied", "sts:SetSourceIdentity",
		},
		"source identity handed on": {second, in(named("anonymous")), "AccessDenied", "sts:SetSourceIdentity on"},
		"source identity changed":   {second, in(source("else")), "AccessDenied", "cannot be changed"},
		"source identity repeated":  {second, in(source("someone")), "", ""},
		"a transitive tag again":    {second, in(tags("TEAM")), "InvalidParameterValue", "transitive"},
		"duplicates": {
			user(t, prod), in(tags("a", "A")), "InvalidParameterValue", "Duplicate tag keys found.",
		},
		"transitive, but no tag": {
			user(t, prod), in(tags("a"), transitive("b")), "InvalidParameterValue", "b is none",
		},
		"what the trust policy asks for": {user(t, prod), in(named("strict"), web, source("someone")), "", ""},
		"another value": {
			user(t, prod), in(named("strict"), tags("team"), source("someone")), "AccessDenied", "",
		},
		"no source identity": {user(t, prod), in(named("strict"), web), "AccessDenied", "sts:AssumeRole"},
	} {
		_, err := d.AssumeRole(t.Context(), c.who, c.in)
		wantCode(t, what, err, c.code, c.text)
	}
	many := make([]string, 50)
	for i := range many {
		many[i] = fmt.Sprint("k", i)
	}
	if _, err := d.AssumeRole(t.Context(), second, in(tags(many...))); err == nil {
		t.Error("51 tags are taken")
	}
}

// Session policies limit a session to what they and the role both allow.
func TestSessionPolicies(t *testing.T) {
	d := newDeployment(t)
	reader := parse(t, `{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}`, policy.IdentityPolicy)
	d.policies[prod+" "+readerARN] = policy.Policy{Name: "reader", Document: reader}
	d.policies[dev+" arn:aws:iam::"+dev+":policy/foreign"] = policy.Policy{Name: "foreign", Document: reader}
	const inline = `{"Version": "2012-10-17", "Statement": [` +
		`{"Effect": "Allow", "Action": "ecr:DescribeImages", "Resource": "*"}]}`
	with := func(text string, arns ...string) func(*iam.AssumeRole) {
		return func(in *iam.AssumeRole) { in.Policy, in.PolicyARNs = text, arns }
	}
	for what, c := range map[string]struct {
		in         iam.AssumeRole
		code, text string
	}{
		"not JSON": {in(with("x")), "MalformedPolicyDocument", ""},
		"of a resource": {
			in(with(strings.Replace(inline, `"Effect"`, `"Principal": "*", "Effect"`, 1))), "MalformedPolicyDocument", "",
		},
		"no such policy": {
			in(with("", "arn:aws:iam::"+prod+":policy/none")), "MalformedPolicyDocument", "no managed policy",
		},
		"of another account": {in(with("", "arn:aws:iam::"+dev+":policy/foreign")), "MalformedPolicyDocument", ""},
		"too long together": {
			in(with(inline+strings.Repeat(" ", 2048-len(inline)), readerARN)), "ValidationError", "2048",
		},
		"too large with tags": {
			in(with(inline+strings.Repeat(" ", 2048-len(inline))), tagged(600)), "PackedPolicyTooLarge", "% of allotted space",
		},
		"tags too large": {
			in(tagged(auth.MaxPacked + 1)), "PackedPolicyTooLarge", "Packed size of session tags consumes 101%",
		},
		"as large as can be":     {in(with(inline + strings.Repeat(" ", 2048-len(inline)))), "", ""},
		"inline and managed one": {in(with(inline, readerARN)), "", ""},
	} {
		_, err := d.AssumeRole(t.Context(), user(t, prod), c.in)
		wantCode(t, what, err, c.code, c.text)
	}

	decider := access.New(access.Config{Now: func() time.Time { return d.now }})
	may := func(c access.Caller) string {
		var allowed []string
		for _, action := range []string{"ecr:DescribeImages", "ecr:BatchGetImage", "ecr:PutImage"} {
			decision, err := decider.Decide(t.Context(), access.Request{Caller: c, Action: action, On: resource.Repository{
				Registry: resource.Registry{Account: prod, Region: "us-east-1"}, Name: "app",
			}})
			if err != nil {
				t.Fatal(err)
			}
			if decision.Allowed() {
				allowed = append(allowed, strings.TrimPrefix(action, "ecr:"))
			}
		}
		return strings.Join(allowed, " ")
	}
	for what, c := range map[string]struct {
		in   iam.AssumeRole
		want string
	}{
		"none": {in(), "DescribeImages BatchGetImage PutImage"}, "inline": {in(with(inline)), "DescribeImages"},
		"managed": {in(with("", readerARN)), "BatchGetImage"},
		"both":    {in(with(inline, readerARN)), "DescribeImages BatchGetImage"},
	} {
		assumed, err := d.AssumeRole(t.Context(), user(t, prod), c.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := may(d.session(t, assumed)); got != c.want {
			t.Errorf("%s: it may %s, want %s", what, got, c.want)
		}
	}
	// A managed policy that is gone allows nothing, rather than everything.
	assumed, err := d.AssumeRole(t.Context(), user(t, prod), in(with("", readerARN)))
	if err != nil {
		t.Fatal(err)
	}
	delete(d.policies, prod+" "+readerARN)
	if got := may(d.session(t, assumed)); got != "" {
		t.Errorf("without its policy it may %s", got)
	}
}

// tagged gives a session one tag of some size.
func tagged(size int) func(*iam.AssumeRole) {
	return func(in *iam.AssumeRole) { in.Tags = []resource.Tag{{Key: "k", Value: strings.Repeat("v", size)}} }
}

func TestSessionTagsOverrideTheRoles(t *testing.T) {
	role := access.Grants{Tags: []resource.Tag{{Key: "Team", Value: "role"}, {Key: "stage", Value: "prod"}}}
	before := slices.Clone(role.Tags)
	got, err := iam.SessionGrants(t.Context(), nil, prod, &auth.RoleSession{
		Tags: []resource.Tag{{Key: "team", Value: "session"}},
	}, role)
	if want := []resource.Tag{{Key: "stage", Value: "prod"}, {Key: "team", Value: "session"}}; err != nil ||
		!slices.Equal(got.Tags, want) || got.Session != nil || !slices.Equal(role.Tags, before) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A role that is deleted and made anew under its name ends the sessions of the first.
func TestSessionEndsWithItsRole(t *testing.T) {
	d := newDeployment(t)
	assumed, err := d.AssumeRole(t.Context(), user(t, prod), in())
	if err != nil {
		t.Fatal(err)
	}
	identity := d.identity(t, assumed)
	key, err := auth.KeyOf(t.Context(), d, identity)
	if err != nil {
		t.Fatal(err)
	}
	login := auth.SignToken(key, auth.Token{
		Region: "us-east-1", Temporary: identity.Temporary, Role: identity.Role, Expires: assumed.Credentials.Expires,
	})
	if _, got, err := d.verifier.VerifyToken(t.Context(), login); err != nil || got.Principal != identity.Principal {
		t.Errorf("a login is of %+v, %v", got.Principal, err)
	}
	d.add(t, deployARN, "AROAANEWANEWANEWANEWA", trusting("*", `"sts:AssumeRole"`, ""))
	if _, _, err := d.verifier.VerifyToken(t.Context(), login); !errors.Is(err, auth.ErrTokenInvalid) {
		t.Errorf("the new role takes the old one's session: %v", err)
	}
}
