package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/metadata"
)

const (
	// InvitationLifetime is how long a code is good for.
	InvitationLifetime = time.Hour
	// keepInvitations is how long after that it is known why a code is not good.
	keepInvitations = 24 * time.Hour
	// maxInvitations is how many there may be.
	maxInvitations = 1000

	codePrefix = "twinport1-"
	maxCode    = 1000
	secretSize = 16
)

// invitation is what a code says: who made it, where that is, and what it knows the joining side by. Formatted it shows
// no secret.
type invitation struct {
	id     string
	key    Key
	url    string
	secret []byte
}

func (i invitation) String() string   { return "invitation of " + i.id + " at " + i.url }
func (i invitation) GoString() string { return i.String() }

// code writes an invitation as one word, with a checksum.
func (i invitation) code() string {
	id := uuid.MustParse(i.id)
	b := binary.AppendUvarint(bytes.Clone(id[:]), uint64(i.key.Number))
	b = append(append(append(b, i.key.Public...), i.secret...), i.url...)
	return codePrefix + base64.RawURLEncoding.EncodeToString(append(b, checksum(b)...))
}

// parseCode reads a code. White space within it comes from being copied.
func parseCode(code string) (invitation, error) {
	invalid := func(why string) (invitation, error) {
		return invitation{}, refuse(CodeInvalid, "The code is not valid: %s. Copy all of the word that twinport peer "+
			"invite printed, which begins with %s.", why, codePrefix)
	}
	if len(code) > maxCode {
		return invalid("it is too long")
	}
	code = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, code)
	encoded, found := strings.CutPrefix(code, codePrefix)
	if !found {
		return invalid("it begins otherwise")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) < checksumSize {
		return invalid("a part is missing, or a character is wrong")
	}
	raw, sum := raw[:len(raw)-checksumSize], raw[len(raw)-checksumSize:]
	if !bytes.Equal(sum, checksum(raw)) {
		return invalid("a part is missing, or a character is wrong")
	}
	var i invitation
	var ok bool
	if i.id, i.key, raw, ok = cutIdentity(raw); !ok || len(raw) <= secretSize {
		return invalid("it does not say who made it")
	}
	i.secret, i.url = raw[:secretSize], string(raw[secretSize:])
	if err := checkURL(i.url); err != nil {
		return invalid(err.Error())
	}
	return i, nil
}

// hashOf is what is stored of an invitation's secret.
func hashOf(secret []byte) string {
	sum := sha256.Sum256(append([]byte("twinport invitation\n"), secret...))
	return hex.EncodeToString(sum[:])
}

// invitationDocument is an invitation as it is stored.
type invitationDocument struct {
	Grant Grant `json:"grant"`
}

func readInvitation(row metadata.Invitation) (d invitationDocument, err error) {
	if err := json.Unmarshal([]byte(row.Document), &d); err != nil {
		return d, fmt.Errorf("read an invitation of the database: %w", err)
	}
	return d, nil
}

// Invite makes a code by which another deployment becomes a peer with this grant, once and for an hour.
func (d *Directory) Invite(ctx context.Context, grant Grant) (code string, expires time.Time, err error) {
	if d.party.URL == "" {
		return "", time.Time{}, refuse(InvalidRequest, "%s has no URL that others reach it by: set deployment.url in "+
			"its configuration, or invite from the other deployment and join here.", d)
	}
	if err := d.checkReady(); err != nil {
		return "", time.Time{}, err
	}
	if err := grant.check(); err != nil {
		return "", time.Time{}, refuse(InvalidRequest, "The grant is not valid: %s.", err)
	}
	if err := d.Refresh(ctx); err != nil {
		return "", time.Time{}, err
	}
	i := invitation{
		id: d.party.ID, key: d.current.Load().keys.newest().public(), url: d.party.URL,
		secret: make([]byte, secretSize),
	}
	rand.Read(i.secret) // never fails
	expires = d.now().Add(InvitationLifetime).UTC().Truncate(time.Second)
	err = d.store.Update(ctx, func(tx *metadata.Tx) error {
		if err := tx.Peers().ForgetInvitations(d.now().Add(-keepInvitations)); err != nil {
			return err
		}
		if n, err := tx.Peers().CountInvitations(maxInvitations); err != nil {
			return err
		} else if n >= maxInvitations {
			return refuse(Full, "There are %d invitations already: the first will be forgotten within a day.", n)
		}
		return tx.Peers().Invite(hashOf(i.secret), expires, invitationDocument{Grant: grant})
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return i.code(), expires, nil
}

// checkReady reports why this deployment, as it is configured, cannot become a peer.
func (d *Directory) checkReady() error {
	if plain(d.party.URL) && !d.allowPlain {
		return refuse(PlainRefused, "%s has the URL %s, without TLS, at which peers neither call it nor are answered: "+
			"give it a certificate, or a balancer in front of it, and set deployment.url to the https URL; or set "+
			"deployment.allow_plain on both sides if the network between them is safe.", d, d.party.URL)
	}
	if err := checkServed(d.party.Regions, d.party.Accounts); err != nil {
		return refuse(InvalidRequest, "%s cannot become a peer: %s.", d, err)
	}
	return nil
}

// invited returns the invitation of a secret, and whether the deployment has used it before. It is an *Error if the
// invitation is not good for it.
func (d *Directory) invited(q metadata.Peers, secret []byte, id string) (i invitationDocument, again bool, err error) {
	row, err := q.Invitation(hashOf(secret))
	if errors.Is(err, metadata.ErrNotFound) {
		return i, false, refuse(CodeInvalid, "%s does not know the code: make another there with twinport peer "+
			"invite.", d)
	}
	if err != nil {
		return i, false, err
	}
	switch {
	case row.UsedBy != "" && row.UsedBy != id:
		return i, false, codeUsed()
	case !d.now().Before(row.ExpiresAt):
		return i, false, refuse(CodeExpired, "The code expired at %s, an hour after it was made: make another with "+
			"twinport peer invite.", row.ExpiresAt.Format(time.RFC3339))
	}
	i, err = readInvitation(row)
	return i, row.UsedBy == id, err
}

func codeUsed() *Error {
	return refuse(CodeUsed, "The code was used before: make another with twinport peer invite.")
}
