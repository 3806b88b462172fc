package peer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/twinport/twinport/internal/metadata"
)

const (
	// identityLease is the lease that keeps two processes from making an identity
	// each.
	identityLease = "identity"
	// identityPrefix begins the text of an identity.
	identityPrefix = "ed25519:"
	// maxIdentity bounds that text.
	maxIdentity = 200
	// checksumSize is how many bytes of a digest find slips in texts that people copy.
	checksumSize = 4
)

// Self is this deployment as peers know it.
type Self struct {
	Party
	Keys []Key // that it may sign with, by number; new peers get the last
}

// privateKey is a key of ours as it is stored. Formatted or logged it shows its number only.
type privateKey struct {
	Number int64     `json:"number"`
	Seed   []byte    `json:"seed"`
	MadeAt time.Time `json:"madeAt"`
}

func (k privateKey) String() string   { return fmt.Sprintf("key %d", k.Number) }
func (k privateKey) GoString() string { return k.String() }

// identity is the document of this deployment.
type identity struct {
	Keys []privateKey `json:"keys"` // by number
}

func newPrivateKey(number int64, now time.Time) privateKey {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails
	return privateKey{Number: number, Seed: seed, MadeAt: now.UTC()}
}

// signingKey is a key of ours, ready for use. Formatted it shows its number only.
type signingKey struct {
	number  int64
	private ed25519.PrivateKey
}

func (k signingKey) String() string   { return fmt.Sprintf("key %d", k.number) }
func (k signingKey) GoString() string { return k.String() }

func (k signingKey) public() Key {
	return Key{Number: k.number, Public: k.private.Public().(ed25519.PublicKey)}
}

// keyring has the keys of ours, by number. There is one at least.
type keyring []signingKey

func (r keyring) newest() signingKey { return r[len(r)-1] }

func (r keyring) find(number int64) (signingKey, bool) {
	for _, k := range r {
		if k.number == number {
			return k, true
		}
	}
	return signingKey{}, false
}

// forPeer returns the key that a peer knows, as far as can be said.
func (r keyring) forPeer(confirmed int64) signingKey {
	if k, ok := r.find(confirmed); ok {
		return k
	}
	return r.newest()
}

// since returns the public keys from a number on.
func (r keyring) since(number int64) (keys []Key) {
	for _, k := range r {
		if k.number >= number {
			keys = append(keys, k.public())
		}
	}
	return keys
}

func readIdentity(row metadata.Deployment) (identity, error) {
	var i identity
	if err := json.Unmarshal([]byte(row.Document), &i); err != nil || len(i.Keys) == 0 {
		// The error may show a part of a key.
		return identity{}, errors.New("read the deployment's keys: the row of the table deployment is damaged")
	}
	return i, nil
}

// readKeys returns the keys of the deployment, ready for use.
func readKeys(row metadata.Deployment) (keyring, error) {
	i, err := readIdentity(row)
	if err != nil {
		return nil, err
	}
	var ring keyring
	for _, k := range i.Keys {
		if len(k.Seed) != ed25519.SeedSize {
			return nil, errors.New("read the deployment's keys: the row of the table deployment is damaged")
		}
		ring = append(ring, signingKey{number: k.Number, private: ed25519.NewKeyFromSeed(k.Seed)})
	}
	return ring, nil
}

// makeIdentity gives the deployment an id and a key unless it has them. Of several processes that start at once one
// makes them: who takes the lease.
func (d *Directory) makeIdentity(ctx context.Context) error {
	holder := uuid.NewString()
	return d.update(ctx, func(tx *metadata.Tx) error {
		_, err := tx.Peers().Deployment()
		if !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
		lease, err := tx.Leases().Get(identityLease)
		if err != nil {
			return err
		}
		if taken, err := tx.Leases().Take(lease, holder); err != nil || !taken {
			return errors.Join(err, errChanged)
		}
		return tx.Peers().CreateDeployment(uuid.NewString(), identity{Keys: []privateKey{newPrivateKey(1, d.now())}})
	})
}

// Self returns this deployment as peers know it.
func (d *Directory) Self() Self {
	s := d.current.Load()
	return Self{Party: d.party, Keys: s.keys.since(0)}
}

// Identity returns the text by which the configuration of a peer knows this deployment: ed25519: and its id, the number
// of its newest key and the public key in base64, with a checksum.
func (d *Directory) Identity() string {
	return identityText(d.party.ID, d.current.Load().keys.newest().public())
}

func identityText(id string, key Key) string {
	raw, err := uuid.MustParse(id).MarshalBinary()
	if err != nil {
		panic(err) // it never fails
	}
	raw = binary.AppendUvarint(raw, uint64(key.Number))
	raw = append(raw, key.Public...)
	return identityPrefix + base64.RawURLEncoding.EncodeToString(append(raw, checksum(raw)...))
}

// ParseIdentity reads what Identity returned at a deployment.
func ParseIdentity(text string) (id string, key Key, err error) {
	encoded, found := strings.CutPrefix(text, identityPrefix)
	raw, decodeErr := base64.RawURLEncoding.Strict().DecodeString(encoded)
	invalid := errors.New("it must be the text that twinport peer identity shows at the peer, ed25519: and about 70 " +
		"characters more; perhaps a part is missing")
	if !found || len(text) > maxIdentity || decodeErr != nil || len(raw) < checksumSize {
		return "", Key{}, invalid
	}
	raw, sum := raw[:len(raw)-checksumSize], raw[len(raw)-checksumSize:]
	if !bytes.Equal(sum, checksum(raw)) {
		return "", Key{}, invalid
	}
	id, key, rest, ok := cutIdentity(raw)
	if !ok || len(rest) > 0 {
		return "", Key{}, invalid
	}
	return id, key, nil
}

// cutIdentity reads an id and a key from the beginning of the bytes.
func cutIdentity(raw []byte) (id string, key Key, rest []byte, ok bool) {
	if len(raw) < 16 {
		return "", Key{}, nil, false
	}
	parsed, err := uuid.FromBytes(raw[:16])
	number, n := binary.Uvarint(raw[16:])
	if err != nil || n <= 0 || number == 0 || number > 1<<32 || len(raw) < 16+n+ed25519.PublicKeySize {
		return "", Key{}, nil, false
	}
	raw = raw[16+n:]
	key = Key{Number: int64(number), Public: ed25519.PublicKey(bytes.Clone(raw[:ed25519.PublicKeySize]))}
	return parsed.String(), key, raw[ed25519.PublicKeySize:], true
}

func checksum(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:checksumSize]
}
