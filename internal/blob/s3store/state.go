package s3store

import (
	"crypto/sha256"
	"encoding"
	"encoding/json"
	"fmt"
	"hash"
)

// stateVersion is the version of the form of state and of what it means, such
// as the size of the parts.
const stateVersion = 1

// state is what a session's next request needs to know. Everything that it
// mentions is in the bucket.
type state struct {
	Version   int      `json:"v"`
	Size      int64    `json:"size"`
	Hash      []byte   `json:"sha256"`              // running, of Size bytes
	Multipart string   `json:"multipart,omitempty"` // "" while there is no part
	Parts     []string `json:"parts,omitempty"`     // ETags of parts 1, 2, …
	Tail      string   `json:"tail,omitempty"`      // name of what comes after the parts
	Old       []string `json:"old,omitempty"`       // names of earlier tails, that only earlier states mention
}

// tailSize is how many bytes come after the parts.
func (s *state) tailSize() int64 { return s.Size - int64(len(s.Parts))*partSize }

// decode reads a state, empty for a new session.
func decode(text []byte) (*state, error) {
	s := new(state)
	if len(text) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("it is of version %d, but this program knows only %d", s.Version, stateVersion)
	}
	tail := s.tailSize()
	if len(s.Parts) > maxParts || tail < 0 || tail > partSize || (tail > 0) != (s.Tail != "") || (len(s.Parts) > 0) &&
		s.Multipart == "" {
		return nil, fmt.Errorf("it does not add up: %d bytes in %d parts and tail %q", s.Size, len(s.Parts), s.Tail)
	}
	return s, nil
}

// hash is the running hash.
func (s *state) hash() (hash.Hash, error) {
	h := sha256.New()
	if s.Version == 0 { // new
		return h, nil
	}
	return h, h.(encoding.BinaryUnmarshaler).UnmarshalBinary(s.Hash)
}

// snapshot is a running hash in the form of state.
func snapshot(h hash.Hash) []byte {
	b, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // crypto/sha256 has no case for one
	}
	return b
}

func (s *state) encode() ([]byte, error) { return json.Marshal(s) }
