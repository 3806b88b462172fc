package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits and fixed texts of Signature Version 4 (AWS IAM user guide,
// "Signature Version 4 for API requests").
const (
	algorithm       = "AWS4-HMAC-SHA256"
	scopeEnd        = "aws4_request"
	unsignedPayload = "UNSIGNED-PAYLOAD"
	stampLayout     = "20060102T150405Z"

	// MaxSkew is how far the client's clock may be from ours, either way.
	MaxSkew = 15 * time.Minute
	// maxPresigned is the longest X-Amz-Expires: seven days.
	maxPresigned = 7 * 24 * time.Hour

	// maxAuthorization bounds the Authorization header and each
	// authentication parameter of a presigned URL, in bytes.
	maxAuthorization = 8 << 10
	maxSignedHeaders = 64
	// maxSigningKeys bounds how many derived keys are remembered: one for each
	// access key, day, Region and service in use. Those of temporary access keys
	// are remembered with their sessions.
	maxSigningKeys = 4096
)

// Verifier checks what callers present: signed AWS requests and registry
// tokens; and issues temporary credentials, whose session tokens it opens again.
// It is safe for concurrent use.
type Verifier struct {
	keys        Keys
	deployment  string
	now         func() time.Time
	nobody      AccessKey // stands for access keys that there are not
	signingKeys *cache[signingScope, signingKey]
	tokens      *cache[string, verifiedToken]
	sessions    *cache[string, *session]
}

// NewVerifier returns a Verifier that looks keys up at every call, and takes
// the time from now. Temporary credentials are of the deployment of this id:
// all its processes take them, and no other deployment, even one that has the
// same access keys.
func NewVerifier(keys Keys, deployment string, now func() time.Time) *Verifier {
	return &Verifier{
		keys:        keys,
		deployment:  deployment,
		now:         now,
		nobody:      AccessKey{ID: rand.Text(), Secret: rand.Text()},
		signingKeys: newCache[signingScope, signingKey](maxSigningKeys),
		tokens:      newCache[string, verifiedToken](maxTokens),
		sessions:    newCache[string, *session](maxSessions),
	}
}

// signingScope names a derived signing key.
type signingScope struct{ keyID, date, region, service string }

// signingKey is a derived key and the secret that it was derived from.
type signingKey struct {
	secret string
	key    []byte
}

// authorization is what a request says about its own signature.
type authorization struct {
	scope         signingScope
	signedHeaders []string // in lower case, ascending
	signature     string   // 64 hexadecimal digits
	stamp         string   // the time of signing, in stampLayout
	signedAt      time.Time
	sessionToken  string
	payloadHash   string // as declared by the client; empty when it is not
	presigned     bool
	lifetime      time.Duration // of a presigned URL
}

// Signed is a request whose signature has been read, but not verified: the body
// is still to come.
type Signed struct {
	verifier *Verifier
	request  *http.Request
	query    []parameter
	service  string
	key      AccessKey
	session  *session // of a temporary access key, nil for a long-lived one
	*authorization
}

// Account is the one that the request says it comes from.
func (s *Signed) Account() string { return s.key.Principal.Account }

// Region is that of the credential scope.
func (s *Signed) Region() string { return s.scope.region }

// Read checks all of a request signed with Signature Version 4, in the
// Authorization header or as a presigned URL, that can be checked without its
// body: the form, the access key, the scope, the time, and which headers are
// signed. The body of a request that fails here need not be read. service is
// the signing name expected (ecr, sts). The path must be as on the wire, so no
// handler may have rewritten it.
//
// The error is an *Error, in the protocol of service, or says why the access key
// could not be looked up. The Region has the form of one, but may be one that is
// not served here.
func (v *Verifier) Read(r *http.Request, service string) (*Signed, error) {
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, incomplete.errorf(service, "The query string cannot be checked: %v.", err)
	}
	a, refused := parseAuthorization(r, query, service)
	if refused != nil {
		return nil, refused
	}
	s := &Signed{verifier: v, request: r, query: query, service: service, authorization: a}
	if err := s.findKey(); err != nil {
		return nil, err
	}
	if a.scope.service != service {
		return nil, invalidSignature.errorf(service, "Credential should be scoped to correct service: '%s'.", service)
	}
	if refused := a.checkTime(v.now(), service); refused != nil {
		return nil, refused
	}
	if refused := a.checkSignedHeaders(r, service); refused != nil {
		return nil, refused
	}
	return s, nil
}

// findKey finds the access key by its id, or by the session token: a long-lived
// key must come without one, and a temporary key with its own.
func (s *Signed) findKey() (err error) {
	ctx := s.request.Context()
	if s.sessionToken == "" {
		s.key, err = s.verifier.keys.AccessKey(ctx, s.scope.keyID)
		if errors.Is(err, ErrNoKey) {
			return UnknownKey(s.service)
		}
		return err
	}
	opened, err := s.verifier.session(ctx, s.sessionToken, s.scope.keyID)
	switch {
	case errors.Is(err, errSessionExpired):
		return expiredSession.errorf(s.service, "The security token included in the request is expired")
	case errors.Is(err, errSessionInvalid):
		return UnknownKey(s.service)
	case err != nil:
		return err
	}
	s.key, s.session = opened.parent, opened
	return nil
}

// Verify checks the signature itself. body is the request's payload, read and
// bounded by the caller. The error is always an *Error.
func (s *Signed) Verify(body []byte) (Identity, error) {
	payloadHash, refused := s.checkPayload(body, s.service)
	if refused != nil {
		return Identity{}, refused
	}
	signing, remembered := s.signingKey()
	matched := false
	var buffer [1 << 10]byte // which most requests fit in
	for _, path := range canonicalPaths(s.request.URL.EscapedPath()) {
		canonical, err := appendCanonical(buffer[:0], s.request, path, s.query, s.signedHeaders, payloadHash)
		if err != nil {
			return Identity{}, invalidSignature.errorf(s.service, "The signed headers do not fit the request: %v.", err)
		}
		if hmac.Equal([]byte(s.signature), s.sign(signing, canonical)) {
			matched = true
			break
		}
	}
	if !matched {
		return Identity{}, invalidSignature.errorf(s.service, "The request signature we calculated does not match the "+
			"signature you provided. Check the secret access key and the signing method, and that nothing between client "+
			"and server changes the request.")
	}
	if !remembered {
		s.remember(signing)
	}
	identity := Identity{Principal: s.key.Principal, AccessKeyID: s.key.ID, Region: strings.Clone(s.scope.region)}
	if s.session != nil {
		identity.Temporary = s.session.Temporary
	}
	return identity, nil
}

// Verify is Read and Signed.Verify for a request whose body has been read.
func (v *Verifier) Verify(r *http.Request, body []byte, service string) (Identity, error) {
	signed, err := v.Read(r, service)
	if err != nil {
		return Identity{}, err
	}
	return signed.Verify(body)
}

// parseAuthorization finds and reads the request's signature. It proves nothing.
func parseAuthorization(r *http.Request, query []parameter, service string) (*authorization, *Error) {
	headers := r.Header["Authorization"]
	presigned := isPresigned(query)
	switch {
	case len(headers) == 0 && !presigned:
		return nil, missingToken.errorf(service, "Missing Authentication Token: the request has neither an Authorization "+
			"header nor the query parameters of a presigned URL.")
	case len(headers) > 0 && presigned:
		return nil, incomplete.errorf(service, "The request is signed twice, in the Authorization header and in the query "+
			"string: keep one.")
	case len(headers) > 1:
		return nil, incomplete.errorf(service, "The request has %d Authorization headers: send one.", len(headers))
	}
	if presigned {
		return parsePresigned(r.Header, query, service)
	}
	return parseHeader(r.Header, headers[0], service)
}

// parseHeader reads the Authorization header and those that belong to it.
func parseHeader(header http.Header, text, service string) (*authorization, *Error) {
	if len(text) > maxAuthorization {
		return nil, incomplete.errorf(service, "The Authorization header has %d bytes; at most %d are allowed.", len(text),
			maxAuthorization)
	}
	scheme, rest, _ := strings.Cut(text, " ")
	if scheme != algorithm {
		return nil, incomplete.errorf(service, "The Authorization header must begin with %s: no other algorithm and no "+
			"other scheme is accepted here.", algorithm)
	}
	var credential, signedHeaders, signature string
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.Trim(field, " "), "=")
		var target *string
		switch name {
		case "Credential":
			target = &credential
		case "SignedHeaders":
			target = &signedHeaders
		case "Signature":
			target = &signature
		}
		if target == nil || value == "" || *target != "" {
			return nil, incomplete.errorf(service, "The Authorization header must hold Credential, SignedHeaders and "+
				"Signature, each once, as name=value pairs with commas between them.")
		}
		*target = value
	}
	a := &authorization{}
	if refused := a.parse(credential, signedHeaders, signature, service); refused != nil {
		return nil, refused
	}
	var stamp, date string
	for _, h := range [...]struct {
		name   string
		target *string
	}{
		{"X-Amz-Date", &stamp}, {"Date", &date},
		{"X-Amz-Security-Token", &a.sessionToken}, {"X-Amz-Content-Sha256", &a.payloadHash},
	} {
		value, refused := single(header, h.name, service)
		if refused != nil {
			return nil, refused
		}
		*h.target = value
	}
	if stamp != "" {
		return a, a.parseStamp(stamp, service)
	}
	if date == "" {
		return nil, incomplete.errorf(service, "The request has neither an X-Amz-Date nor a Date header: one of them must "+
			"say when it was signed.")
	}
	if t, err := http.ParseTime(date); err == nil {
		date = t.UTC().Format(stampLayout)
	}
	return a, a.parseStamp(date, service)
}

// parsePresigned reads the query parameters of a presigned URL.
func parsePresigned(header http.Header, query []parameter, service string) (*authorization, *Error) {
	values := map[string]string{}
	for _, p := range query {
		switch p.name {
		case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature",
			"X-Amz-Security-Token", "X-Amz-Content-Sha256":
			if _, repeated := values[p.name]; repeated {
				return nil, incomplete.errorf(service, "The query parameter %s is given more than once.", p.name)
			}
			if len(p.value) > maxAuthorization {
				return nil, incomplete.errorf(service, "The query parameter %s has %d bytes; at most %d are allowed.", p.name,
					len(p.value), maxAuthorization)
			}
			values[p.name] = p.value
		}
	}
	for _, name := range []string{
		"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature",
	} {
		if values[name] == "" {
			return nil, incomplete.errorf(service, "The presigned URL lacks the query parameter %s.", name)
		}
	}
	if values["X-Amz-Algorithm"] != algorithm {
		return nil, incomplete.errorf(service, "The query parameter X-Amz-Algorithm must be %s.", algorithm)
	}
	a := &authorization{presigned: true}
	if refused := a.parse(values["X-Amz-Credential"], values["X-Amz-SignedHeaders"], values["X-Amz-Signature"],
		service); refused != nil {
		return nil, refused
	}
	// Not every signer sets a lifetime: those for STS may leave it out, and the
	// URL is then good for as long as any signed request.
	a.lifetime = MaxSkew
	if text, given := values["X-Amz-Expires"]; given {
		seconds, err := strconv.ParseUint(text, 10, 32)
		a.lifetime = time.Duration(seconds) * time.Second
		if err != nil || a.lifetime < time.Second || a.lifetime > maxPresigned {
			return nil, incomplete.errorf(service, "The query parameter X-Amz-Expires must be a number of seconds from 1 to %d.",
				int(maxPresigned.Seconds()))
		}
	}
	// A value must not be both in a header and in the URL.
	for name, target := range map[string]*string{
		"X-Amz-Security-Token": &a.sessionToken, "X-Amz-Content-Sha256": &a.payloadHash,
	} {
		value, refused := single(header, name, service)
		if refused != nil {
			return nil, refused
		}
		if value != "" && values[name] != "" {
			return nil, incomplete.errorf(service, "%s is given both as a header and as a query parameter.", name)
		}
		*target = value + values[name]
	}
	return a, a.parseStamp(values["X-Amz-Date"], service)
}

// parse reads the three texts that both forms of a signature have.
func (a *authorization) parse(credential, signedHeaders, signature, service string) *Error {
	parts := strings.SplitN(credential, "/", 6)
	if len(parts) != 5 || parts[0] == "" || parts[4] != scopeEnd {
		return incomplete.errorf(service, "The Credential must have the form <access key id>/<date>/<region>/<service>/%s.",
			scopeEnd)
	}
	a.scope = signingScope{keyID: parts[0], date: parts[1], region: parts[2], service: parts[3]}
	if !isRegion(a.scope.region) {
		return invalidSignature.errorf(service, "Credential should be scoped to a valid region: 2 to 25 of a-z, 0-9 and -.")
	}
	a.signedHeaders = strings.SplitN(signedHeaders, ";", maxSignedHeaders+1)
	if len(a.signedHeaders) > maxSignedHeaders {
		return incomplete.errorf(service, "SignedHeaders names more than %d headers.", maxSignedHeaders)
	}
	for i, name := range a.signedHeaders {
		if !isLowerHeaderName(name) || i > 0 && a.signedHeaders[i-1] >= name {
			return incomplete.errorf(service, "SignedHeaders must be header names in lower case, sorted, each once, with "+
				"semicolons between them.")
		}
	}
	if !isHexDigest(signature) {
		return incomplete.errorf(service, "The Signature must be 64 hexadecimal digits in lower case.")
	}
	a.signature = signature
	return nil
}

func (a *authorization) parseStamp(stamp, service string) *Error {
	t, err := time.Parse(stampLayout, stamp)
	if err != nil {
		return incomplete.errorf(service, "The date of the request must have the form YYYYMMDD'T'HHMMSS'Z', in UTC.")
	}
	a.stamp, a.signedAt = stamp, t
	return nil
}

// checkTime applies the clock skew and a presigned URL's window.
func (a *authorization) checkTime(now time.Time, service string) *Error {
	if a.scope.date != a.stamp[:len("YYYYMMDD")] {
		return invalidSignature.errorf(service, "The date in the Credential does not match the date of the request, %s.",
			a.stamp)
	}
	now = now.UTC()
	valid, allowed := MaxSkew, "15 min."
	if a.presigned {
		valid, allowed = a.lifetime, strconv.Itoa(int(a.lifetime.Seconds()))+" s"
	}
	if oldest := now.Add(-valid); a.signedAt.Before(oldest) {
		return invalidSignature.errorf(service, "Signature expired: %s is now earlier than %s (%s - %s)",
			a.stamp, oldest.Format(stampLayout), now.Format(stampLayout), allowed)
	}
	if newest := now.Add(MaxSkew); a.signedAt.After(newest) {
		return invalidSignature.errorf(service, "Signature not yet current: %s is still later than %s (%s + 15 min.)",
			a.stamp, newest.Format(stampLayout), now.Format(stampLayout))
	}
	return nil
}

// checkSignedHeaders refuses a request whose signature leaves out a header
// that steers what it does.
func (a *authorization) checkSignedHeaders(r *http.Request, service string) *Error {
	if r.Host == "" || !a.signs("host") {
		return invalidSignature.errorf(service, "'Host' must be a signed header.")
	}
	for name := range r.Header {
		if (hasPrefixFold(name, "X-Amz-") || strings.EqualFold(name, "Content-Type")) && !a.signs(name) {
			return invalidSignature.errorf(service, "The header %.100q is present but not signed: Content-Type and every "+
				"X-Amz- header must be.", name)
		}
	}
	return nil
}

// signs reports whether the header called name, in any case, is a signed one.
func (a *authorization) signs(name string) bool {
	for _, signed := range a.signedHeaders {
		if strings.EqualFold(signed, name) {
			return true
		}
	}
	return false
}

// checkPayload returns the payload's hash as it stands in the canonical request.
func (a *authorization) checkPayload(body []byte, service string) (string, *Error) {
	if a.presigned && a.payloadHash == unsignedPayload {
		return unsignedPayload, nil
	}
	sum := sha256.Sum256(body)
	actual := hex.EncodeToString(sum[:])
	if a.payloadHash != "" && a.payloadHash != actual {
		return "", invalidSignature.errorf(service, "The value of X-Amz-Content-Sha256 is not the SHA-256 of the payload "+
			"that was received.")
	}
	return actual, nil
}

// signingKey returns the key derived for the scope, and whether it was remembered.
func (s *Signed) signingKey() (key []byte, remembered bool) {
	secret := s.key.Secret
	if s.session != nil {
		if s.session.scope == s.scope {
			return s.session.signing, true
		}
		secret = s.session.secret
	} else if known, ok := s.verifier.signingKeys.get(s.scope); ok && known.secret == secret {
		return known.key, true
	}
	derived := hmacSHA256([]byte("AWS4"+secret), s.scope.date)
	for _, part := range [...]string{s.scope.region, s.scope.service, scopeEnd} {
		derived = hmacSHA256(derived, part)
	}
	return derived, false
}

// remember keeps the key that the request was verified with; that of a session
// with the session, which is not used past its end.
func (s *Signed) remember(key []byte) {
	if s.session == nil {
		s.verifier.signingKeys.put(s.scope.clone(), signingKey{secret: s.key.Secret, key: key})
		return
	}
	verified := *s.session
	verified.scope, verified.signing = s.scope.clone(), key
	s.verifier.sessions.put(strings.Clone(s.sessionToken), &verified)
}

// sign computes the signature of a canonical request, as hexadecimal text.
func (a *authorization) sign(key, canonical []byte) []byte {
	sum := sha256.Sum256(canonical)
	text := make([]byte, 0, 256)
	for _, line := range [...]string{algorithm, "\n", a.stamp, "\n",
		a.scope.date, "/", a.scope.region, "/", a.scope.service, "/", scopeEnd, "\n"} {
		text = append(text, line...)
	}
	text = hex.AppendEncode(text, sum[:])
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return hex.AppendEncode(nil, mac.Sum(nil))
}

// clone copies the scope's texts, which are parts of the request's headers.
func (s signingScope) clone() signingScope {
	return signingScope{
		keyID:   strings.Clone(s.keyID),
		date:    strings.Clone(s.date),
		region:  strings.Clone(s.region),
		service: strings.Clone(s.service),
	}
}

func hmacSHA256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// single returns the value of a header that may stand once, or "".
func single(header http.Header, name, service string) (string, *Error) {
	values := header[name]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", incomplete.errorf(service, "The header %s is given %d times.", name, len(values))
	}
	if len(values[0]) > maxAuthorization {
		return "", incomplete.errorf(service, "The header %s has %d bytes; at most %d are allowed.", name, len(values[0]),
			maxAuthorization)
	}
	return values[0], nil
}

func isPresigned(query []parameter) bool {
	for _, p := range query {
		switch p.name {
		case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature":
			return true
		}
	}
	return false
}

// isRegion follows the pattern of ECR's Region shape, [0-9a-z-]{2,25}.
func isRegion(s string) bool {
	if len(s) < 2 || len(s) > 25 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// isLowerHeaderName checks for a token of RFC 9110 without capitals.
func isLowerHeaderName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

func isHexDigest(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 2*sha256.Size
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
