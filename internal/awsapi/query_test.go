package awsapi_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/opencontainers/go-digest"

	"github.com/twinport/twinport/internal/awsapi"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/iam"
	"github.com/twinport/twinport/internal/quota"
)

// ask sends a form to IAM, signed for a Region.
func (a *api) ask(t *testing.T, with aws.Credentials, region, form string) (*http.Response, string) {
	t.Helper()
	r := must[*http.Request](t)(http.NewRequest(http.MethodPost, a.URL+"/", strings.NewReader(form)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if err := v4.NewSigner().SignHTTP(t.Context(), with, r, digest.FromString(form).Encoded(), "iam", region,
		time.Now()); err != nil {
		t.Fatal(err)
	}
	return send(t, r)
}

// What is wrong with a request to IAM is answered as IAM does.
func TestIAMRefusals(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(c *awsapi.Config) { c.IAM = iam.New(iam.Config{}) })
	stranger := aws.Credentials{AccessKeyID: "AKIAUNKNOWNUNKNOWN00", SecretAccessKey: secret}
	forger := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: "other" + secret}
	const version = "&Version=2010-05-08"
	for _, c := range []struct {
		with       aws.Credentials
		form       string
		status     int
		code, text string
	}{
		{ofRoot, "Action=GetUser&UserName=a/b" + version, 400, "ValidationError", "1 validation error detected: Value " +
			`&#39;a/b&#39; at &#39;userName&#39; failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`},
		{ofRoot, "Action=CreateSAMLProvider&Name=x" + version, 400, "InvalidAction", "CreateSAMLProvider is an operation of " +
			"IAM that is not served here, so nothing was read or changed"},
		{ofRoot, "Action=CreateUsers" + version, 400, "InvalidAction", "There is no operation &#34;CreateUsers&#34; in version " +
			"&#34;2010-05-08&#34; of IAM"},
		{ofRoot, "Action=GetCallerIdentity&Version=2011-06-15", 400, "InvalidAction", "of IAM, whose version is 2010-05-08"},
		{ofRoot, "Action=ListUsers&Version=2011-06-15", 400, "InvalidAction", "whose version is 2010-05-08"},
		{ofRoot, "UserName=x" + version, 400, "MissingAction", ""},
		{ofRoot, "Action=%zz", 400, "MalformedQueryString", ""},
		{ofRoot, "Action=" + strings.Repeat("A", 512<<10), 413, "RequestEntityTooLargeException", "larger than 524288 bytes"},
		{stranger, "Action=ListUsers" + version, 403, "InvalidClientTokenId", ""},
		{forger, "Action=ListUsers" + version, 403, "SignatureDoesNotMatch", ""},
	} {
		for _, region := range []string{"us-east-1", region, "mars-1"} {
			resp, text := a.ask(t, c.with, region, c.form)
			if resp.StatusCode != c.status || !strings.Contains(text, c.text) || !strings.HasPrefix(text,
				`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>`+c.code+
					`</Code><Message>`) || resp.Header.Get("Content-Type") != "text/xml; charset=utf-8" {
				t.Errorf("%.100s: %d %s\nwant %d %s %s", c.form, resp.StatusCode, text, c.status, c.code, c.text)
			}
		}
	}
	if log := a.log.String(); log != "" {
		t.Errorf("the log has %s", log)
	}
}

// A deployment without IAM says so.
func TestNoIAM(t *testing.T) {
	t.Parallel()
	resp, text := newAPI(t).ask(t, ofRoot, "us-east-1", "Action=ListUsers&Version=2010-05-08")
	if resp.StatusCode != 400 || !strings.Contains(text, "<Code>InvalidAction</Code><Message>IAM is not served here") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

// Requests to IAM count against the account's rate, whatever Region they name.
func TestRateOfIAM(t *testing.T) {
	t.Parallel()
	var l quota.Limits
	l.Rates[quota.Other] = 1
	a := newAPI(t, func(c *awsapi.Config) {
		c.IAM = iam.New(iam.Config{})
		c.Rates = quota.NewMeter(map[string]quota.Limits{account: l}, []string{region, "us-west-2"})
	})
	refused := 0
	for range 15 {
		_, text := a.ask(t, ofRoot, "mars-1", "Action=GetUser&UserName=&Version=2010-05-08")
		if strings.Contains(text, "<Code>ThrottlingException</Code><Message>Rate exceeded</Message>") {
			refused++
		}
	}
	if refused < 4 || refused > 5 {
		t.Errorf("%d of 15 requests were refused, want those beyond ten", refused)
	}
}

// A form counts for whom it says it comes from, while it is read and answered.
func TestFormIsCounted(t *testing.T) {
	t.Parallel()
	limits := budget.NewLimits(850<<20, 2, slog.New(slog.DiscardHandler))
	limits.Memory.Limit, limits.Memory.Wait = 64<<10, 0
	a := newAPI(t, func(c *awsapi.Config) { c.IAM, c.Limits = iam.New(iam.Config{}), limits })
	const form = "Action=GetUser&UserName=&Version=2010-05-08"
	if resp, text := a.ask(t, ofRoot, region, form); resp.StatusCode != 400 || !strings.Contains(text, "userName") {
		t.Errorf("a small form: %d %s", resp.StatusCode, text)
	}
	if resp, text := a.ask(t, ofRoot, region, form+"&X="+strings.Repeat("x", 100<<10)); resp.StatusCode != 429 {
		t.Errorf("a form that is larger than what is left: %d %s", resp.StatusCode, text)
	}
	if used := limits.Memory.Used(); used != 0 {
		t.Errorf("%d bytes are still counted", used)
	}
}

// A presigned GET asks IAM as well as a form does.
func TestPresignedIAM(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(c *awsapi.Config) { c.IAM = iam.New(iam.Config{}) })
	r := must[*http.Request](t)(http.NewRequest(http.MethodGet, a.URL+
		"/?Action=GetUser&UserName=a%2Fb&Version=2010-05-08&X-Amz-Expires=60", nil))
	url, header, err := v4.NewSigner().PresignHTTP(t.Context(), ofRoot, r, digest.FromString("").Encoded(), "iam", "us-east-1",
		time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for tampered, code := range map[string]string{url: "ValidationError", url + "0": "IncompleteSignature"} {
		signed := must[*http.Request](t)(http.NewRequest(http.MethodGet, tampered, nil))
		signed.Header = header.Clone()
		resp, text := send(t, signed)
		if !strings.HasPrefix(text, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">`) ||
			!strings.Contains(text, "<Code>"+code+"</Code>") {
			t.Errorf("%s: %d %s", code, resp.StatusCode, text)
		}
	}
}
