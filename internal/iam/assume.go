package iam

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

const (
	// defaultSession is how long a session lasts where nothing is asked for, and
	// maxChained how long one that another session begins (STS API reference, AssumeRole).
	defaultSession, maxChained = time.Hour, time.Hour
	// maxSessionPolicies bounds the text of the session policy and the ARNs of
	// managed ones together, in characters.
	maxSessionPolicies = 2048
	// maxSessionTags bounds a session's tags with those that the chain has handed on.
	maxSessionTags = 50
)

// The actions that a role's trust policy decides on.
const (
	actionAssumeRole        = "sts:AssumeRole"
	actionTagSession        = "sts:TagSession"
	actionSetSourceIdentity = "sts:SetSourceIdentity"
)

// ErrNotFound says that there is no such role or policy.
var ErrNotFound = errors.New("there is no such role or policy")

// Assumable is what a session of a role begins with.
type Assumable struct {
	// Key is what auth.Keys returns for the role's unique id.
	Key auth.AccessKey
	// Trust is its trust policy.
	Trust policy.Policy
	// MaxSession is how long a session may last.
	MaxSession time.Duration
	Tags       []resource.Tag
}

// Roles finds what sessions begin with. It is safe for concurrent use.
type Roles interface {
	// Assumable finds the role of a name in an account: ErrNotFound.
	Assumable(ctx context.Context, account, name string) (Assumable, error)
	ManagedPolicies
}

// ManagedPolicies finds managed policies. It is safe for concurrent use.
type ManagedPolicies interface {
	// ManagedPolicy finds one that an account may attach, its own or AWS's, in its
	// default version: ErrNotFound.
	ManagedPolicy(ctx context.Context, account, arn string) (policy.Policy, error)
}

// Sessions begins sessions of roles. It is safe for concurrent use.
type Sessions struct {
	roles    Roles
	decider  *access.Decider
	verifier *auth.Verifier
}

// NewSessions returns Sessions whose tokens the verifier opens, which must find
// the same roles.
func NewSessions(roles Roles, decider *access.Decider, verifier *auth.Verifier) *Sessions {
	return &Sessions{roles, decider, verifier}
}

// NoSessions are those of a deployment that has no roles.
func NoSessions() *Sessions { return &Sessions{roles: noRoles{}} }

type noRoles struct{}

func (noRoles) Assumable(context.Context, string, string) (Assumable, error) {
	return Assumable{}, ErrNotFound
}

func (noRoles) ManagedPolicy(context.Context, string, string) (policy.Policy, error) {
	return policy.Policy{}, ErrNotFound
}

// AssumeRole is what a session of a role is asked for with. What is empty was not given.
type AssumeRole struct {
	RoleARN        string
	SessionName    string
	Policy         string
	PolicyARNs     []string
	Duration       time.Duration
	Tags           []resource.Tag
	Transitive     []string // keys of tags that sessions begun by this one have, too
	ExternalID     string
	SourceIdentity string
}

// AssumedRole is a session of a role that was begun.
type AssumedRole struct {
	Credentials auth.Credentials
	// Principal is the session's.
	Principal      policy.Principal
	SourceIdentity string
	// PackedSize is how much of the room for policies and tags is taken, in percent.
	PackedSize int
}

// AssumeRole begins a session of a role, in the caller's account or another, if
// the role's trust policy and the caller's own policies allow it. What is there is
// not told from what is not: a role that there is not is refused as one that does
// not trust the caller.
func (s *Sessions) AssumeRole(ctx context.Context, c access.Caller, in AssumeRole) (AssumedRole, error) {
	if c.Identity.Principal.IsRoot() {
		return AssumedRole{}, refuse("AccessDenied", "Roles may not be assumed by root accounts.")
	}
	account, name, ok := splitRole(in.RoleARN)
	if !ok {
		return AssumedRole{}, refuse("ValidationError", "%s is invalid: it must be the ARN of a role, "+
			"arn:aws:iam::<account>:role/<path and name>", in.RoleARN)
	}
	session, err := newSession(c.Identity, in)
	if err != nil {
		return AssumedRole{}, err
	}
	if session.Chained && in.Duration > maxChained {
		return AssumedRole{}, refuse("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for "+
			"roles assumed by role chaining.")
	}
	role, err := s.roles.Assumable(ctx, account, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return AssumedRole{}, err
	}
	// The ARN has the role's path and the case of its name.
	if err != nil || role.Key.Principal.Role != in.RoleARN {
		return AssumedRole{}, refused(c, actionAssumeRole, in.RoleARN)
	}
	if err := s.authorize(ctx, c, role, session, in); err != nil {
		return AssumedRole{}, err
	}
	lifetime := in.Duration
	if lifetime == 0 {
		lifetime = defaultSession
	}
	if lifetime > role.MaxSession {
		return AssumedRole{}, refuse("ValidationError",
			"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if err := s.checkPolicies(ctx, account, session); err != nil {
		return AssumedRole{}, err
	}
	packed, err := packedSize(session)
	if err != nil {
		return AssumedRole{}, err
	}
	issued, err := s.verifier.IssueRole(role.Key, session, lifetime)
	if err != nil {
		return AssumedRole{}, err
	}
	return AssumedRole{
		Credentials: issued, Principal: role.Key.Session(session.Name), SourceIdentity: session.SourceIdentity,
		PackedSize: packed,
	}, nil
}

// splitRole returns the account and the name of arn:aws:iam::<account>:role/<path and name>.
func splitRole(arn string) (account, name string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	if !ok {
		return "", "", false
	}
	account, rest, _ = strings.Cut(rest, ":")
	path, ok := strings.CutPrefix(rest, "role/")
	name = path[strings.LastIndexByte(path, '/')+1:]
	digits := len(account) == 12 && strings.Trim(account, "0123456789") == ""
	return account, name, ok && digits && name != ""
}

// newSession is the session that is asked for, with what the caller's own hands on
// ("Chaining roles with session tags" in the IAM user guide).
func newSession(caller auth.Identity, in AssumeRole) (auth.RoleSession, error) {
	session := auth.RoleSession{
		Name: in.SessionName, Policy: in.Policy, PolicyARNs: in.PolicyARNs, Tags: slices.Clone(in.Tags),
		Transitive: slices.Clone(in.Transitive), SourceIdentity: in.SourceIdentity, Chained: !caller.Temporary.IsZero(),
	}
	for i, t := range in.Tags {
		if hasKey(in.Tags[:i], t.Key) {
			return session, refuse("InvalidParameterValue",
				"Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
	}
	for _, key := range in.Transitive {
		if !hasKey(in.Tags, key) {
			return session, refuse("InvalidParameterValue", "The transitive tag key %s is none of the tags of the request: "+
				"pass the tag, too", key)
		}
	}
	from := caller.Role
	if from == nil {
		return session, nil
	}
	for _, t := range from.Tags {
		if !slices.ContainsFunc(from.Transitive, func(key string) bool { return strings.EqualFold(key, t.Key) }) {
			continue
		}
		if hasKey(in.Tags, t.Key) {
			return session, refuse("InvalidParameterValue", "The tag %s is a transitive one of the calling session, which the "+
				"request cannot set again: leave it out", t.Key)
		}
		session.Tags, session.Transitive = append(session.Tags, t), append(session.Transitive, t.Key)
	}
	if len(session.Tags) > maxSessionTags {
		return session, refuse("ValidationError", "The session has %d tags with the transitive ones of the calling session; "+
			"at most %d are allowed", len(session.Tags), maxSessionTags)
	}
	switch {
	case from.SourceIdentity == "":
	case in.SourceIdentity == "" || in.SourceIdentity == from.SourceIdentity:
		session.SourceIdentity = from.SourceIdentity
	default:
		return session, refuse("AccessDenied", "The source identity of the calling session is set and cannot be changed: "+
			"leave SourceIdentity out")
	}
	return session, nil
}

func hasKey(tags []resource.Tag, key string) bool {
	return slices.ContainsFunc(tags, func(t resource.Tag) bool { return strings.EqualFold(t.Key, key) })
}

// authorize asks the trust policy and the caller's own policies for all that the
// session needs: tags and a source identity are permitted of their own, also those
// that a session hands on.
func (s *Sessions) authorize(ctx context.Context, c access.Caller, role Assumable, session auth.RoleSession,
	in AssumeRole) error {
	// Without a trust policy the caller's own policies would decide.
	if role.Trust.Document == nil || role.Trust.Document.Kind != policy.TrustPolicy {
		return refused(c, actionAssumeRole, in.RoleARN)
	}
	about := access.About{
		Tags: role.Tags, Set: in.Tags, ExternalID: in.ExternalID, SessionName: in.SessionName,
		SourceIdentity: session.SourceIdentity, TransitiveTagKeys: in.Transitive,
	}
	actions := []string{actionAssumeRole}
	if len(session.Tags) > 0 {
		actions = append(actions, actionTagSession)
	}
	if session.SourceIdentity != "" {
		actions = append(actions, actionSetSourceIdentity)
	}
	for _, action := range actions {
		decision, err := s.decider.DecideIAM(ctx, c, action, in.RoleARN, about, role.Trust)
		if err != nil {
			return err
		}
		if !decision.Allowed() {
			return refused(c, action, in.RoleARN)
		}
	}
	return nil
}

// refused says nothing of why, nor whether there is such a role.
func refused(c access.Caller, action, arn string) error {
	return refuse("AccessDenied", "User: %s is not authorized to perform: %s on resource: %s", c.Identity.Principal.ARN,
		action, arn)
}

// checkPolicies refuses session policies that cannot be read or that there are not.
func (s *Sessions) checkPolicies(ctx context.Context, account string, session auth.RoleSession) error {
	length := len([]rune(session.Policy))
	for _, arn := range session.PolicyARNs {
		length += len(arn)
	}
	if length > maxSessionPolicies {
		return refuse("ValidationError", "The session policy and the ARNs of managed ones have %d characters together; at "+
			"most %d are allowed", length, maxSessionPolicies)
	}
	if session.Policy != "" {
		if _, err := policy.Parse(session.Policy, policy.IdentityPolicy); err != nil {
			return refuse("MalformedPolicyDocument", "%s", policy.IAMProblem(err))
		}
	}
	for _, arn := range session.PolicyARNs {
		_, err := s.roles.ManagedPolicy(ctx, account, arn)
		if errors.Is(err, ErrNotFound) {
			return refuse("MalformedPolicyDocument", "There is no managed policy %s in the role's account, %s", arn, account)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// packedSize returns how much of the room for policies and tags the session takes,
// in percent: 0 if it has none. AWS's formula is not published.
func packedSize(session auth.RoleSession) (int, error) {
	if !session.HasPolicies() && len(session.Tags) == 0 {
		return 0, nil
	}
	packed := session.Packed()
	percent := (100*packed + auth.MaxPacked - 1) / auth.MaxPacked
	switch {
	case packed <= auth.MaxPacked:
		return percent, nil
	case session.HasPolicies():
		return 0, refuse("PackedPolicyTooLarge", "Packed policy consumes %d%% of allotted space, please use smaller policy.",
			percent)
	}
	return 0, refuse("PackedPolicyTooLarge", "Packed size of session tags consumes %d%% of allotted space.", percent)
}
