package iam

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
)

const (
	// maxStale is how long a change that another process made may not be seen.
	maxStale = time.Second
	// maxRead bounds how long a read takes whose result is remembered.
	maxRead = 10 * time.Second
	// remembered is how many access keys, roles and grants are kept, at most twice.
	remembered = 5000
)

// directory remembers what requests ask of accounts. What it has of an account is good while the account's version
// stays: in an embedded store that is a count of this process's changes, and in a shared one a row, which is read at
// most once in maxStale.
type directory struct {
	service  *Service
	accounts sync.Map // *accountState by account; only of accounts that there are
	changes  atomic.Int64

	mu         sync.Mutex
	young, old map[string]entry
}

type accountState struct {
	changes atomic.Int64 // of this process

	mu      sync.Mutex
	version int64
	readAt  time.Time
	readFor int64 // changes when it was read
}

type entry struct {
	account string // empty if it is not known whose it would be
	version int64
	value   any // an auth.AccessKey, an access.Grants or, of what is not there, nil
}

func (d *directory) state(account string) *accountState {
	if a, ok := d.accounts.Load(account); ok {
		return a.(*accountState)
	}
	a, _ := d.accounts.LoadOrStore(account, &accountState{})
	return a.(*accountState)
}

// changed says that this process has changed something of the account.
func (d *directory) changed(account string) {
	d.state(account).changes.Add(1)
	d.changes.Add(1)
}

// version is the account's, or of all accounts.
func (d *directory) version(ctx context.Context, account string) (int64, error) {
	shared := d.service.Store.Shared()
	if account == "" {
		if shared {
			return time.Now().UnixNano() / int64(maxStale), nil
		}
		return d.changes.Load(), nil
	}
	a := d.state(account)
	if !shared {
		return a.changes.Load(), nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now, changes := time.Now(), a.changes.Load()
	if !a.readAt.IsZero() && now.Sub(a.readAt) < maxStale && a.readFor == changes {
		return a.version, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxRead)
	defer cancel()
	version, err := d.service.Store.Read(ctx).Identities().Version(account)
	if err != nil && !errors.Is(err, metadata.ErrNotFound) {
		return 0, err
	}
	a.version, a.readAt, a.readFor = version, now, changes
	return version, nil
}

func (d *directory) get(key string) (entry, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.young[key]
	if !ok {
		if e, ok = d.old[key]; ok {
			d.keep(key, e)
		}
	}
	return e, ok
}

func (d *directory) put(key string, e entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keep(key, e)
}

func (d *directory) keep(key string, e entry) {
	if d.young == nil || len(d.young) >= remembered {
		d.old, d.young = d.young, map[string]entry{}
	}
	d.young[key] = e
}

// find returns what is remembered for the key, or what load reads, which is nil if it is not there.
func (d *directory) find(ctx context.Context, key, account string, load func(q *metadata.Queries) (any, error)) (any, error) {
	version, err := d.version(ctx, account)
	if err != nil {
		return nil, err
	}
	if e, ok := d.get(key); ok && e.account == account && e.version == version {
		return e.value, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxRead)
	defer cancel()
	value, err := load(d.service.Store.Read(ctx))
	if errors.Is(err, metadata.ErrNotFound) {
		value, err = nil, nil
	}
	if err == nil {
		d.put(key, entry{account, version, value})
	}
	return value, err
}

// principalOf is the one that a user's or a role's keys speak for.
func principalOf(i *metadata.Identity) policy.Principal {
	p := policy.Principal{Account: i.Account, ARN: identityARN(i), ID: i.ID}
	if Kind(i.Kind) == OfRole {
		p.Role = p.ARN
	}
	return p
}

// open unseals a secret.
func (s *Service) open(what string, sealed []byte) (string, error) {
	if s.Sealer == nil {
		return "", errors.New("iam: cannot read the secret of the " + what + ": no master key is configured")
	}
	secret, err := s.Sealer.Open(what, sealed)
	return string(secret), err
}

// AccessKey implements auth.Keys: those of the configuration first, then those of users.
func (s *Service) AccessKey(ctx context.Context, id string) (auth.AccessKey, error) {
	if key, err := s.Accounts.AccessKey(ctx, id); !errors.Is(err, auth.ErrNoKey) {
		return key, err
	}
	account, ok := auth.UserKeyAccount(id)
	if _, ours := s.Accounts.Account(account); !ok || !ours {
		return auth.AccessKey{}, auth.ErrNoKey
	}
	found, err := s.directory.find(ctx, "key "+id, account, func(q *metadata.Queries) (any, error) {
		k, err := q.AccessKeys().Get(id)
		if err != nil {
			return nil, err
		}
		user, err := q.Identities().ByID(k.User)
		if err != nil {
			return nil, err
		}
		if !k.Active || user.Account != account {
			return nil, nil
		}
		secret, err := s.open(keySecretName(id), k.Secret)
		return auth.AccessKey{ID: id, Secret: secret, Principal: principalOf(&user)}, err
	})
	return keyFound(found, err)
}

func keyFound(found any, err error) (auth.AccessKey, error) {
	key, ok := found.(auth.AccessKey)
	if err == nil && !ok {
		err = auth.ErrNoKey
	}
	return key, err
}

// Role finds a role by its unique id: auth.ErrNoKey. The secret is the one that seals its sessions.
func (s *Service) Role(ctx context.Context, id string) (auth.AccessKey, error) {
	if len(id) != 21 || !strings.HasPrefix(id, "AROA") {
		return auth.AccessKey{}, auth.ErrNoKey
	}
	// The id does not say whose it is. That never changes.
	whose, err := s.directory.find(ctx, "account of "+id, "", func(q *metadata.Queries) (any, error) {
		i, err := q.Identities().ByID(id)
		return i.Account, err
	})
	account, ok := whose.(string)
	if err == nil && !ok {
		err = auth.ErrNoKey
	}
	if err != nil {
		return auth.AccessKey{}, err
	}
	if _, ours := s.Accounts.Account(account); !ours {
		return auth.AccessKey{}, auth.ErrNoKey
	}
	return keyFound(s.directory.find(ctx, "role "+id, account, func(q *metadata.Queries) (any, error) {
		i, err := q.Identities().ByID(id)
		if err != nil {
			return nil, err
		}
		secret, err := s.open(roleSecretName(id), i.Secret)
		return auth.AccessKey{ID: id, Secret: secret, Principal: principalOf(&i)}, err
	}))
}

// Grants are what an identity may do; none for the root of an account. Of a user or role that is gone: auth.ErrNoKey.
func (s *Service) Grants(ctx context.Context, who auth.Identity) (access.Grants, error) {
	p := who.Principal
	id, _, _ := strings.Cut(p.ID, ":")
	if p.IsRoot() || id == "" {
		return access.Grants{}, nil
	}
	found, err := s.directory.find(ctx, "grants "+id, p.Account, func(q *metadata.Queries) (any, error) {
		i, err := q.Identities().ByID(id)
		if err != nil || i.Account != p.Account {
			return nil, err
		}
		return grantsOf(q, i)
	})
	grants, ok := found.(access.Grants)
	if err == nil && !ok {
		err = auth.ErrNoKey
	}
	if err == nil && who.Role != nil {
		return SessionGrants(ctx, s, p.Account, who.Role, grants)
	}
	return grants, err
}

// grantsOf reads and parses the policies of a user or role. One that cannot be read denies everything.
func grantsOf(q *metadata.Queries, i metadata.Identity) (access.Grants, error) {
	g := access.Grants{Tags: i.Tags}
	groups, err := q.Identities().GroupsOf(i.ID, maxGroupsOfUser)
	if err != nil {
		return g, err
	}
	var ids, policies []string
	for _, of := range append(groups, i) {
		ids = append(ids, of.ID)
		for name, text := range of.Inline {
			g.Policies = append(g.Policies, parsed("the policy "+name+" of the "+kinds[Kind(of.Kind)].word+" "+of.Name, text))
		}
	}
	attached, err := q.Identities().Attached(ids)
	if err != nil {
		return g, err
	}
	for _, a := range attached {
		policies = append(policies, a.Policy)
	}
	versions, err := q.ManagedPolicies().Defaults(policies)
	if err != nil {
		return g, err
	}
	texts := map[string]string{}
	for _, v := range versions {
		texts[v.Policy] = v.Text
	}
	for _, a := range attached {
		text := texts[a.Policy]
		if aws, ok := awsByID[a.Policy]; ok {
			text = aws.text
		}
		if a.Usage == metadata.AsPolicy {
			g.Policies = append(g.Policies, parsed("the managed policy "+a.Policy, text))
		}
		if a.Usage == metadata.AsBoundary && a.Identity == i.ID {
			boundary := parsed("the permissions boundary "+i.Boundary, text)
			g.Boundary = &boundary
		}
	}
	if i.Boundary != "" && g.Boundary == nil {
		g.Boundary = &policy.Policy{Name: "the permissions boundary " + i.Boundary, Document: policy.Unreadable}
	}
	return g, nil
}

func parsed(name, text string) policy.Policy {
	p := policy.Policy{Name: name, Document: policy.Unreadable}
	if document, err := policy.Parse(text, policy.IdentityPolicy); err == nil {
		p.Document = document
	}
	return p
}
