package sts

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
)

// defaultSession is how long credentials last where nothing is asked for.
const defaultSession = 12 * time.Hour

// SessionToken is the result of GetSessionToken.
type SessionToken struct {
	XMLName     xml.Name    `xml:"GetSessionTokenResult"`
	Credentials credentials `xml:"Credentials"`
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string `xml:"SecretAccessKey"`
	SessionToken    string `xml:"SessionToken"`
	Expiration      string `xml:"Expiration"`
}

// getSessionToken issues temporary credentials for the caller. A session may not
// make another one, which would outlive it.
func (s *Service) getSessionToken(ctx context.Context, caller access.Caller, form url.Values) (any, error) {
	if err := longLivedOnly(caller.Identity, "GetSessionToken"); err != nil {
		return nil, err
	}
	if err := refuseMFA(form); err != nil {
		return nil, err
	}
	lifetime, err := durationSeconds(form, auth.MaxSession)
	if err != nil {
		return nil, err
	}
	if lifetime == 0 {
		lifetime = defaultSession
	}
	if caller.Identity.Principal.IsRoot() {
		lifetime = min(lifetime, auth.MaxRootSession)
	}
	key, err := auth.KeyOf(ctx, s.keys, caller.Identity)
	if errors.Is(err, auth.ErrNoKey) {
		err = auth.UnknownKey(SigningName) // it was removed while the request was under way
	}
	if err != nil {
		return nil, err
	}
	issued := s.verifier.Issue(key, lifetime)
	return SessionToken{Credentials: credentialsOf(issued)}, nil
}

func credentialsOf(issued auth.Credentials) credentials {
	return credentials{
		AccessKeyID: issued.AccessKeyID, SecretAccessKey: issued.Secret, SessionToken: issued.SessionToken,
		Expiration: issued.Expires.Format(time.RFC3339),
	}
}

// refuseMFA refuses the code of a device: there are none, and what a code was to
// protect must not be had without.
func refuseMFA(form url.Values) error {
	if !form.Has("SerialNumber") && !form.Has("TokenCode") {
		return nil
	}
	return &auth.Error{
		Code: "AccessDenied", Message: "MultiFactorAuthentication failed: there are no MFA devices here. Ask without " +
			"SerialNumber and TokenCode.", Status: http.StatusForbidden,
	}
}

// durationSeconds reads DurationSeconds, 0 if it is not given.
func durationSeconds(form url.Values, most time.Duration) (time.Duration, error) {
	if !form.Has("DurationSeconds") {
		return 0, nil
	}
	text := form.Get("DurationSeconds")
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, invalid("Value at 'durationSeconds' failed to satisfy constraint: Member must be a whole number of seconds")
	}
	lifetime := time.Duration(seconds) * time.Second
	switch {
	case lifetime < auth.MinSession:
		return 0, invalid("Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must have value greater "+
			"than or equal to %d", seconds, int(auth.MinSession.Seconds()))
	case lifetime > most:
		return 0, invalid("Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must have value less "+
			"than or equal to %d", seconds, int(most.Seconds()))
	}
	return lifetime, nil
}
