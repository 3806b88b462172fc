package awsapi_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi"
	"github.com/twinport/twinport/internal/iam"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// oneRole is an account with a user, whose key is keyID, and the role deploy, which trusts everyone.
type oneRole struct {
	user policy.Principal
	role iam.Assumable
}

const deployID = "AROADEPLOYDEPLOYDEPLO"

func newOneRole(t *testing.T) *oneRole {
	t.Helper()
	trust, err := policy.Parse(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
		"Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}]}`, policy.TrustPolicy)
	if err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:iam::" + account + ":role/ci/deploy"
	return &oneRole{
		user: policy.Principal{
			Account: account, ARN: "arn:aws:iam::" + account + ":user/ci", ID: "AIDACICICICICICICICIC",
		},
		role: iam.Assumable{
			Key: auth.AccessKey{
				ID: deployID, Secret: "role", Principal: policy.Principal{Account: account, ARN: arn, Role: arn},
			},
			Trust: policy.Policy{Name: "trust", Document: trust}, MaxSession: time.Hour,
		},
	}
}

func (o *oneRole) AccessKey(_ context.Context, id string) (auth.AccessKey, error) {
	if id != keyID {
		return auth.AccessKey{}, auth.ErrNoKey
	}
	return auth.AccessKey{ID: keyID, Secret: secret, Principal: o.user}, nil
}

func (o *oneRole) Role(_ context.Context, id string) (auth.AccessKey, error) {
	if id != o.role.Key.ID {
		return auth.AccessKey{}, auth.ErrNoKey
	}
	return o.role.Key, nil
}

func (o *oneRole) Assumable(_ context.Context, in, name string) (iam.Assumable, error) {
	if in != account || name != "deploy" {
		return iam.Assumable{}, iam.ErrNotFound
	}
	return o.role, nil
}

func (o *oneRole) ManagedPolicy(context.Context, string, string) (policy.Policy, error) {
	return policy.Policy{}, iam.ErrNotFound
}

// Grants lets the user assume roles only, and the role do all but that.
func (o *oneRole) Grants(ctx context.Context, identity auth.Identity) (access.Grants, error) {
	action := `"Action": "sts:AssumeRole"`
	if identity.Role != nil {
		action = `"NotAction": "sts:*"`
	}
	document, err := policy.Parse(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", `+action+
		`, "Resource": "*"}]}`, policy.IdentityPolicy)
	if err != nil {
		return access.Grants{}, err
	}
	grants := access.Grants{Policies: []policy.Policy{{Name: "its own", Document: document}}}
	if identity.Role == nil {
		return grants, nil
	}
	return iam.SessionGrants(ctx, o, account, identity.Role, grants)
}

func newAPIWithRole(t *testing.T) (*api, *oneRole) {
	t.Helper()
	o := newOneRole(t)
	var verifier *auth.Verifier
	a := newAPI(t, func(c *awsapi.Config) {
		verifier = auth.NewVerifier(o, "deployment", time.Now)
		c.Verifier, c.Grants = verifier, o
		c.Roles = iam.NewSessions(o, access.New(access.Config{Now: time.Now}), verifier)
		c.Keys = o
	})
	a.verifier = verifier
	return a, o
}

// TestAssumeRole: a role's session works against ECR, in logins and downloads, within its session policy.
func TestAssumeRole(t *testing.T) {
	t.Parallel()
	a, o := newAPIWithRole(t)
	ctx := t.Context()
	a.domain.create("app")
	own := sts.NewFromConfig(a.config(region))
	who := must[*sts.GetCallerIdentityOutput](t)(own.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
	if *who.Arn != o.user.ARN || *who.UserId != o.user.ID {
		t.Errorf("the user is %s, %s", *who.Arn, *who.UserId)
	}
	_, err := a.ecr().DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{})
	want(t, err, "AccessDeniedException", "")

	out := must[*sts.AssumeRoleOutput](t)(own.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: &o.role.Key.Principal.ARN, RoleSessionName: aws.String("build-17"), DurationSeconds: aws.Int32(900),
		Policy: aws.String(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
			"Action": ["ecr:DescribeRepositories", "ecr:GetAuthorizationToken"]}]}`),
		Tags: []ststypes.Tag{
			{Key: aws.String("チーム"), Value: aws.String("web + api")}, {Key: aws.String("e"), Value: aws.String("")},
		},
		TransitiveTagKeys: []string{"e"}, SourceIdentity: aws.String("someone"),
	}))
	arn := "arn:aws:sts::" + account + ":assumed-role/deploy/build-17"
	if *out.AssumedRoleUser.Arn != arn || *out.AssumedRoleUser.AssumedRoleId != deployID+":build-17" ||
		*out.SourceIdentity != "someone" ||
		time.Until(*out.Credentials.Expiration).Round(time.Minute) != 15*time.Minute {
		t.Errorf("%+v, %+v", out, out.AssumedRoleUser)
	}
	given := aws.Credentials{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken,
	}
	session := sts.NewFromConfig(a.as(given))
	who = must[*sts.GetCallerIdentityOutput](t)(session.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
	if *who.Arn != arn || *who.UserId != deployID+":build-17" || *who.Account != account {
		t.Errorf("the session is %s, %s", *who.Arn, *who.UserId)
	}
	_, err = session.GetSessionToken(ctx, &sts.GetSessionTokenInput{})
	want(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")

	registry := ecr.NewFromConfig(a.as(given))
	must[*ecr.DescribeRepositoriesOutput](t)(registry.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{}))
	_, err = registry.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("more")})
	want(t, err, "AccessDeniedException", "")
	login := must[*ecr.GetAuthorizationTokenOutput](t)(registry.GetAuthorizationToken(ctx,
		&ecr.GetAuthorizationTokenInput{})).AuthorizationData[0]
	basic := string(must[[]byte](t)(base64.StdEncoding.DecodeString(*login.AuthorizationToken)))
	_, identity, err := a.verifier.VerifyToken(ctx, strings.TrimPrefix(basic, "AWS:"))
	if err != nil || identity.Principal.ARN != arn || identity.Role == nil || identity.Role.Policy == "" ||
		len(identity.Role.Tags) != 2 || identity.Role.Tags[0] != (resource.Tag{Key: "チーム", Value: "web + api"}) {
		t.Errorf("a login: %+v, %v", identity, err)
	}
	if left := time.Until(*login.ExpiresAt); left > 15*time.Minute {
		t.Errorf("the login goes on for %s", left)
	}

	// A role that is made anew ends the session.
	o.role.Key.ID = "AROAANEWANEWANEWANEWA"
	_, err = registry.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{})
	want(t, err, "UnrecognizedClientException", "The security token included in the request is invalid.")
	_, err = session.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	want(t, err, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// TestAssumeRoleParameters: a parameter that breaks a limit, or that is not understood, is never left out.
func TestAssumeRoleParameters(t *testing.T) {
	t.Parallel()
	a, o := newAPIWithRole(t)
	role := o.role.Key.Principal.ARN
	form := func(more ...string) string {
		v := url.Values{
			"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {"build-17"},
		}
		for i := 0; i < len(more); i += 2 {
			if more[i+1] == "-" {
				v.Del(more[i])
				continue
			}
			v.Add(more[i], more[i+1])
		}
		return v.Encode()
	}
	var tags []string
	for i := range 51 {
		member := fmt.Sprintf("Tags.member.%d.", i+1)
		tags = append(tags, member+"Key", fmt.Sprint("k", i), member+"Value", "")
	}
	for what, c := range map[string]struct{ form, code string }{
		"all is well":            {form(), ""},
		"an empty list":          {form("Tags", "", "PolicyArns", ""), ""},
		"50 tags":                {form(tags[:200]...), ""},
		"51 tags":                {form(tags...), "ValidationError"},
		"no role":                {form("RoleArn", "-"), "ValidationError"},
		"no name":                {form("RoleSessionName", "-"), "ValidationError"},
		"a short name":           {form("RoleSessionName", "-", "RoleSessionName", "x"), "ValidationError"},
		"a name with a slash":    {form("RoleSessionName", "-", "RoleSessionName", "a/b"), "ValidationError"},
		"a name with a line":     {form("RoleSessionName", "-", "RoleSessionName", "ab\n"), "ValidationError"},
		"a long name":            {form("RoleSessionName", "-", "RoleSessionName", strings.Repeat("x", 65)), "ValidationError"},
		"two names":              {form("RoleSessionName", "other"), "ValidationError"},
		"two policies":           {form("Policy", "{}", "Policy", "{}"), "ValidationError"},
		"an empty policy":        {form("Policy", ""), "ValidationError"},
		"a long policy":          {form("Policy", strings.Repeat(" ", 2049)), "ValidationError"},
		"no JSON":                {form("Policy", "x"), "MalformedPolicyDocument"},
		"a policy that is none":  {form("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/None"), "MalformedPolicyDocument"},
		"a policy's other field": {form("PolicyArns.member.1.Arn", "arn:aws:iam::aws:policy/None"), "ValidationError"},
		"a gap":                  {form("PolicyArns.member.2.arn", "arn:aws:iam::aws:policy/None"), "ValidationError"},
		"a list's other form":    {form("PolicyArns.1.arn", "arn:aws:iam::aws:policy/None"), "ValidationError"},
		"too short a time":       {form("DurationSeconds", "899"), "ValidationError"},
		"too long a time":        {form("DurationSeconds", "43201"), "ValidationError"},
		"longer than the role":   {form("DurationSeconds", "3601"), "ValidationError"},
		"no number":              {form("DurationSeconds", ""), "ValidationError"},
		"an MFA code":            {form("TokenCode", "123456"), "AccessDenied"},
		"a provided context":     {form("ProvidedContexts.member.1.ContextAssertion", "eyJ"), "ValidationError"},
		"a short external id":    {form("ExternalId", "x"), "ValidationError"},
		"a source of AWS":        {form("SourceIdentity", "aws:x"), "ValidationError"},
		"a key without a value":  {form("Tags.member.1.Key", "k"), "ValidationError"},
		"a value without a key":  {form("Tags.member.1.Value", "v"), "ValidationError"},
		"AWS's own tag":          {form("Tags.member.1.Key", "AWS:x", "Tags.member.1.Value", "v"), "ValidationError"},
		"a tag with other signs": {form("Tags.member.1.Key", "k;", "Tags.member.1.Value", "v"), "ValidationError"},
		"transitive without tag": {form("TransitiveTagKeys.member.1", "k"), "InvalidParameterValue"},
		"tags too large": {
			form("Tags.member.1.Key", "k", "Tags.member.1.Value", strings.Repeat("v", 257)), "ValidationError",
		},
		"the role's id": {form("RoleArn", "-", "RoleArn", "AROADEPLOYDEPLOYDEPLO"), "ValidationError"},
	} {
		resp, text := send(t, a.signedForm(t, c.form))
		if c.code == "" {
			if resp.StatusCode != 200 || !strings.Contains(text, "<AssumeRoleResult><Credentials><AccessKeyId>ASIA") ||
				strings.Contains(text, "<PackedPolicySize>") != strings.Contains(c.form, "Tags.member") {
				t.Errorf("%s: %d %s", what, resp.StatusCode, text)
			}
			continue
		}
		if resp.StatusCode == 200 || !strings.Contains(text, "<Code>"+c.code+"</Code>") {
			t.Errorf("%s: %d %s, want %s", what, resp.StatusCode, text, c.code)
		}
	}
}

// TestAssumeRoleWithoutRoles: a deployment that has no roles refuses as one whose roles trust nobody.
func TestAssumeRoleWithoutRoles(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	_, err := sts.NewFromConfig(a.config(region)).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + account + ":role/any"), RoleSessionName: aws.String("one"),
	})
	want(t, err, "AccessDenied", "Roles may not be assumed by root accounts.")
}
