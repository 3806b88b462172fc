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
	maxSessionToken = 4096
	// maxSessions bounds the session tokens that are remembered, in bytes;
	// sessionWeight is what each takes beside its text and what that holds.
	maxSessions, sessionWeight = 8 << 20, 1 << 10

	// sessionVersion is that of the tokens issued for an access key, and roleVersion
	// that of sessions of a role.
	sessionVersion, roleVersion = 1, 2
	// sessionLabel and roleLabel separate the keys that seal session tokens from every other
	// use of the secret of an access key or a role.
	sessionLabel, roleLabel = "twinport session token 1", "twinport role session 1"
	// saltSize is that of the salt, which gives each token a key of its own.
	saltSize = 32
	// aesKeySize is that of AES-256, and nonceSize that of GCM.
	aesKeySize, nonceSize = 32, 12
)

// Reasons that a session token is refused.
var (
	// errSessionInvalid: the text is no session token of this deployment for the
	// access key that it came with, or the access key or role that it was issued for is
	// gone or has changed.
	errSessionInvalid = errors.New("the session token is not valid")
	// errSessionExpired: the session token is genuine but its time is over.
	errSessionExpired = errors.New("the session token has expired")
)

// session is a session token that was opened.
type session struct {
	Temporary
	secret string
	parent AccessKey // that it was issued for, as it was then: an access key or a role
	role   *RoleSession

	// signing is the key that a request was verified with last, and scope the
	// scope that it is for. Sessions are used in one Region for the most part.
	scope   signingScope
	signing []byte
}

// seal writes the session token of temporary credentials: the version, a salt,
// and the id of the access key or role that they are issued for; then, encrypted and
// authenticated together with these, all else. The key is derived from the
// secret of the access key or role, so every process that knows it can open the
// token, nobody else can, and it dies with it. A copy of the stores
// is of no use to who wants to make one.
func (v *Verifier) seal(parent AccessKey, c Credentials, role *RoleSession) []byte {
	version := byte(sessionVersion)
	content := appendText(appendTemporary(nil, c.Temporary), c.Secret)
	if role != nil {
		version = roleVersion
		content = role.append(content)
	}
	var salt [saltSize]byte
	rand.Read(salt[:]) // never fails
	token := append([]byte{version}, salt[:]...)
	token = appendText(token, parent.ID)
	aead, nonce := v.sealer(version, parent, salt[:])
	return aead.Seal(token, nonce, content, token)
}

// sealer derives what seals the one token that has this salt. It is bound to the
// deployment, and to the access key or role with its principal: a session must not pass
// to whoever is given the same key later.
func (v *Verifier) sealer(version byte, parent AccessKey, salt []byte) (aead cipher.AEAD, nonce []byte) {
	info := []byte(sessionLabel)
	if version == roleVersion {
		info = []byte(roleLabel)
	}
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
// errSessionInvalid, errSessionExpired, or why the
// access key or role could not be looked up. Expiry and the access key or role that it was
// issued for, which must be unchanged, are checked at every call.
func (v *Verifier) session(ctx context.Context, text, keyID string) (*session, error) {
	// Finding a token by its text teaches a guesser nothing, as in VerifyToken.
	s, known := v.sessions.get(text)
	if known {
		if err := unchanged(ctx, v.keys, s.parent); err != nil {
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

// open reads the text of a session token: errSessionInvalid.
func (v *Verifier) open(ctx context.Context, text string) (*session, error) {
	// Each token has one text only, as in decodeToken.
	if len(text) > maxSessionToken || strings.ContainsAny(text, "\r\n") {
		return nil, errSessionInvalid
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errSessionInvalid
	}
	return v.unseal(ctx, raw)
}

// unseal reads what seal wrote: errSessionInvalid. It does as much for an access
// key or role that there is as for one that there is not, so that the time says nothing.
func (v *Verifier) unseal(ctx context.Context, raw []byte) (*session, error) {
	if len(raw) < 1+saltSize || raw[0] != sessionVersion && raw[0] != roleVersion {
		return nil, errSessionInvalid
	}
	version, salt := raw[0], raw[1:1+saltSize]
	id, sealed, ok := cutText(raw[1+saltSize:])
	if !ok {
		return nil, errSessionInvalid
	}
	find := findKey
	if version == roleVersion {
		find = findRole
	}
	parent, err := find(ctx, v.keys, id)
	exists := err == nil
	switch {
	case errors.Is(err, ErrNoKey):
		parent = v.nobody
	case err != nil:
		return nil, err
	}
	aead, nonce := v.sealer(version, parent, salt)
	content, err := aead.Open(nil, nonce, sealed, raw[:len(raw)-len(sealed)])
	if err != nil || !exists {
		return nil, errSessionInvalid
	}
	s := &session{parent: parent}
	if s.Temporary, content, ok = cutTemporary(content); !ok {
		return nil, errSessionInvalid
	}
	if s.secret, content, ok = cutText(content); !ok {
		return nil, errSessionInvalid
	}
	if version == roleVersion {
		if s.role, content, ok = cutRoleSession(content); !ok {
			return nil, errSessionInvalid
		}
		s.role.RoleID, s.role.sealed, s.role.inline = parent.ID, string(raw), new(inlinePolicy)
	}
	if len(content) > 0 {
		return nil, errSessionInvalid
	}
	return s, nil
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
