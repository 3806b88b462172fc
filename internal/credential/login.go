// Package credential makes logins at registries, from the user's AWS access key,
// for programs that ask by protocols of their own: Docker's clients and the kubelet.
package credential

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"
)

// patience bounds the time that a login may take.
const patience = 15 * time.Second

// login is what a registry takes.
type login struct {
	Username, Password string
	Expires            time.Time
}

// access is how a login at a place is made.
type access struct {
	key    cacheKey // without the access key's id
	config aws.Config
}

// accessTo finds the endpoint, the Region and the credentials for a place where
// the AWS SDKs look for them. It asks nobody.
func accessTo(ctx context.Context, at place) (access, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(at.region),
		// A machine's role is AWS's, and off AWS one would wait for it.
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
	)
	if err != nil {
		return access{}, fmt.Errorf("read the AWS configuration: %w", err)
	}
	endpoint, err := at.endpoint(aws.ToString(ecr.NewFromConfig(cfg).Options().BaseEndpoint), cfg.Region)
	if err != nil {
		return access{}, err
	}
	if cfg.Region == "" {
		return access{}, fmt.Errorf("no Region is known for %s: set AWS_REGION, or region of the AWS profile", at.host)
	}
	return access{cacheKey{Endpoint: endpoint, Region: cfg.Region}, cfg}, nil
}

// logIn returns a login at the place, which may be one of before.
func logIn(ctx context.Context, at place) (login, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a, err := accessTo(ctx, at)
	if err != nil {
		return login{}, err
	}
	credentials, err := a.config.Credentials.Retrieve(ctx)
	if err != nil {
		const advice = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
		if operation, ok := errors.AsType[*smithy.OperationError](err); ok && operation.ServiceID == "ec2imds" {
			return login{}, fmt.Errorf("no AWS access key is configured to log in to %s: %s", at.host, advice)
		}
		return login{}, fmt.Errorf("find an AWS access key to log in to %s: %s; %s", at.host, reason(ctx, err), advice)
	}
	a.key.AccessKeyID = credentials.AccessKeyID
	if l, ok := cached(a.key); ok {
		return l, nil
	}
	l, err := ask(ctx, a)
	if err != nil {
		return login{}, fmt.Errorf("log in to %s: ask %s for a password: %s", at.host, a.key.Endpoint, reason(ctx, err))
	}
	keep(a.key, l)
	return l, nil
}

// errNotECR is that something else answered.
var errNotECR = errors.New("the answer is not one of ECR's; is this a Twinport?")

// bounded ends answers that are far too long.
type bounded struct{ ecr.HTTPClient }

func (b bounded) Do(r *http.Request) (*http.Response, error) {
	res, err := b.HTTPClient.Do(r)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, 1<<20)
	}
	return res, err
}

// ask calls GetAuthorizationToken.
func ask(ctx context.Context, a access) (login, error) {
	client := ecr.NewFromConfig(a.config, func(o *ecr.Options) {
		o.BaseEndpoint, o.HTTPClient = &a.key.Endpoint, bounded{o.HTTPClient}
	})
	out, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return login{}, err
	}
	if len(out.AuthorizationData) != 1 {
		return login{}, errNotECR
	}
	data := out.AuthorizationData[0]
	token, err := base64.StdEncoding.DecodeString(aws.ToString(data.AuthorizationToken))
	username, password, ok := strings.Cut(string(token), ":")
	if err != nil || !ok || data.ExpiresAt == nil {
		return login{}, errNotECR
	}
	return login{username, password, *data.ExpiresAt}, nil
}

// halfLife is how long a login that is used from now on may be kept.
func (l login) halfLife() time.Duration { return max(0, time.Until(l.Expires)/2) }

// reason is what is behind an error of the AWS SDK.
func reason(ctx context.Context, err error) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("there was no answer for %v", patience)
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return answer.ErrorCode() + ": " + answer.ErrorMessage()
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return errNotECR.Error()
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		return request.Err.Error() // without the SDK's own about it
	}
	if operation, ok := errors.AsType[*smithy.OperationError](err); ok {
		return operation.Err.Error()
	}
	return err.Error()
}

// Line returns an error as one line for people. Parts of it may be of whoever answered.
func Line(err error) string {
	const most = 1000
	text := strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, strings.ToValidUTF8(err.Error(), "?"))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// read returns the whole input, which must not be longer than most bytes.
func read(in io.Reader, most int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, int64(most)+1))
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	if len(text) > most {
		return nil, fmt.Errorf("the request is longer than %d bytes", most)
	}
	return text, nil
}
