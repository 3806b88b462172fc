package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/twinport/twinport/internal/blob"
)

// fullCodes are what servers answer when there is no room left.
var fullCodes = []string{"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}

// transientCodes are what servers answer, besides with a status of 500 and
// above, when the same request may succeed later. (No object of ours is where
// another one needs a folder: servers on files say so when a folder that has
// just become empty goes while an object is put into it.)
var transientCodes = []string{
	"SlowDown", "SlowDownRead", "SlowDownWrite", "InternalError", "ServiceUnavailable", "RequestTimeout",
	"RequestTimeTooSkewed",
	"Throttling", "ThrottlingException", "TooManyRequests", "OperationAborted", "ConditionalRequestConflict",
	"RequestLimitExceeded",
	"ExistingObjectIsDirectory",
}

// refusalCodes are what servers answer, besides with a status of 401 or 403,
// when they refuse the credentials, the clock, the Region or the bucket's name:
// no request succeeds until the operator has acted.
var refusalCodes = []string{
	"NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
	"TokenRefreshRequired",
	"AuthorizationHeaderMalformed", "PermanentRedirect", "AllAccessDisabled", "AccountProblem", "NotSignedUp",
}

// code is the code of the error that the server answered, or "".
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

// status is the HTTP status that the server answered, or 0.
func status(err error) int {
	var e *smithyhttp.ResponseError
	if errors.As(err, &e) && e.Response != nil {
		return e.HTTPStatusCode()
	}
	return 0
}

func full(err error) bool {
	return status(err) == http.StatusInsufficientStorage || slices.Contains(fullCodes, code(err))
}

// transient reports whether the same request may succeed later: the server was
// not reached, did not finish, or said so. A full server may say so too.
func transient(err error) bool {
	if slices.Contains(transientCodes, code(err)) {
		return true
	}
	switch s := status(err); {
	case s == http.StatusNotImplemented:
		return false
	case s >= 500, s == http.StatusTooManyRequests, s == http.StatusRequestTimeout:
		return true
	}
	var (
		sending  *smithyhttp.RequestSendError
		network  net.Error
		signing  *v4.SigningError // the credentials could not be had
		canceled *aws.RequestCanceledError
	)
	return errors.As(err, &sending) || errors.As(err, &network) || errors.As(err, &signing) || errors.As(err, &canceled) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// refused reports whether the server refuses every request of ours.
func refused(err error) bool {
	s := status(err)
	return s == http.StatusUnauthorized || s == http.StatusForbidden || s >= 300 && s < 400 &&
		s != http.StatusNotModified ||
		slices.Contains(refusalCodes, code(err))
}

// retries are the SDK's, without its budget of retries: when the server fails
// every request, all of them should fail after the same time.
func retries(o *retry.StandardOptions) {
	o.MaxAttempts = maxAttempts
	o.MaxBackoff = maxBackoff
	o.RateLimiter = unlimited{}
	o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
		if full(err) {
			return aws.FalseTernary
		}
		if transient(err) {
			return aws.TrueTernary
		}
		return aws.UnknownTernary
	}))
}

type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

// wrap says what was tried, and marks an error of the SDK with the error of
// package blob that it is. An error of a ctx that ended is not marked.
func (s *Store) wrap(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	doing = fmt.Sprintf("%s in bucket %s", doing, s.at.bucket)
	switch c := code(err); {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	case full(err):
		s.fullAt.Store(time.Now().UnixNano())
		return fmt.Errorf("%s: %w: %w", doing, blob.ErrFull, err)
	case transient(err):
		return fmt.Errorf("%s: %w: %w", doing, blob.ErrUnavailable, err)
	case c == "NoSuchKey", c == "NotFound", c == "NoSuchUpload":
		return fmt.Errorf("%s: %w: %w", doing, blob.ErrNotFound, err)
	case c == "NoSuchBucket":
		return fmt.Errorf("%s: %w: the bucket is gone: %w", doing, blob.ErrUnavailable, err)
	case status(err) == http.StatusForbidden:
		return fmt.Errorf("%s: %w: the credentials do not allow it (%s): %w", doing, blob.ErrUnavailable, permissions, err)
	case refused(err):
		return fmt.Errorf("%s: %w: the bucket refuses it: %w", doing, blob.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// permissions are what the credentials must allow.
const permissions = "they need s3:ListBucket, s3:ListBucketMultipartUploads, s3:GetObject, s3:PutObject, " +
	"s3:DeleteObject and s3:AbortMultipartUpload"
