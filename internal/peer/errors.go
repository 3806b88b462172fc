package peer

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

// The codes of errors.
const (
	// Why there was no answer, or none of the peer.
	Unreachable  = "Unreachable"
	Timeout      = "Timeout"
	TLS          = "TLS" // the certificate is not valid, or there is none
	PlainRefused = "PlainRefused"
	Garbage      = "Garbage" // an answer that cannot be read, or that the peer has not signed

	// Why a deployment does not take requests of the other.
	NotAPeer        = "NotAPeer" // it is not known, or was removed
	Signature       = "Signature"
	Clock           = "Clock"
	Replayed        = "Replayed"
	WrongDeployment = "WrongDeployment" // the request is addressed to another one
	SameIdentity    = "SameIdentity"
	Version         = "Version"

	// Why it does not do now what was asked.
	Throttled      = "Throttled"
	Full           = "Full"
	Unavailable    = "Unavailable"
	Internal       = "Internal"
	InvalidRequest = "InvalidRequest"

	// Why two deployments do not become peers.
	CodeUsed         = "CodeUsed"
	CodeExpired      = "CodeExpired"
	CodeInvalid      = "CodeInvalid"
	RegistryConflict = "RegistryConflict"
	NameConflict     = "NameConflict"
	Configuration    = "Configuration" // the configuration has the peer: it is changed there
)

// statuses are those of answers that are an error; of codes that have none it is 400.
var statuses = map[string]int{
	Unreachable: http.StatusBadGateway, Timeout: http.StatusGatewayTimeout, TLS: http.StatusBadGateway,
	Garbage: http.StatusBadGateway, PlainRefused: http.StatusForbidden, NotAPeer: http.StatusForbidden,
	Signature: http.StatusForbidden, Clock: http.StatusForbidden, Replayed: http.StatusForbidden,
	WrongDeployment: http.StatusMisdirectedRequest, SameIdentity: http.StatusConflict,
	Throttled: http.StatusTooManyRequests, Full: http.StatusInsufficientStorage,
	Unavailable: http.StatusServiceUnavailable, Internal: http.StatusInternalServerError, CodeUsed: http.StatusConflict,
	CodeExpired: http.StatusGone, RegistryConflict: http.StatusConflict, NameConflict: http.StatusConflict,
	Configuration: http.StatusConflict,
}

// Error is an answer of a peer that is no success, or why there was no answer, or why this deployment refuses
// something. The message says what was tried, on what, and what to do.
type Error struct {
	Code       string
	Message    string
	RetryAfter time.Duration // not before; 0 if nothing was said of it
	Status     int           // of the answer; 0 if there was none
	Err        error         // the reason, or nil

	// Time is that of the side that refused, if the code is Clock.
	Time time.Time
	// KnownKeys are the numbers of the keys that the other side knows, if the request was signed by none of them.
	KnownKeys []int64
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// refuse returns an error of a code. The message becomes a sentence.
func refuse(code, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	return &Error{Code: code, Message: strings.ToUpper(message[:1]) + message[1:]}
}

// Temporary reports whether trying again may help, without anybody doing anything. Certificates are renewed by
// programs.
func (e *Error) Temporary() bool {
	return slices.Contains([]string{
		Unreachable, Timeout, TLS, Garbage, Clock, Replayed, Throttled, Full, Unavailable, Internal,
	}, e.Code)
}

// AboutPeer reports whether the error is about the peer, rather than about what was asked of it: any other request
// would fail now, too.
func (e *Error) AboutPeer() bool {
	return e.definite() || slices.Contains([]string{Unreachable, Timeout, TLS, Garbage, Clock, Unavailable}, e.Code)
}

// definite reports whether the error stays until somebody does something.
func (e *Error) definite() bool {
	return slices.Contains([]string{
		PlainRefused, NotAPeer, Signature, WrongDeployment, SameIdentity, Version,
	}, e.Code)
}

// AnswerOf returns the status and body that report an error to a peer. Of errors that are no *Error it shows no text.
func AnswerOf(err error) (status int, answer ErrorAnswer) {
	var e *Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, metadata.ErrFull):
		e = refuse(Full, "The database of the deployment has no space left: make room there.")
	case errors.Is(err, metadata.ErrUnavailable):
		e = refuse(Unavailable, "The database of the deployment does not answer now: try again.")
		e.RetryAfter = time.Second
	default:
		e = refuse(Internal, "The deployment failed: its log says why.")
	}
	status = statuses[e.Code]
	if status == 0 {
		status = http.StatusBadRequest
	}
	answer = ErrorAnswer{Code: e.Code, Message: e.Message, KnownKeys: e.KnownKeys}
	if e.RetryAfter > 0 {
		answer.RetryAfterSeconds = int(math.Ceil(e.RetryAfter.Seconds()))
	}
	if !e.Time.IsZero() {
		answer.Time = &e.Time
	}
	return status, answer
}
