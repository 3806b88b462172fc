package auth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
)

const (
	// maxSessionToken bounds the text of a session token that is looked at, in
	// bytes. One for an access key's id of 128 characters has 343.
	maxSessionToken = 512
	// maxSessions bounds how many session tokens are remembered: some 4 MiB.
	maxSessions = 4096

	sessionVersion = 1
	// sessionLabel separates the keys that seal session tokens from every other
	// use of an access key's secret.
	sessionLabel = "twinport session token 1"
	// saltSize is that of the salt, which gives each token a key of its own.
	saltSize = 32
	// aesKeySize is that of AES-256, and nonceSize that of GCM.
	aesKeySize, nonceSize = 32, 12
)

// Reasons that a session token is refused.
var (
	// errSessionInvalid: the text is no session token of this deployment for the
	// access key that it came with, or the access key that it was issued for is
	// gone or has changed.
	errSessionInvalid = errors.New("the session token is not valid")
	// errSessionExpired: the session token is genuine but its time is over.
	errSessionExpired = errors.New("the session token has expired")
)

// session is a session token that was opened.
type session struct {
	Temporary
	secret string
	parent AccessKey // that it was issued for, as it was then

	// signing is the key that a request was verified with last, and scope the
	// scope that it is for. Sessions are used in one Region for the most part.
	scope   signingScope
	signing []byte
}

// seal writes the session token of temporary credentials: the version, a salt,
// and the id of the access key that they are issued for; then, encrypted and
// authenticated together with these, all else. The key is derived from the
// access key's secret, so every process that knows the access key can open the
// token, nobody else can, and it dies with the access key. A copy of the stores
// is of no use to who wants to make one.
func (v *Verifier) seal(parent AccessKey, c Credentials) string {
	token := make([]byte, 0, maxSessionToken)
	token = append(token, sessionVersion)
	var salt [saltSize]byte
	rand.Read(salt[:]) // never fails
	token = append(token, salt[:]...)
	token = appendText(token, parent.ID)

	content := appendText(appendTemporary(nil, c.Temporary), c.Secret)
	aead, nonce := v.sealer(parent, salt[:])
	return base64.RawURLEncoding.EncodeToString(aead.Seal(token, nonce, content, token))
}

// sealer derives what seals the one token that has this salt. It is bound to the
// deployment, and to the access key with its principal: a session must not pass
// to whoever is given the same key later.
func (v *Verifier) sealer(parent AccessKey, salt []byte) (aead cipher.AEAD, nonce []byte) {
	info := []byte(sessionLabel)
	for _, text := range [...]string{v.deployment, parent.ID, parent.Principal.Account, parent.Principal.ARN} {
		info = appendText(info, text)
	}
	// These fail for sizes that are not possible only.
	key, err := hkdf.Key(sha256.New, []byte(parent.Secret), salt, string(info), aesKeySize+nonceSize)
	if err != nil {
		panic(err)
	}
	block, err := aes.NewCipher(key[:aesKeySize])
	if err != nil {
		panic(err)
	}
	if aead, err = cipher.NewGCM(block); err != nil {
		panic(err)
	}
	return aead, key[aesKeySize:]
}

// session returns the session of a token that came with the access key's id:
// errSessionInvalid, errSessionExpired, or why the access key could not be looked
// up. Expiry and the access key that it was issued for, which must be unchanged,
// are checked at every call.
func (v *Verifier) session(ctx context.Context, text, keyID string) (*session, error) {
	// Finding a token by its text teaches a guesser nothing, as in VerifyToken.
	s, known := v.sessions.get(text)
	if known {
		if err := v.unchanged(ctx, s.parent); err != nil {
			if errors.Is(err, ErrNoKey) {
				v.sessions.remove(text)
				err = errSessionInvalid
			}
			return nil, err
		}
	} else {
		var err error
		if s, err = v.open(ctx, text); err != nil {
			return nil, err
		}
	}
	now := v.now()
	if s.AccessKeyID != keyID || !s.validAt(now) {
		return nil, errSessionInvalid
	}
	if !now.Before(s.Expires) {
		v.sessions.remove(text)
		return nil, errSessionExpired
	}
	return s, nil
}

// open reads what seal wrote: errSessionInvalid, or why the access key could not be
// looked up. It does as much for an access
// key that there is as for one that there is not, so that the time says nothing.
func (v *Verifier) open(ctx context.Context, text string) (*session, error) {
	// Each token has one text only, as in decodeToken.
	if len(text) > maxSessionToken || strings.ContainsAny(text, "\r\n") {
		return nil, errSessionInvalid
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < 1+saltSize || raw[0] != sessionVersion {
		return nil, errSessionInvalid
	}
	salt := raw[1 : 1+saltSize]
	id, sealed, ok := cutText(raw[1+saltSize:])
	if !ok {
		return nil, errSessionInvalid
	}
	parent, err := v.keys.AccessKey(ctx, id)
	exists := err == nil
	switch {
	case errors.Is(err, ErrNoKey):
		parent = v.nobody
	case err != nil:
		return nil, err
	}
	aead, nonce := v.sealer(parent, salt)
	content, err := aead.Open(nil, nonce, sealed, raw[:len(raw)-len(sealed)])
	if err != nil || !exists {
		return nil, errSessionInvalid
	}
	temporary, rest, ok := cutTemporary(content)
	if !ok {
		return nil, errSessionInvalid
	}
	secret, rest, ok := cutText(rest)
	if !ok || len(rest) > 0 {
		return nil, errSessionInvalid
	}
	return &session{Temporary: temporary, secret: secret, parent: parent}, nil
}

// appendText writes a text after its length.
func appendText(b []byte, text string) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// cutText reads a text that appendText wrote.
func cutText(b []byte) (text string, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return "", nil, false
	}
	end := n + int(length)
	return string(b[n:end]), b[end:], true
}
