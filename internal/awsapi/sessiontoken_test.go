package awsapi_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/auth"
)

// temporary are credentials of the account's root that were issued an hour before they end.
func (a *api) temporary(ends time.Duration) aws.Credentials {
	now := func() time.Time { return time.Now().Add(ends - time.Hour) }
	key := auth.AccessKey{ID: keyID, Secret: secret, Principal: root(account).Identity.Principal}
	keys, err := auth.NewDirectory([]auth.Account{{ID: account, Keys: []auth.AccessKey{key}}})
	if err != nil {
		panic(err)
	}
	issued := auth.NewVerifier(keys, "deployment", now).Issue(key, time.Hour)
	return aws.Credentials{
		AccessKeyID: issued.AccessKeyID, SecretAccessKey: issued.Secret, SessionToken: issued.SessionToken,
	}
}

// as is a configuration with other credentials.
func (a *api) as(c aws.Credentials) aws.Config {
	cfg := a.config(region)
	cfg.Credentials = credentials.StaticCredentialsProvider{Value: c}
	return cfg
}

func TestSessionToken(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	own := sts.NewFromConfig(a.config(region))
	for seconds, lasts := range map[int32]time.Duration{
		0: time.Hour, 900: 15 * time.Minute, 3600: time.Hour, 3601: time.Hour, 129600: time.Hour,
	} {
		in := &sts.GetSessionTokenInput{}
		if seconds != 0 {
			in.DurationSeconds = &seconds
		}
		c := must[*sts.GetSessionTokenOutput](t)(own.GetSessionToken(ctx, in)).Credentials
		if left := time.Until(*c.Expiration); left > lasts || left < lasts-time.Minute {
			t.Errorf("asked for %d s, it expires at %s", seconds, c.Expiration)
		}
		given := aws.Credentials{
			AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
		}
		id := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(a.as(given)).GetCallerIdentity(ctx,
			&sts.GetCallerIdentityInput{}))
		if *id.Account != account || *id.Arn != "arn:aws:iam::111122223333:root" || *id.UserId != account {
			t.Errorf("identity: %+v", id)
		}
		must[*ecr.DescribeRegistryOutput](t)(ecr.NewFromConfig(a.as(given)).DescribeRegistry(ctx,
			&ecr.DescribeRegistryInput{}))
	}
	for _, c := range []struct {
		in         sts.GetSessionTokenInput
		code, text string
	}{
		{sts.GetSessionTokenInput{DurationSeconds: aws.Int32(899)}, "ValidationError", "1 validation error detected: Value " +
			"'899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{sts.GetSessionTokenInput{DurationSeconds: aws.Int32(129601)}, "ValidationError", "Value '129601' at " +
			"'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 129600"},
		{sts.GetSessionTokenInput{DurationSeconds: aws.Int32(-1)}, "ValidationError", "'-1'"},
		{sts.GetSessionTokenInput{SerialNumber: aws.String("arn:aws:iam::111122223333:mfa/phone"),
			TokenCode: aws.String("123456")}, "AccessDenied", "there are no MFA devices here"},
		{sts.GetSessionTokenInput{TokenCode: aws.String("123456")}, "AccessDenied", "MultiFactorAuthentication failed"},
	} {
		_, err := own.GetSessionToken(ctx, &c.in)
		want(t, err, c.code, c.text)
	}
	resp, text := send(t, a.signedForm(t, "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=an+hour"))
	if resp.StatusCode != 400 || !strings.Contains(text, "<Code>ValidationError</Code>") {
		t.Errorf("a duration that is no number: %d %s", resp.StatusCode, text)
	}
	resp, text = send(t, a.signedForm(t, "Action=GetSessionToken&Version=2011-06-15"))
	if resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(text,
		`<GetSessionTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetSessionTokenResult><Credentials>`+
			`<AccessKeyId>ASIA`) {
		t.Errorf("the answer is %v %s", resp.Header, text)
	}

	given := sts.NewFromConfig(a.as(a.temporary(time.Minute)))
	_, err := given.GetSessionToken(ctx, &sts.GetSessionTokenInput{})
	want(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	_, err = given.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: aws.String(keyID)})
	want(t, err, "AccessDenied", "Cannot call GetAccessKeyInfo with session credentials")
	presigned, err := sts.NewPresignClient(given).PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	resp, text = send(t, must[*http.Request](t)(http.NewRequest(presigned.Method, presigned.URL, nil)))
	if resp.StatusCode != 200 || !strings.Contains(text, "<Account>"+account+"</Account>") {
		t.Errorf("presigned: %d %s", resp.StatusCode, text)
	}
}

// signedForm is a request of STS's as it is.
func (a *api) signedForm(t *testing.T, form string) *http.Request {
	t.Helper()
	r := must[*http.Request](t)(http.NewRequest(http.MethodPost, a.URL+"/", strings.NewReader(form)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := v4.NewSigner().SignHTTP(t.Context(), ofRoot, r, digest.FromString(form).Encoded(), "sts", region,
		time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAccessKeyInfo(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	own := sts.NewFromConfig(a.config(region))
	for _, id := range []string{keyID, a.temporary(time.Minute).AccessKeyID, a.temporary(-time.Minute).AccessKeyID} {
		info := must[*sts.GetAccessKeyInfoOutput](t)(own.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: &id}))
		if *info.Account != account {
			t.Errorf("%s: %s", id, *info.Account)
		}
	}
	// Of another account, or of none, are the same.
	foreign := auth.NewVerifier(nil, "", time.Now).Issue(auth.AccessKey{
		ID: "AKIADEV", Secret: "dev", Principal: root(other).Identity.Principal,
	}, time.Hour)
	for id, text := range map[string]string{
		foreign.AccessKeyID: "is none of account " + account, "AKIAUNKNOWNUNKNOWN00": "is none of account " + account,
		"SHORT": "greater than or equal to 16", strings.Repeat("A", 129): "less than or equal to 128",
	} {
		_, err := own.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: &id})
		want(t, err, "ValidationError", text)
	}
	if resp, text := send(t, a.signedForm(t, "Action=GetAccessKeyInfo&Version=2011-06-15")); resp.StatusCode != 400 ||
		!strings.Contains(text, "Member must not be null") {
		t.Errorf("no id: %d %s", resp.StatusCode, text)
	}
}

// TestTemporaryCredentials: what they get from ECR ends with them, and policies see them.
func TestTemporaryCredentials(t *testing.T) {
	t.Parallel()
	a, ctx := newAPI(t), t.Context()
	a.domain.create("app")
	a.domain.push("app", "layer", "v1")
	given := ecr.NewFromConfig(a.as(a.temporary(10 * time.Minute)))
	login := must[*ecr.GetAuthorizationTokenOutput](t)(given.GetAuthorizationToken(ctx,
		&ecr.GetAuthorizationTokenInput{})).AuthorizationData[0]
	basic := string(must[[]byte](t)(base64.StdEncoding.DecodeString(*login.AuthorizationToken)))
	d := digest.FromString("layer").String()
	download := must[*ecr.GetDownloadUrlForLayerOutput](t)(given.GetDownloadUrlForLayer(ctx,
		&ecr.GetDownloadUrlForLayerInput{RepositoryName: aws.String("app"), LayerDigest: &d}))
	u := must[*url.URL](t)(url.Parse(*download.DownloadUrl))
	for what, text := range map[string]string{
		"login": strings.TrimPrefix(basic, "AWS:"), "download": u.Query().Get("X-Twinport-Token"),
	} {
		token, identity, err := a.verifier.VerifyToken(t.Context(), text)
		if err != nil || time.Until(token.Expires).Round(time.Minute) != 10*time.Minute || identity.AccessKeyID != keyID ||
			!strings.HasPrefix(identity.Temporary.AccessKeyID, "ASIA") {
			t.Errorf("%s: %+v, %+v, %v", what, token, identity, err)
		}
	}
	if time.Until(*login.ExpiresAt).Round(time.Minute) != 10*time.Minute {
		t.Errorf("the login expires at %s", login.ExpiresAt)
	}

	ended := ecr.NewFromConfig(a.as(a.temporary(-time.Second)))
	_, err := ended.DescribeRegistry(ctx, &ecr.DescribeRegistryInput{})
	want(t, err, "ExpiredTokenException", "The security token included in the request is expired")
	_, err = sts.NewFromConfig(a.as(a.temporary(-time.Second))).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	want(t, err, "ExpiredToken", "The security token included in the request is expired")

	a.domain.setPolicy(here, "Deny", `"DateLessThan":{"aws:TokenIssueTime":"2199-01-01T00:00:00Z"}`, "DescribeRegistry")
	_, err = given.DescribeRegistry(ctx, &ecr.DescribeRegistryInput{})
	want(t, err, "AccessDeniedException", "")
	must[*ecr.DescribeRegistryOutput](t)(a.ecr().DescribeRegistry(ctx, &ecr.DescribeRegistryInput{}))
}

// TestWatchEndsWithTheSession: a stream does not outlive the credentials.
func TestWatchEndsWithTheSession(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	r := a.signedWith(t, a.temporary(4*time.Second), watchTarget, "application/x-amz-json-1.1", "{}")
	limited, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	res, err := (&http.Client{Transport: &http.Transport{}}).Do(r.WithContext(limited))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	s := &streamed{res, bufio.NewReader(res.Body)}
	for s.next(t) != "" {
	}
	if res.StatusCode != 200 {
		t.Errorf("answered %s", res.Status)
	}
}
