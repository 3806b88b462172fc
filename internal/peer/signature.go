package peer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

const (
	dateLayout    = "2006-01-02T15:04:05.000Z"
	contentPrefix = "sha256:"
	// maxHeader bounds the value of each header.
	maxHeader = 200
	// answerKeyTimeout is how long the store may take to say which keys there are.
	answerKeyTimeout = 2 * time.Second
)

// signedHeader has the values of a request's headers, as they are signed.
type signedHeader struct {
	peer, to, key, date, nonce, protocol, answerKey, content string
}

// requestText is what is signed of a request: the way that balancers hand on, whatever host and scheme they change.
func requestText(r *http.Request, h signedHeader) []byte {
	return []byte(strings.Join([]string{
		"twinport peer request 1", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, h.peer, h.to, h.key, h.date, h.nonce,
		h.protocol, h.answerKey, h.content,
	}, "\n"))
}

// answerText is what is signed of an answer to the request of a nonce, by one deployment for another.
func answerText(by, to, key, nonce string, status int, body []byte) []byte {
	return []byte(strings.Join([]string{
		"twinport peer answer 1", by, to, key, nonce, strconv.Itoa(status), contentOf(body),
	}, "\n"))
}

func contentOf(body []byte) string {
	sum := sha256.Sum256(body)
	return contentPrefix + hex.EncodeToString(sum[:])
}

// sign signs a request for the deployment to, which is to sign its answer by the key of the number answerKey.
func (d *Directory) sign(r *http.Request, body []byte, to string, answerKey int64, key signingKey, date time.Time) {
	var random nonce
	rand.Read(random[:]) // never fails
	h := signedHeader{
		peer: d.party.ID, to: to, key: strconv.FormatInt(key.number, 10), date: date.UTC().Format(dateLayout),
		nonce: hex.EncodeToString(random[:]), protocol: strconv.Itoa(NewestProtocol),
		answerKey: strconv.FormatInt(answerKey, 10), content: contentOf(body),
	}
	for name, value := range map[string]string{
		HeaderPeer: h.peer, HeaderTo: h.to, HeaderKey: h.key, HeaderDate: h.date, HeaderNonce: h.nonce,
		HeaderProtocol: h.protocol, HeaderAnswerKey: h.answerKey, HeaderContent: h.content,
		HeaderSignature: base64.StdEncoding.EncodeToString(ed25519.Sign(key.private, requestText(r, h))),
	} {
		r.Header.Set(name, value)
	}
}

// request is a request whose headers can be read. It is not authentic before its signature was verified.
type request struct {
	header    signedHeader
	text      []byte
	key       int64
	date      time.Time
	nonce     nonce
	signature []byte
}

// read reads the headers of a request, and checks all that needs no key.
func (d *Directory) read(r *http.Request) (request, error) {
	if !d.allowPlain && r.TLS == nil && !fromLoopback(r) && !byTunnel(r) {
		return request{}, refuse(PlainRefused, "The request came without TLS, and peers are served with TLS only: "+
			"use https in the URL of %s. If a balancer in front of it ends TLS, name the balancer in trusted_proxies "+
			"there.", d)
	}
	var q request
	for name, value := range map[string]*string{
		HeaderPeer: &q.header.peer, HeaderTo: &q.header.to, HeaderKey: &q.header.key, HeaderDate: &q.header.date,
		HeaderNonce: &q.header.nonce, HeaderProtocol: &q.header.protocol, HeaderAnswerKey: &q.header.answerKey,
		HeaderContent: &q.header.content,
	} {
		var err error
		if *value, err = onlyValue(r.Header, name); err != nil {
			return request{}, err
		}
	}
	signature, err := onlyValue(r.Header, HeaderSignature)
	if err != nil {
		return request{}, err
	}
	invalid := func(name string) (request, error) {
		return request{}, refuse(InvalidRequest, "The header %s of the request is not valid.", name)
	}
	if q.signature, err = base64.StdEncoding.Strict().DecodeString(signature); err != nil {
		return invalid(HeaderSignature)
	}
	if q.key, err = parseNumber(q.header.key); err != nil {
		return invalid(HeaderKey)
	}
	if _, err = parseNumber(q.header.answerKey); err != nil {
		return invalid(HeaderAnswerKey)
	}
	protocol, err := parseNumber(q.header.protocol)
	if err != nil {
		return invalid(HeaderProtocol)
	}
	if q.date, err = time.Parse(dateLayout, q.header.date); err != nil {
		return invalid(HeaderDate)
	}
	if q.nonce, err = parseNonce(q.header.nonce); err != nil {
		return invalid(HeaderNonce)
	}
	if !isID(q.header.peer) {
		return invalid(HeaderPeer)
	}
	switch {
	case q.header.peer == d.party.ID:
		return request{}, d.sameIdentity("The request")
	case q.header.to != d.party.ID:
		return request{}, refuse(WrongDeployment, "The request is addressed to the deployment %.40q, and %s has the "+
			"id %s: check the URL by which it is reached.", q.header.to, d, d.party.ID)
	case protocol < OldestProtocol || protocol > NewestProtocol:
		return request{}, refuse(Version, "The request came in protocol %d, and %s (version %s) speaks %s: upgrade "+
			"the older of the two deployments.", protocol, d, d.party.Version,
			protocols(OldestProtocol, NewestProtocol))
	}
	q.text = requestText(r, q.header)
	return q, nil
}

// sameIdentity says that another deployment has the identity of this one.
func (d *Directory) sameIdentity(what string) *Error {
	return refuse(SameIdentity, "%s comes from a deployment that has the same identity, %s, as %s: the data of one "+
		"is a copy of the other's. Begin one of the two with data of its own, or stop it.", what, d.party.ID, d)
}

// wrongVersion says that a deployment speaks none of our protocols.
func (d *Directory) wrongVersion(other Party) *Error {
	return refuse(Version, "The deployment %s (version %s) speaks %s, and %s (version %s) %s: upgrade the older of "+
		"the two.", other.Name, other.Version, protocols(other.OldestProtocol, other.NewestProtocol), d,
		d.party.Version, protocols(OldestProtocol, NewestProtocol))
}

func protocols(oldest, newest int) string {
	if oldest == newest {
		return fmt.Sprintf("protocol %d", oldest)
	}
	return fmt.Sprintf("the protocols %d to %d", oldest, newest)
}

// fromLoopback reports whether the request came from this machine.
func fromLoopback(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && from.Addr().Unmap().IsLoopback()
}

func onlyValue(h http.Header, name string) (string, error) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" || len(values[0]) > maxHeader {
		return "", refuse(InvalidRequest, "The request must have one header %s of at most %d bytes: if it came "+
			"through a proxy, that must hand the header on.", name, maxHeader)
	}
	return values[0], nil
}

func parseNumber(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (n < 0 || strconv.FormatInt(n, 10) != text) {
		err = strconv.ErrSyntax
	}
	return n, err
}

func parseNonce(text string) (nonce, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(nonce{}) || strings.ToLower(text) != text {
		return nonce{}, errors.New("it must be 32 hexadecimal digits")
	}
	return nonce(b), nil
}

// verify checks the signature of a request by one of the keys, and then its date.
func (d *Directory) verify(q request, keys []Key) error {
	key, known := keyOf(keys, q.key)
	if !known {
		e := refuse(Signature, "The request is signed with key %d of the deployment %s, which %s does not know. If "+
			"one of the two was restored from an old backup, remove the peer on both sides and join again.", q.key,
			q.header.peer, d)
		for _, k := range keys {
			e.KnownKeys = append(e.KnownKeys, k.Number)
		}
		return e
	}
	if !ed25519.Verify(key.Public, q.text, q.signature) {
		return refuse(Signature, "The signature of the request is not that of key %d of the deployment %s: a proxy "+
			"has changed the request, or another deployment uses the id.", q.key, q.header.peer)
	}
	now := d.now()
	if ahead := q.date.Sub(now); ahead > window || ahead < -window {
		return clockError(now, "The request is dated %s, and %s has %s: set the clock of the one that is wrong.",
			q.header.date, d, now.UTC().Format(dateLayout))
	}
	return nil
}

// take takes a request that was verified, once.
func (d *Directory) take(q request) error {
	now := d.now()
	code, earliest := d.nonces.take(q.header.peer, q.date, q.nonce, now)
	switch code {
	case Clock:
		if earliest.Before(now) {
			earliest = now
		}
		return clockError(earliest, "The request is dated %s, and %s does not remember all requests since then: send "+
			"it again with the present date.", q.header.date, d)
	case Replayed:
		return refuse(Replayed, "The request was taken before: send another, with a nonce of its own.")
	}
	return nil
}

// clockError refuses a request for its date, with the time that it should have had.
func clockError(t time.Time, format string, args ...any) *Error {
	e := refuse(Clock, format, args...)
	e.Time = t.UTC()
	return e
}

// Authenticate returns the peer that sent a request with this body, which is the caller's to read and bound. It is
// AuthenticateHeader with CheckContent.
func (d *Directory) Authenticate(r *http.Request, body []byte) (Record, error) {
	record, err := d.AuthenticateHeader(r)
	if err == nil {
		err = CheckContent(r, body)
	}
	return record, err
}

// AuthenticateHeader returns the peer that sent a request, before the body is read: CheckContent must check that. The
// error is an *Error. The peer's row is read from the store, so a peer that was removed is refused at once. A request
// is taken once only.
func (d *Directory) AuthenticateHeader(r *http.Request) (Record, error) {
	q, err := d.read(r)
	if err != nil {
		d.logRefusal(r, err)
		return Record{}, err
	}
	e, err := d.stored(r.Context(), q.header.peer)
	if err == nil {
		err = d.verify(q, e.Keys)
	}
	if err == nil {
		err = d.take(q)
	}
	if err != nil {
		d.logRefusal(r, err)
		return Record{}, err
	}
	return e.Record, nil
}

// stored reads a peer from the store.
func (d *Directory) stored(ctx context.Context, id string) (*entry, error) {
	row, err := d.store.Read(ctx).Peers().Get(id)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil, d.unknown(id)
	}
	if err != nil {
		return nil, storeError(err)
	}
	if known := d.current.Load().byID[id]; known != nil && known.row == row {
		return known, nil
	}
	e, err := readEntry(row)
	if err != nil {
		return nil, storeError(err)
	}
	return e, nil
}

// unknown says that a deployment is no peer.
func (d *Directory) unknown(id string) *Error {
	return refuse(NotAPeer, "%s does not know the deployment %s, or has removed it: join again with a new code of "+
		"twinport peer invite.", d, id)
}

// CheckContent checks that the body of a request is the one that was signed.
func CheckContent(r *http.Request, body []byte) error {
	if !slices.Equal(r.Header.Values(HeaderContent), []string{contentOf(body)}) {
		return refuse(Signature, "The body of the request is not the one that was signed: something between the "+
			"deployments has changed it.")
	}
	return nil
}

// SignAnswer signs an answer to the request, whoever sent it, with the key that it asks for. The answer must be written
// as it is given here.
func (d *Directory) SignAnswer(h http.Header, r *http.Request, status int, body []byte) {
	h.Set(HeaderPeer, d.party.ID)
	h.Del(HeaderKey)
	h.Del(HeaderSignature)
	to, nonce := r.Header.Get(HeaderPeer), r.Header.Get(HeaderNonce)
	if _, err := parseNonce(nonce); err != nil || !isID(to) {
		return // nobody could verify it
	}
	key := d.answerKey(r)
	text := answerText(d.party.ID, to, strconv.FormatInt(key.number, 10), nonce, status, body)
	h.Set(HeaderKey, strconv.FormatInt(key.number, 10))
	h.Set(HeaderSignature, base64.StdEncoding.EncodeToString(ed25519.Sign(key.private, text)))
}

// answerKey returns the key that a request asks its answer to be signed with; the newest if there is none of that
// number. One that is newer than all that are known may have been made by another process just now, so the store is
// read: once per request, as it is for the sender.
func (d *Directory) answerKey(r *http.Request) signingKey {
	s := d.current.Load()
	number, err := parseNumber(r.Header.Get(HeaderAnswerKey))
	if err != nil || number <= s.keys.newest().number {
		return s.keys.forPeer(number)
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerKeyTimeout)
	defer cancel()
	row, err := d.store.Read(ctx).Peers().Deployment()
	if err != nil || row == s.deployment {
		return s.keys.newest()
	}
	keys, err := readKeys(row)
	if err != nil {
		return s.keys.newest()
	}
	return keys.forPeer(number)
}

// verifyAnswer reports whether one of the keys of the deployment by has signed the answer to a request.
func verifyAnswer(by string, keys []Key, r *http.Request, answer http.Header, status int, body []byte) bool {
	number, err := parseNumber(answer.Get(HeaderKey))
	key, known := keyOf(keys, number)
	signature, decodeErr := base64.StdEncoding.Strict().DecodeString(answer.Get(HeaderSignature))
	if err != nil || decodeErr != nil || !known || answer.Get(HeaderPeer) != by {
		return false
	}
	to, nonce := r.Header.Get(HeaderPeer), r.Header.Get(HeaderNonce)
	text := answerText(by, to, strconv.FormatInt(number, 10), nonce, status, body)
	return ed25519.Verify(key.Public, text, signature)
}
