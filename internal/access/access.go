// Package access decides who may do what in a registry. It is asked with the caller, the action, the resource and its
// facts; it fills the condition keys from one table, evaluates the policies, and answers with the decision and its
// reasons. It reads nothing itself: policies and tags are given, as the store has them.
package access

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/parsecache"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// Caller is who asks and from where: the facts that policies are evaluated on.
type Caller struct {
	Identity auth.Identity
	Grants
	// RemoteAddr is the client's address and port (aws:SourceIp).
	RemoteAddr string
	// Secure says that the connection uses TLS (aws:SecureTransport).
	Secure bool
	// Host is the one that was asked, with the port if there was one, or empty.
	Host string
	// UserAgent is the client's own word, or empty (aws:UserAgent).
	UserAgent string
}

// Grants are what an identity has beside its name. The root of an account has none.
type Grants struct {
	// Policies are the identity's own.
	Policies []policy.Policy
}

// Replicator returns the caller of a replication from an account to another registry of the same deployment. It has
// no address, and never leaves the deployment. It has no aws:SourceAccount either, which only calls of an AWS service
// have.
func Replicator(account string) Caller {
	return Caller{Identity: auth.Identity{Principal: policy.Root(account)}, Secure: true}
}

// IsRootOf reports whether the caller is the root of the account.
func (c *Caller) IsRootOf(account string) bool {
	return c.Identity.Principal.Account == account && c.Identity.Principal.IsRoot()
}

// Request is what a caller wants to do.
type Request struct {
	Caller Caller
	// Action is one of those in this package.
	Action string
	// On is a repository. Actions on a registry need only the registry's name; "*" stands for all repositories of it.
	On resource.Repository
	About
}

// About holds what conditions may ask about a request, beside its caller, action and repository.
type About struct {
	Tags    []resource.Tag // the repository's
	Set     []resource.Tag // that the request sets
	Removed []string       // keys of tags that it removes
	Setting string         // the account setting that it reads or sets
}

// Config is what New needs.
type Config struct {
	// Served reports whether the deployment serves a registry.
	Served func(resource.Registry) bool
	// Organizations has the id of the one that an account belongs to.
	Organizations map[string]string
	Logger        *slog.Logger
	Now           func() time.Time
}

// Decider decides by policies. It is safe for concurrent use.
type Decider struct {
	Config
	registryPolicies parsecache.Cache[policy.Policy]
	narrow           sync.Map // of registries whose policies have the scope V1
	texts            texts
	evaluations      atomic.Int64
}

// New returns a Decider.
func New(c Config) *Decider { return &Decider{Config: c} }

// Evaluations counts how often policies have decided so far.
func (d *Decider) Evaluations() int64 { return d.evaluations.Load() }

// Unrestricted reports whether the caller may do everything in its account: it is the root, and no policy could deny.
// This is the usual case, in which the repository's tags need not be read.
func Unrestricted(c *Caller, account string, policies []policy.Policy) bool {
	for _, p := range policies {
		if p.Document != nil {
			return false
		}
	}
	return c.IsRootOf(account)
}

// Decision is the answer to a Request.
type Decision struct {
	policy.Decision
	always bool // whatever the policies say
}

// Allowed reports whether the request may proceed.
func (d Decision) Allowed() bool { return d.always || d.Decision.Allowed() }

// Decide decides a request by the policies of its resource and of the caller's identity. An error means that nothing
// was decided, so nothing is allowed: ctx has ended, or the action is none of this package.
func (d *Decider) Decide(ctx context.Context, r Request, policies ...policy.Policy) (Decision, error) {
	decision, err := d.DecideBy(ctx, r, policies...)
	if err == nil && alwaysRoots[r.Action] && r.Caller.IsRootOf(r.On.Registry.Account) {
		decision.always = true
	}
	return decision, err
}

// DecideBy is Decide by the policies alone: that a caller is the account's root gives it no right.
func (d *Decider) DecideBy(ctx context.Context, r Request, policies ...policy.Policy) (Decision, error) {
	if _, ok := keysOf[r.Action]; !ok {
		return Decision{}, fmt.Errorf("decide on %s by %s: the action is not in the table of condition keys",
			r.Action, r.Caller.Identity.Principal.ARN)
	}
	d.evaluations.Add(1)
	decision := policy.Authorize(ctx, d.request(r), policy.Policies{Identity: r.Caller.Policies, Resource: policies})
	if !decision.Allowed() {
		if err := ctx.Err(); err != nil {
			return Decision{}, err
		}
	}
	return Decision{Decision: decision}, nil
}

// maxUserAgent is how much of what a client says of itself policies see, in bytes. The longest names of browsers and
// SDKs are half as long.
const maxUserAgent = 1 << 10

// request fills the condition keys: those of the client, of the resource and of the action. Package policy adds what
// follows from the request itself.
func (d *Decider) request(r Request) policy.Request {
	who, id := r.Caller.Identity.Principal, r.On.Registry
	who.Organization = d.Organizations[who.Account]
	keys := keysOf[r.Action]
	req := policy.Request{
		Principal: who, Action: r.Action, Resource: "*", Time: d.Now(),
		ResourceAccount: id.Account, ResourceOrganization: d.Organizations[id.Account],
	}
	if keys&OfRepository != 0 {
		req.Resource = r.On.ARN()
	}
	req.Context.Add("aws:RequestedRegion", id.Region)
	if keys&ResourceTags != 0 {
		for _, t := range r.Tags {
			req.Context.Add("aws:ResourceTag/"+t.Key, t.Value)
			req.Context.Add("ecr:ResourceTag/"+t.Key, t.Value)
		}
	}
	for _, t := range r.Set {
		if keys&RequestTags != 0 {
			req.Context.Add("aws:RequestTag/"+t.Key, t.Value)
		}
		if keys&TagKeys != 0 {
			req.Context.Add("aws:TagKeys", t.Key)
		}
	}
	if keys&TagKeys != 0 {
		req.Context.Add("aws:TagKeys", r.Removed...)
	}
	if keys&AccountSettings != 0 {
		req.Context.Add("ecr:AccountSetting", r.Setting)
	}
	if t := r.Caller.Identity.Temporary; !t.IsZero() {
		req.Context.Add("aws:TokenIssueTime", t.IssuedAt.Format(time.RFC3339))
		req.Context.Add("aws:MultiFactorAuthPresent", "false") // there are no devices for it
	}
	req.Context.Add("aws:SecureTransport", strconv.FormatBool(r.Caller.Secure))
	if r.Caller.UserAgent != "" {
		req.Context.Add("aws:UserAgent", beginning(r.Caller.UserAgent, maxUserAgent))
	}
	if address, err := netip.ParseAddrPort(r.Caller.RemoteAddr); err == nil {
		req.Context.Add("aws:SourceIp", address.Addr().Unmap().String())
	}
	return req
}

// beginning returns at most so many bytes of s, without a part of a character at the end.
func beginning(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
