package auth

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"
)

const (
	// MinSession and MaxSession are how long temporary credentials may last, and
	// MaxRootSession those of an account's root (STS API reference, GetSessionToken).
	MinSession     = 15 * time.Minute
	MaxSession     = 36 * time.Hour
	MaxRootSession = time.Hour

	// temporaryPrefix begins the id of every temporary access key, userPrefix that of a user's.
	temporaryPrefix = "ASIA"
	userPrefix      = "AKIA"
	// accountSize is how many bytes of such an id say whose it is, and randomSize
	// how many tell it from others. Together they are 16 characters of base32.
	accountSize, randomSize = 5, 5
	// secretSize is the size of a secret, which base64 makes 40 characters of.
	secretSize = 30
)

// Temporary is what temporary credentials have beyond the access key that they
// were issued for. It is zero for a long-lived access key.
type Temporary struct {
	// AccessKeyID is the id that requests are signed with.
	AccessKeyID string
	// IssuedAt and Expires are in whole seconds, UTC.
	IssuedAt, Expires time.Time
}

// IsZero reports whether the credentials are a long-lived access key.
func (t Temporary) IsZero() bool { return t == Temporary{} }

// Until returns at, or the end of the session if that comes earlier: what is
// given to temporary credentials does not outlive them.
func (t Temporary) Until(at time.Time) time.Time {
	if !t.IsZero() && t.Expires.Before(at) {
		return t.Expires
	}
	return at
}

// validAt reports whether the session could have been issued by now: one that
// was issued while the clock was ahead must not outlive the clock's correction.
func (t Temporary) validAt(now time.Time) bool {
	lifetime := t.Expires.Sub(t.IssuedAt)
	return lifetime > 0 && lifetime <= MaxSession && !t.IssuedAt.After(now.Add(MaxSkew))
}

// appendTemporary writes when they were issued and when they expire (8 bytes each,
// Unix seconds), and their id.
func appendTemporary(b []byte, t Temporary) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(t.IssuedAt.Unix()))
	b = binary.BigEndian.AppendUint64(b, uint64(t.Expires.Unix()))
	return appendText(b, t.AccessKeyID)
}

// cutTemporary reads what appendTemporary wrote.
func cutTemporary(b []byte) (t Temporary, rest []byte, ok bool) {
	if len(b) < 16 {
		return Temporary{}, nil, false
	}
	t.IssuedAt, t.Expires = unixTime(b), unixTime(b[8:])
	t.AccessKeyID, rest, ok = cutText(b[16:])
	return t, rest, ok && t.AccessKeyID != ""
}

// unixTime reads eight bytes.
func unixTime(b []byte) time.Time { return time.Unix(int64(binary.BigEndian.Uint64(b)), 0).UTC() }

// Credentials are temporary ones, as their holder gets them. Formatted or logged
// they show their id only.
type Credentials struct {
	Temporary
	Secret string
	// SessionToken must come with every request that is signed with the secret.
	SessionToken string
}

// Issue makes temporary credentials that speak for the access key's principal.
// Nothing of them is kept: the session token has all of it, and can be opened
// as long as the access key is what it is now.
func (v *Verifier) Issue(key AccessKey, lifetime time.Duration) Credentials {
	return v.issue(key, lifetime, nil)
}

// IssueRole makes temporary credentials of a session of a role, which Keys.Role
// has found, as Issue does: ErrSessionTooLarge.
func (v *Verifier) IssueRole(role AccessKey, session RoleSession, lifetime time.Duration) (Credentials, error) {
	if !session.fits() {
		return Credentials{}, ErrSessionTooLarge
	}
	return v.issue(role, lifetime, &session), nil
}

func (v *Verifier) issue(parent AccessKey, lifetime time.Duration, role *RoleSession) Credentials {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	issued := v.now().UTC().Truncate(time.Second)
	c := Credentials{
		Temporary: Temporary{
			AccessKeyID: newTemporaryID(parent.Principal.Account), IssuedAt: issued, Expires: issued.Add(lifetime),
		},
		Secret: base64.StdEncoding.EncodeToString(secret),
	}
	c.SessionToken = base64.RawURLEncoding.EncodeToString(v.seal(parent, c, role))
	return c
}

// newTemporaryID returns an id that says which account it is of, and is not
// known otherwise.
func newTemporaryID(account string) string { return newKeyID(temporaryPrefix, account) }

// NewUserKey makes the id and the secret of an access key of a user. The id says which account it is of.
func NewUserKey(account string) (id, secret string) {
	raw := make([]byte, secretSize)
	rand.Read(raw) // never fails
	return newKeyID(userPrefix, account), base64.StdEncoding.EncodeToString(raw)
}

func newKeyID(prefix, account string) string {
	// An account's id is twelve digits, which fit in five bytes.
	number, _ := strconv.ParseUint(account, 10, 8*accountSize)
	var raw [8 + randomSize]byte
	binary.BigEndian.PutUint64(raw[:8], number)
	rand.Read(raw[8:]) // never fails
	return prefix + base32.StdEncoding.EncodeToString(raw[8-accountSize:])
}

// IsTemporaryID reports whether an access key's id has the form of a temporary one's.
func IsTemporaryID(id string) bool {
	_, ok := temporaryAccount(id)
	return ok
}

// temporaryAccount returns the account that the id of a temporary access key
// names, whether or not the key was ever issued.
func temporaryAccount(id string) (string, bool) { return keyAccount(temporaryPrefix, id) }

// UserKeyAccount returns the account that the id of a user's access key names, whether or not there ever was such a
// key.
func UserKeyAccount(id string) (string, bool) { return keyAccount(userPrefix, id) }

func keyAccount(prefix, id string) (string, bool) {
	text, ok := strings.CutPrefix(id, prefix)
	if !ok || len(text) != base32.StdEncoding.EncodedLen(accountSize+randomSize) {
		return "", false
	}
	raw, err := base32.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != accountSize+randomSize {
		return "", false
	}
	var number [8]byte
	copy(number[8-accountSize:], raw)
	account := strconv.FormatUint(binary.BigEndian.Uint64(number[:]), 10)
	if len(account) > 12 {
		return "", false
	}
	return strings.Repeat("0", 12-len(account)) + account, true
}

// AccountOf returns the account that an access key is of: of a long-lived one
// that is there, and of a temporary one by its id alone.
func (v *Verifier) AccountOf(ctx context.Context, id string) (account string, known bool, err error) {
	key, err := findKey(ctx, v.keys, id)
	switch {
	case err == nil:
		return key.Principal.Account, true, nil
	case !errors.Is(err, ErrNoKey):
		return "", false, err
	}
	account, known = temporaryAccount(id)
	return account, known, nil
}
