// Package session keeps the sessions of the console. A browser hands an access
// key over once and gets a cookie: a token signed with the key, so that it dies
// with it, which names a row of the store, so that it can be revoked.
package session

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
)

const (
	// Lifetime is how long a session lasts.
	Lifetime = 12 * time.Hour
	// MaxPerAccount is how many sessions an account has at most: one more ends
	// the oldest.
	MaxPerAccount = 100

	// scopePrefix begins the scope of a session's token, loginPrefix that of a
	// registry login that a session has made. Other registry logins have no scope,
	// and those of downloads begin with "blob:".
	scopePrefix = "console "
	loginPrefix = "login "
	// maxUserAgent is how many bytes of it are kept.
	maxUserAgent = 256
)

var (
	// ErrEnded: there is no session, or it has expired or was revoked, or its
	// access key is gone.
	ErrEnded = errors.New("session: there is none, or it has ended")
	// ErrWrongKey: there is no such access key, or it has another secret.
	ErrWrongKey = errors.New("session: the access key is not valid")
	// ErrTooManyTries: the access key is not valid, and too many before it were not either.
	ErrTooManyTries = errors.New("session: too many wrong access keys")
	// ErrFull: the store has no room for the session.
	ErrFull = metadata.ErrFull
	// ErrUnavailable: the store does not answer now; the client may try again.
	ErrUnavailable = metadata.ErrUnavailable
)

// Session is one of the console: who signed in, with which access key.
type Session struct {
	ID            string
	Account       string
	AccessKey     string // its id
	CreatedAt     time.Time
	ExpiresAt     time.Time
	UserAgent     string
	RemoteAddress string
}

// Config is what New needs; every field must be set.
type Config struct {
	Store    metadata.Store
	Keys     auth.Keys
	Verifier *auth.Verifier
	Now      func() time.Time
}

// Service begins, checks and ends sessions. It is safe for concurrent use.
type Service struct {
	store    metadata.Store
	keys     auth.Keys
	verifier *auth.Verifier
	now      func() time.Time
	tries    *tries
}

// New returns the sessions that the store has.
func New(c Config) *Service {
	return &Service{store: c.Store, keys: c.Keys, verifier: c.Verifier, now: c.Now, tries: newTries(c.Now)}
}

// Client is who asks for a session, as far as the connection shows.
type Client struct {
	RemoteAddr string // address and port
	UserAgent  string
}

// SignIn begins a session if the secret is that of the access key, and returns
// it with its token: ErrWrongKey, ErrTooManyTries.
func (s *Service) SignIn(ctx context.Context, keyID, secret string, c Client) (Session, string, error) {
	address, network := c.address()
	key, err := s.keys.AccessKey(ctx, keyID)
	known := err == nil
	if !known && !errors.Is(err, auth.ErrNoKey) {
		return Session{}, "", err
	}
	// Digests have one length, so the time shows nothing of the secret's.
	given, right := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(key.Secret))
	if subtle.ConstantTimeCompare(given[:], right[:]) != 1 || !known {
		if s.tries.wrong(keyID, network) {
			return Session{}, "", ErrTooManyTries
		}
		return Session{}, "", ErrWrongKey
	}
	now := s.now()
	begun := Session{
		ID: uuid.NewString(), Account: key.Principal.Account, AccessKey: key.ID,
		CreatedAt: now.UTC(), ExpiresAt: now.Add(Lifetime).UTC().Truncate(time.Second), // tokens have whole seconds
		UserAgent: shortened(c.UserAgent), RemoteAddress: address,
	}
	err = s.store.Update(ctx, func(tx *metadata.Tx) error {
		if err := deleteExpired(tx, now); err != nil {
			return err
		}
		others, err := tx.Sessions().List(begun.Account, 2*MaxPerAccount)
		if err != nil {
			return err
		}
		if len(others) >= MaxPerAccount {
			var oldest []string
			for _, o := range others[MaxPerAccount-1:] {
				oldest = append(oldest, o.ID)
			}
			if _, err := tx.Sessions().Delete(begun.Account, oldest); err != nil {
				return err
			}
		}
		return tx.Sessions().Create(metadata.Session(begun))
	})
	if err != nil {
		return Session{}, "", err
	}
	return begun, auth.SignToken(key, auth.Token{Scope: scopePrefix + begun.ID, Expires: begun.ExpiresAt}), nil
}

// Verify returns the session of a token, and who it speaks for, in no Region:
// ErrEnded.
func (s *Service) Verify(ctx context.Context, token string) (Session, auth.Identity, error) {
	t, identity, err := s.verifier.VerifyToken(ctx, token)
	switch {
	case errors.Is(err, auth.ErrTokenInvalid), errors.Is(err, auth.ErrTokenExpired):
		return Session{}, auth.Identity{}, ErrEnded
	case err != nil:
		return Session{}, auth.Identity{}, err
	}
	id, ok := strings.CutPrefix(t.Scope, scopePrefix)
	if !ok {
		return Session{}, auth.Identity{}, ErrEnded
	}
	found, err := s.active(ctx, id, identity)
	if err != nil {
		return Session{}, auth.Identity{}, err
	}
	return found, identity, nil
}

// LoginScope is the scope of the token of a registry login that ends with the session.
func LoginScope(id string) string { return loginPrefix + id }

// IsLogin says whether a token of this scope is a registry login of a session.
func IsLogin(scope string) bool { return strings.HasPrefix(scope, loginPrefix) }

// CheckLogin returns nil if a token of this scope, which was proven to be the
// identity's, is a registry login of a session that goes on: ErrEnded.
func (s *Service) CheckLogin(ctx context.Context, scope string, identity auth.Identity) error {
	id, ok := strings.CutPrefix(scope, loginPrefix)
	if !ok {
		return ErrEnded
	}
	_, err := s.active(ctx, id, identity)
	return err
}

// unexpired reports whether a session has not expired, and could have begun by now: the clock may
// have been ahead.
func (s *Service) unexpired(one Session) bool {
	now := s.now()
	return now.Before(one.ExpiresAt) && !one.ExpiresAt.After(now.Add(Lifetime+auth.MaxSkew))
}

// active returns the session if it is the identity's and has not ended:
// ErrEnded.
func (s *Service) active(ctx context.Context, id string, identity auth.Identity) (Session, error) {
	row, err := s.store.Read(ctx).Sessions().Get(id)
	switch {
	case errors.Is(err, metadata.ErrNotFound):
		return Session{}, ErrEnded
	case err != nil:
		return Session{}, err
	}
	found := Session(row)
	if found.Account != identity.Principal.Account || found.AccessKey != identity.AccessKeyID || !s.unexpired(found) {
		return Session{}, ErrEnded
	}
	return found, nil
}

// List returns the account's sessions that go on, the latest first.
func (s *Service) List(ctx context.Context, account string) ([]Session, error) {
	rows, err := s.store.Read(ctx).Sessions().List(account, 2*MaxPerAccount)
	if err != nil {
		return nil, err
	}
	var live []Session
	for _, row := range rows {
		one := Session(row)
		key, err := s.keys.AccessKey(ctx, one.AccessKey)
		if err != nil && !errors.Is(err, auth.ErrNoKey) {
			return nil, err
		}
		if err == nil && key.Principal.Account == account && s.unexpired(one) {
			live = append(live, one)
		}
	}
	return live, nil
}

// Revoke ends those of the account's sessions that the ids name, and returns
// the ids of those that were there.
func (s *Service) Revoke(ctx context.Context, account string, ids []string) (ended []string, err error) {
	err = s.store.Update(ctx, func(tx *metadata.Tx) error {
		ended, err = tx.Sessions().Delete(account, ids)
		return err
	})
	return ended, err
}

// address returns the client's address, and the network by which its wrong
// tries are counted: the same, or of IPv6 the part that a provider assigns.
func (c Client) address() (address, network string) {
	peer, err := netip.ParseAddrPort(c.RemoteAddr)
	if err != nil {
		return shortened(c.RemoteAddr), shortened(c.RemoteAddr)
	}
	a := peer.Addr().Unmap()
	if a.Is4() {
		return a.String(), a.String()
	}
	prefix, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a.String(), a.String()
	}
	return a.String(), prefix.String()
}

// shortened is what is kept of what a client says of itself.
func shortened(text string) string {
	if len(text) <= maxUserAgent {
		return text
	}
	end := maxUserAgent
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
