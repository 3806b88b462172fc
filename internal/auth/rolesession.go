package auth

import (
	"errors"
	"strings"
	"sync"

	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

const (
	// MaxPacked bounds what a session of a role may carry in policies, tags and
	// claims, in bytes as Packed counts them: so its token has at most
	// maxSessionToken, whatever names there are.
	MaxPacked = 2600
	// maxItems bounds each list of a session.
	maxItems = 64
)

// RoleSession is what a session of a role was begun with. Its token carries all
// of it, so nothing of it is kept elsewhere. One that was begun is shared and
// must not be changed.
type RoleSession struct {
	// RoleID is the role's unique id, AROA…
	RoleID string
	// Name is that of the session.
	Name string
	// Policy is the text of its session policy, PolicyARNs name managed ones: the
	// session may do what the role and any of them allow. With neither, it may do all that the role may.
	Policy     string
	PolicyARNs []string
	// Tags are the session's own and those that the chain handed on; Transitive are
	// the keys of those that it hands on itself.
	Tags       []resource.Tag
	Transitive []string
	// SourceIdentity is who began the chain, by its own word, or empty.
	SourceIdentity string
	// Chained says that it was begun by temporary credentials.
	Chained bool
	// Federated is who began it by a token of an identity provider; zero for others.
	Federated Federated

	sealed string // its session token, before base64
	inline *inlinePolicy
}

// inlinePolicy is what the text of a session policy was parsed to.
type inlinePolicy struct {
	once     sync.Once
	document *policy.Document
}

// inlineWeight is how many bytes a parsed session policy takes for one of its text, at most some.
const inlineWeight = 16

// InlinePolicy is the session policy that Policy is the text of, parsed once; nil
// if there is none. One that cannot be read, which no session begins with, denies everything.
func (s *RoleSession) InlinePolicy() *policy.Document {
	if s.Policy == "" {
		return nil
	}
	if s.inline == nil {
		return parseInline(s.Policy)
	}
	s.inline.once.Do(func() { s.inline.document = parseInline(s.Policy) })
	return s.inline.document
}

func parseInline(text string) *policy.Document {
	document, err := policy.Parse(text, policy.IdentityPolicy)
	if err != nil {
		return policy.Unreadable
	}
	return document
}

// weight is how many bytes the session takes in a cache, beside its token; nil takes none.
func (s *RoleSession) weight() int {
	if s == nil {
		return 0
	}
	return inlineWeight * len(s.Policy)
}

// Federated is an identity that a provider vouches for.
type Federated struct {
	// Provider is the ARN of the identity provider.
	Provider string
	// Subject and Audience are the claims of its token.
	Subject, Audience string
}

// ErrSessionTooLarge says that a session carries more than MaxPacked.
var ErrSessionTooLarge = errors.New("the policies and tags of the session of a role are too large")

// Packed is how much of MaxPacked the session takes, in bytes.
func (s *RoleSession) Packed() int { return len(s.appendPacked(nil)) }

// HasPolicies reports whether session policies limit the session.
func (s *RoleSession) HasPolicies() bool { return s.Policy != "" || len(s.PolicyARNs) > 0 }

// isRole reports whether what seals sessions is a role, rather than an access key.
func (k AccessKey) isRole() bool { return k.Principal.Role != "" }

// Session is the principal of a session of a role that Keys.Role returned: the
// role's path is no part of its ARN ("IAM identifiers" in the IAM user guide).
func (k AccessKey) Session(name string) policy.Principal {
	role := k.Principal.Role
	return policy.Principal{
		Account: k.Principal.Account,
		ARN: "arn:aws:sts::" + k.Principal.Account + ":assumed-role/" + role[strings.LastIndexByte(role, '/')+1:] +
			"/" + name,
		ID:   k.ID + ":" + name,
		Role: role,
	}
}

// append writes the session; its role's id stands elsewhere in the token.
func (s *RoleSession) append(b []byte) []byte {
	b = appendText(b, s.Name)
	b = appendText(b, s.SourceIdentity)
	chained := byte(0)
	if s.Chained {
		chained = 1
	}
	return s.appendPacked(append(b, chained))
}

// appendPacked writes all of the session that has no small bound of its own.
func (s *RoleSession) appendPacked(b []byte) []byte {
	b = appendText(b, s.Policy)
	b = appendTexts(b, s.PolicyARNs)
	b = append(b, byte(len(s.Tags)))
	for _, t := range s.Tags {
		b = appendText(appendText(b, t.Key), t.Value)
	}
	b = appendTexts(b, s.Transitive)
	for _, text := range [...]string{s.Federated.Provider, s.Federated.Subject, s.Federated.Audience} {
		b = appendText(b, text)
	}
	return b
}

// fits reports whether append can write the session.
func (s *RoleSession) fits() bool {
	return max(len(s.PolicyARNs), len(s.Tags), len(s.Transitive)) <= maxItems && s.Packed() <= MaxPacked
}

// reader reads what append wrote. After a failure it gives zeros.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) text() (text string) {
	rest, ok := r.rest, false
	if text, rest, ok = cutText(rest); !ok {
		r.rest, r.failed = nil, true
		return ""
	}
	r.rest = rest
	return text
}

// number reads a byte of at most the limit.
func (r *reader) number(limit byte) (n byte) {
	if len(r.rest) == 0 || r.rest[0] > limit {
		r.rest, r.failed = nil, true
		return 0
	}
	n, r.rest = r.rest[0], r.rest[1:]
	return n
}

func (r *reader) texts() (texts []string) {
	for range r.number(maxItems) {
		texts = append(texts, r.text())
	}
	return texts
}

// cutRoleSession reads what append wrote.
func cutRoleSession(b []byte) (s *RoleSession, rest []byte, ok bool) {
	r := &reader{rest: b}
	s = &RoleSession{Name: r.text(), SourceIdentity: r.text(), Chained: r.number(1) == 1}
	s.Policy, s.PolicyARNs = r.text(), r.texts()
	for range r.number(maxItems) {
		s.Tags = append(s.Tags, resource.Tag{Key: r.text(), Value: r.text()})
	}
	s.Transitive = r.texts()
	s.Federated = Federated{Provider: r.text(), Subject: r.text(), Audience: r.text()}
	return s, r.rest, !r.failed
}

func appendTexts(b []byte, texts []string) []byte {
	b = append(b, byte(len(texts)))
	for _, text := range texts {
		b = appendText(b, text)
	}
	return b
}
