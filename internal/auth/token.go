package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// TokenLifetime is how long a registry login lasts (ECR user guide, private
// registry authentication: 12 hours).
const TokenLifetime = 12 * time.Hour

const (
	// maxTokenText bounds the text that VerifyToken looks at, in bytes. The
	// longest scope, a repository name of 256 and a sha512 digest, needs about 700.
	maxTokenText = 2048
	// maxTokens bounds how many verified tokens are remembered: some 3 MiB.
	maxTokens = 4096
	// maxBasic bounds an Authorization header of the Basic scheme, in bytes.
	maxBasic = 8192

	// tokenVersion is that of the tokens of long-lived access keys, and
	// temporaryTokenVersion that of those made with temporary credentials.
	tokenVersion, temporaryTokenVersion = 1, 2
	// tokenLabel separates the keys of registry tokens from every other use
	// of an access key's secret, Signature Version 4 above all.
	tokenLabel = "twinport registry token 1"
)

// Token is what a registry token says. It speaks for the principal of its
// access key, in one Region.
type Token struct {
	AccessKeyID string
	Region      string
	// Scope is empty for a registry login. Otherwise the token opens one
	// resource only, for example blob:<account>/<region>/<repository>@<digest>,
	// and the one who checks it must compare.
	Scope string
	// Temporary are the temporary credentials that the token was made with, if it
	// was: policies see them wherever the token is used.
	Temporary Temporary
	// Expires is in whole seconds, UTC.
	Expires time.Time
}

// verifiedToken is a token that was proven under key, as key was at that time.
type verifiedToken struct {
	token Token
	key   AccessKey
}

// SignToken writes t as text of the URL-safe base64 alphabet without padding.
// The text is signed with a key derived from key's secret: every process that
// knows the access key can check it, and it dies with the access key.
// t.AccessKeyID is taken from key.
func SignToken(key AccessKey, t Token) string {
	t.AccessKeyID = key.ID
	claims := appendClaims(make([]byte, 0, 512), t)
	return base64.RawURLEncoding.EncodeToString(append(claims, tokenMAC(key, claims)...))
}

// VerifyToken reads a token that SignToken wrote and proves it: it returns
// ErrTokenInvalid or ErrTokenExpired, or why the access key could not be looked up.
// ErrTokenExpired is also for one that expires later than any that is signed now. Expiry and the access key, which must be
// unchanged, are checked at every call; only the signature of a token that
// was proven before is not computed again.
func (v *Verifier) VerifyToken(ctx context.Context, text string) (Token, Identity, error) {
	// Finding a token by its text teaches a guesser nothing: the map's hash is
	// seeded at random, and only whole tokens are ever compared.
	proven, known := v.tokens.get(text)
	if !known {
		var err error
		if proven, err = v.proveToken(ctx, text); err != nil {
			return Token{}, Identity{}, err
		}
	} else if err := v.unchanged(ctx, proven.key); err != nil {
		if errors.Is(err, ErrNoKey) {
			v.tokens.remove(text)
			err = ErrTokenInvalid
		}
		return Token{}, Identity{}, err
	}
	if !proven.token.validAt(v.now()) {
		if known {
			v.tokens.remove(text)
		}
		return Token{}, Identity{}, ErrTokenExpired
	}
	if !known {
		// The text is often a part of a larger string: do not keep that alive.
		v.tokens.put(strings.Clone(text), proven)
	}
	return proven.token, Identity{
		Principal:   proven.key.Principal,
		AccessKeyID: proven.token.AccessKeyID,
		Temporary:   proven.token.Temporary,
		Region:      proven.token.Region,
	}, nil
}

// validAt reports whether the token has not expired, and could have been signed
// by now: one that was signed while the clock was ahead must not outlive the
// clock's correction.
func (t Token) validAt(now time.Time) bool {
	lifetime := TokenLifetime
	if t.isDownload() {
		lifetime = DownloadLifetime
	}
	return now.Before(t.Expires) && !t.Expires.After(now.Add(lifetime+MaxSkew))
}

// unchanged reports whether an access key is what it was: ErrNoKey.
func (v *Verifier) unchanged(ctx context.Context, was AccessKey) error {
	key, err := v.keys.AccessKey(ctx, was.ID)
	if err == nil && key != was {
		err = ErrNoKey
	}
	return err
}

func (v *Verifier) proveToken(ctx context.Context, text string) (verifiedToken, error) {
	claims, mac, ok := decodeToken(text)
	if !ok {
		return verifiedToken{}, ErrTokenInvalid
	}
	token, ok := parseClaims(claims)
	if !ok {
		return verifiedToken{}, ErrTokenInvalid
	}
	key, err := v.keys.AccessKey(ctx, token.AccessKeyID)
	if err != nil && !errors.Is(err, ErrNoKey) {
		return verifiedToken{}, err
	}
	if err != nil || !hmac.Equal(mac, tokenMAC(key, claims)) {
		return verifiedToken{}, ErrTokenInvalid
	}
	return verifiedToken{token: token, key: key}, nil
}

// tokenMAC signs claims for key and its principal: a token must not pass to
// whoever is given the same key later.
func tokenMAC(key AccessKey, claims []byte) []byte {
	derived := hmacSHA256([]byte(key.Secret), tokenLabel)
	mac := hmac.New(sha256.New, derived)
	mac.Write(claims)
	// The claims delimit themselves, so what follows them cannot be mistaken
	// for a part of them.
	mac.Write([]byte(key.Principal.Account + "\x00" + key.Principal.ARN))
	return mac.Sum(nil)
}

// appendClaims writes the version, the expiry (8 bytes, Unix seconds) and three
// strings, each after its length; then, of temporary credentials, when they were
// issued, when they expire, and their id.
func appendClaims(b []byte, t Token) []byte {
	version := byte(tokenVersion)
	if !t.Temporary.IsZero() {
		version = temporaryTokenVersion
	}
	b = append(b, version)
	b = binary.BigEndian.AppendUint64(b, uint64(t.Expires.Unix()))
	for _, text := range [...]string{t.AccessKeyID, t.Region, t.Scope} {
		b = appendText(b, text)
	}
	if version == temporaryTokenVersion {
		b = appendTemporary(b, t.Temporary)
	}
	return b
}

func decodeToken(text string) (claims, mac []byte, ok bool) {
	if len(text) > maxTokenText {
		return nil, nil, false
	}
	// The decoder skips line breaks. They are refused here, and Strict refuses
	// other spellings, so that each token has one text only.
	if strings.ContainsAny(text, "\r\n") {
		return nil, nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < sha256.Size {
		return nil, nil, false
	}
	split := len(raw) - sha256.Size
	return raw[:split], raw[split:], true
}

func parseClaims(b []byte) (t Token, ok bool) {
	if len(b) < 9 || b[0] != tokenVersion && b[0] != temporaryTokenVersion {
		return Token{}, false
	}
	version := b[0]
	t.Expires = unixTime(b[1:])
	b = b[9:]
	for _, field := range [...]*string{&t.AccessKeyID, &t.Region, &t.Scope} {
		if *field, b, ok = cutText(b); !ok {
			return Token{}, false
		}
	}
	if version == temporaryTokenVersion {
		if t.Temporary, b, ok = cutTemporary(b); !ok {
			return Token{}, false
		}
	}
	return t, len(b) == 0
}

// BasicCredentials reads an Authorization header of the Basic scheme (RFC
// 7617). It answers false for any other scheme, for a malformed one and for
// one longer than a registry login can be.
func BasicCredentials(header string) (user, password string, ok bool) {
	const scheme = "Basic "
	if len(header) > maxBasic || len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimLeft(header[len(scheme):], " "))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}
