package access

import (
	"sync"

	"github.com/twinport/twinport/internal/policy"
)

// maxPolicyTexts bounds the texts whose documents are remembered, in bytes;
// parsed, they take several times as much.
const maxPolicyTexts = 1 << 20

// texts remembers the parsed documents of repository policies, for readers of
// rows that are not cached themselves.
type texts struct {
	mu        sync.Mutex
	documents map[string]*policy.Document
	bytes     int
}

func (t *texts) get(text string, parse func() *policy.Document) *policy.Document {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d, ok := t.documents[text]; ok {
		return d
	}
	d := parse()
	if t.documents == nil || t.bytes+len(text) > maxPolicyTexts {
		t.documents, t.bytes = map[string]*policy.Document{}, 0
	}
	t.documents[text] = d
	t.bytes += len(text)
	return d
}
