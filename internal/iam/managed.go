package iam

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// managed names a managed policy, of the account's or of AWS's.
type managed struct {
	ID, Path, Name, ARN string
	row                 *metadata.ManagedPolicy // nil for AWS's
	aws                 *awsPolicy              // nil for the account's
}

func managedOf(row metadata.ManagedPolicy) managed {
	return managed{
		ID: row.ID, Path: row.Path, Name: row.Name, ARN: arnOf(row.Account, "policy", row.Path, row.Name), row: &row,
	}
}

func (m *managed) tags() []resource.Tag {
	if m.row == nil {
		return nil
	}
	return m.row.Tags
}

// lookUp finds a policy that the account has by its ARN: NoSuchEntity.
func lookUp(q metadata.ManagedPolicies, account, arn string) (managed, error) {
	if aws, ok := awsByARN[arn]; ok {
		m := aws.managed
		m.aws = aws
		return m, nil
	}
	missing := refuse(NoSuchEntity, "Policy %s was not found.", shown(arn))
	path, ok := strings.CutPrefix(arn, "arn:aws:iam::"+account+":policy/")
	if !ok || len(arn) > 2048 {
		return managed{}, missing
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	if len(name) > 128 || !isName.MatchString(name) {
		return managed{}, missing
	}
	row, err := q.Get(account, folded(name))
	if errors.Is(err, metadata.ErrNotFound) {
		return managed{}, missing
	}
	if err != nil {
		return managed{}, err
	}
	if m := managedOf(row); m.ARN == arn {
		return m, nil
	}
	return managed{}, missing
}

// onPolicy is on for managed policies.
func (s *Service) onPolicy(ctx context.Context, c access.Caller, action, arn string, about access.About) (managed, error) {
	if len(arn) < 20 || len(arn) > 2048 {
		return managed{}, invalid(shown(arn), "policyArn", "have length between 20 and 2048")
	}
	m, err := lookUp(s.Store.Read(ctx).ManagedPolicies(), accountOf(&c), arn)
	if err != nil && !isNoSuch(err) {
		return m, err
	}
	about.Tags = m.tags()
	if denied := s.may(ctx, c, action, arn, about); denied != nil {
		return managed{}, denied
	}
	return m, err
}

// editPolicy is edit for managed policies.
func (s *Service) editPolicy(ctx context.Context, c access.Caller, action, arn string, about access.About,
	fn func(tx *metadata.Tx, p metadata.ManagedPolicy) error) error {
	seen, err := s.onPolicy(ctx, c, action, arn, about)
	if err != nil {
		return err
	}
	if seen.aws != nil {
		return refuse(AccessDenied, "Policy %s is of AWS: it cannot be changed.", arn)
	}
	return s.change(ctx, accountOf(&c), func(tx *metadata.Tx) error {
		now, err := lookUp(tx.ManagedPolicies().ManagedPolicies, accountOf(&c), arn)
		switch {
		case err != nil:
			return err
		case now.ID != seen.ID || !slices.Equal(now.row.Tags, seen.row.Tags):
			return refuse(ConcurrentModification, "The policy %s was changed by another request: try again.", arn)
		}
		return fn(tx, *now.row)
	})
}

func checkManaged(text string) error {
	if policy.Size(text) > maxManagedPolicy {
		return refuse(LimitExceeded, "Cannot exceed quota for PolicySize: %d", maxManagedPolicy)
	}
	return checkIdentityPolicy(text)
}

// policyOf is a policy as the API shows it. uses are how often policies are attached, and are boundaries.
func policyOf(m managed, attached, boundaries map[string]int) Policy {
	p := Policy{
		Path: m.Path, Name: m.Name, ID: m.ID, ARN: m.ARN, Attachable: true, Attachments: attached[m.ID],
		Boundaries: boundaries[m.ID],
	}
	if m.aws != nil {
		p.DefaultVersion, p.CreatedAt, p.UpdatedAt = versionID(m.aws.version), m.aws.createdAt, m.aws.createdAt
	} else {
		p.DefaultVersion, p.CreatedAt, p.UpdatedAt = versionID(m.row.DefaultVersion), m.row.CreatedAt, m.row.UpdatedAt
		p.Description, p.Tags = m.row.Description, m.row.Tags
	}
	return p
}

func versionID(n int) string { return "v" + decimal(n) }

var isVersion = regexp.MustCompile(`^v[1-9][0-9]{0,8}$`)

func versionNumber(id string) (int, error) {
	if !isVersion.MatchString(id) {
		return 0, invalid(shown(id), "versionId", `satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`)
	}
	return strconv.Atoi(id[1:])
}

func noVersion(arn, id string) error {
	return refuse(NoSuchEntity, "Policy %s version %s does not exist or is not attachable.", arn, id)
}

func (s *Service) shownPolicies(q *metadata.Queries, account string, all ...managed) ([]Policy, error) {
	ids := make([]string, len(all))
	for i, m := range all {
		ids[i] = m.ID
	}
	attached, err := q.Identities().Uses(account, metadata.AsPolicy, ids)
	if err != nil {
		return nil, err
	}
	boundaries, err := q.Identities().Uses(account, metadata.AsBoundary, ids)
	policies := make([]Policy, len(all))
	for i, m := range all {
		policies[i] = policyOf(m, attached, boundaries)
	}
	return policies, err
}

// CreatePolicy makes a managed policy, whose version v1 is its default.
func (s *Service) CreatePolicy(ctx context.Context, c access.Caller, in CreatePolicy) (Policy, error) {
	if in.Path == "" {
		in.Path = "/"
	}
	if len(in.Path) > 512 || !isPolicyPath.MatchString(in.Path) {
		return Policy{}, invalid(shown(in.Path), "path", "satisfy regular expression pattern: "+policyPathPattern)
	}
	err := errors.Join(checkName("policyName", in.Name, 128), checkDescription(in.Description), checkTags(in.Tags))
	if err != nil {
		return Policy{}, first(err)
	}
	now := s.Now().UTC().Truncate(time.Second)
	row := metadata.ManagedPolicy{
		ID: newID("ANPA"), Account: accountOf(&c), Folded: folded(in.Name), Name: in.Name, Path: in.Path, CreatedAt: now,
		UpdatedAt: now, DefaultVersion: 1,
	}
	row.Description, row.Tags, row.LastVersion = in.Description, in.Tags, 1
	m := managedOf(row)
	if err := s.may(ctx, c, "CreatePolicy", m.ARN, access.About{Set: in.Tags}); err != nil {
		return Policy{}, err
	}
	if err := checkManaged(in.Document); err != nil {
		return Policy{}, err
	}
	err = s.change(ctx, row.Account, func(tx *metadata.Tx) error {
		n, err := tx.ManagedPolicies().Count(row.Account)
		if err != nil {
			return err
		}
		created, err := tx.ManagedPolicies().Create(row)
		switch {
		case err != nil:
			return err
		case !created:
			return refuse(EntityAlreadyExists, "A policy called %s already exists. Duplicate names are not allowed.", in.Name)
		case n >= maxPolicies:
			return refuse(LimitExceeded, "Cannot exceed quota for PoliciesPerAccount: %d", maxPolicies)
		}
		return tx.ManagedPolicies().AddVersion(metadata.ManagedPolicyVersion{
			Policy: row.ID, Number: 1, CreatedAt: now, Text: in.Document,
		})
	})
	if err != nil {
		return Policy{}, err
	}
	return policyOf(m, nil, nil), nil
}

// GetPolicy returns a managed policy.
func (s *Service) GetPolicy(ctx context.Context, c access.Caller, arn string) (Policy, error) {
	m, err := s.onPolicy(ctx, c, "GetPolicy", arn, access.About{})
	if err != nil {
		return Policy{}, err
	}
	policies, err := s.shownPolicies(s.Store.Read(ctx), accountOf(&c), m)
	if err != nil {
		return Policy{}, err
	}
	return policies[0], nil
}

// ListPolicies lists AWS's policies, and then the account's by name. A page may have fewer items than it could.
func (s *Service) ListPolicies(ctx context.Context, c access.Caller, in ListPolicies) (List[Policy], error) {
	l := List[Policy]{Items: []Policy{}}
	if in.Scope != "" && !slices.Contains([]string{"All", "AWS", "Local"}, in.Scope) {
		return l, invalid(shown(in.Scope), "scope", "satisfy enum value set: [All, AWS, Local]")
	}
	if err := errors.Join(checkPathPrefix(&in.PathPrefix), checkUsage(in.Usage)); err != nil {
		return l, first(err)
	}
	after, n, err := in.start()
	if err != nil {
		return l, err
	}
	if err := s.may(ctx, c, "ListPolicies", "*", access.About{}); err != nil {
		return l, err
	}
	// Keys are "aws:" and the name, and then "own:" and the name.
	var found []managed
	key := func(m managed) string {
		if m.aws != nil {
			return "aws:" + folded(m.Name)
		}
		return "own:" + folded(m.Name)
	}
	if in.Scope != "Local" {
		for i := range awsPolicies {
			m := awsPolicies[i].managed
			m.aws = &awsPolicies[i]
			if key(m) > after && strings.HasPrefix(m.Path, in.PathPrefix) {
				found = append(found, m)
			}
		}
	}
	q := s.Store.Read(ctx)
	if in.Scope != "AWS" && len(found) <= n {
		own, _ := strings.CutPrefix(after, "own:")
		if own == after {
			own = ""
		}
		rows, err := q.ManagedPolicies().List(accountOf(&c), in.PathPrefix, own, n+1-len(found))
		if err != nil {
			return l, err
		}
		for _, row := range rows {
			found = append(found, managedOf(row))
		}
	}
	part := page(found, n, key, func(m managed) managed { return m })
	policies, err := s.shownPolicies(q, accountOf(&c), part.Items...)
	if err != nil {
		return l, err
	}
	for _, p := range policies {
		p.Description, p.Tags = "", nil
		uses := p.Attachments + p.Boundaries
		switch in.Usage {
		case "PermissionsPolicy":
			uses = p.Attachments
		case "PermissionsBoundary":
			uses = p.Boundaries
		}
		if uses > 0 || !in.OnlyAttached && in.Usage == "" {
			l.Items = append(l.Items, p)
		}
	}
	l.Marker = part.Marker
	return l, nil
}

func checkUsage(usage string) error {
	if usage != "" && usage != "PermissionsPolicy" && usage != "PermissionsBoundary" {
		return invalid(shown(usage), "policyUsageFilter", "satisfy enum value set: [PermissionsPolicy, PermissionsBoundary]")
	}
	return nil
}

// DeletePolicy deletes a policy that nobody has, and that has no versions but the default.
func (s *Service) DeletePolicy(ctx context.Context, c access.Caller, arn string) error {
	return s.editPolicy(ctx, c, "DeletePolicy", arn, access.About{}, func(tx *metadata.Tx, p metadata.ManagedPolicy) error {
		for _, usage := range []string{metadata.AsPolicy, metadata.AsBoundary} {
			uses, err := tx.Identities().Uses(p.Account, usage, []string{p.ID})
			if err != nil {
				return err
			}
			if uses[p.ID] > 0 {
				return refuse(DeleteConflict, "Cannot delete a policy attached to entities.")
			}
		}
		versions, err := tx.ManagedPolicies().Versions(p.ID)
		if err != nil {
			return err
		}
		if len(versions) > 1 {
			return refuse(DeleteConflict, "This policy has more than one version. Before you delete a policy, you must "+
				"delete the policy's versions. The default version is deleted with the policy.")
		}
		return tx.ManagedPolicies().Delete(p.ID)
	})
}

// CreatePolicyVersion adds a version, which may become the default.
func (s *Service) CreatePolicyVersion(ctx context.Context, c access.Caller, arn, document string,
	setDefault bool) (PolicyVersion, error) {
	var made PolicyVersion
	if err := checkManaged(document); err != nil {
		return made, err
	}
	now := s.Now().UTC().Truncate(time.Second)
	err := s.editPolicy(ctx, c, "CreatePolicyVersion", arn, access.About{}, func(tx *metadata.Tx, p metadata.ManagedPolicy) error {
		versions, err := tx.ManagedPolicies().Versions(p.ID)
		if err != nil {
			return err
		}
		if len(versions) >= maxVersions {
			return refuse(LimitExceeded, "A managed policy can have up to %d versions. Before you create a new version, you "+
				"must delete an existing version.", maxVersions)
		}
		p.LastVersion++
		p.UpdatedAt = now
		if setDefault {
			p.DefaultVersion = p.LastVersion
		}
		made = PolicyVersion{ID: versionID(p.LastVersion), Default: setDefault, CreatedAt: now}
		if err := tx.ManagedPolicies().AddVersion(metadata.ManagedPolicyVersion{
			Policy: p.ID, Number: p.LastVersion, CreatedAt: now, Text: document,
		}); err != nil {
			return err
		}
		return tx.ManagedPolicies().Save(p)
	})
	return made, err
}

// versionsOf lists the versions of a policy, the latest first.
func versionsOf(q metadata.ManagedPolicies, m managed) (all []PolicyVersion, err error) {
	if m.aws != nil {
		return []PolicyVersion{{versionID(m.aws.version), m.aws.text, true, m.aws.createdAt}}, nil
	}
	rows, err := q.Versions(m.ID)
	for _, v := range rows {
		all = append(all, PolicyVersion{versionID(v.Number), v.Text, v.Number == m.row.DefaultVersion, v.CreatedAt})
	}
	return all, err
}

// GetPolicyVersion returns a version with its document.
func (s *Service) GetPolicyVersion(ctx context.Context, c access.Caller, arn, version string) (PolicyVersion, error) {
	if _, err := versionNumber(version); err != nil {
		return PolicyVersion{}, err
	}
	m, err := s.onPolicy(ctx, c, "GetPolicyVersion", arn, access.About{})
	if err != nil {
		return PolicyVersion{}, err
	}
	versions, err := versionsOf(s.Store.Read(ctx).ManagedPolicies(), m)
	if err != nil {
		return PolicyVersion{}, err
	}
	for _, v := range versions {
		if v.ID == version {
			return v, nil
		}
	}
	return PolicyVersion{}, noVersion(arn, version)
}

// ListPolicyVersions lists the versions without their documents, the latest first.
func (s *Service) ListPolicyVersions(ctx context.Context, c access.Caller, arn string, p Page) (List[PolicyVersion], error) {
	m, err := s.onPolicy(ctx, c, "ListPolicyVersions", arn, access.About{})
	if err != nil {
		return List[PolicyVersion]{}, err
	}
	versions, err := versionsOf(s.Store.Read(ctx).ManagedPolicies(), m)
	if err != nil {
		return List[PolicyVersion]{}, err
	}
	for i := range versions {
		versions[i].Document = ""
	}
	return pageOf(versions, p, func(v PolicyVersion) string { // which sorts as the list does
		n, _ := versionNumber(v.ID)
		return decimal(1e9 + 1e9 - n)
	})
}

// DeletePolicyVersion deletes a version that is not the default.
func (s *Service) DeletePolicyVersion(ctx context.Context, c access.Caller, arn, version string) error {
	n, err := versionNumber(version)
	if err != nil {
		return err
	}
	return s.editPolicy(ctx, c, "DeletePolicyVersion", arn, access.About{}, func(tx *metadata.Tx, p metadata.ManagedPolicy) error {
		if n == p.DefaultVersion {
			return refuse(DeleteConflict, "Cannot delete the default version of a policy.")
		}
		deleted, err := tx.ManagedPolicies().DeleteVersion(p.ID, n)
		if err == nil && !deleted {
			err = noVersion(arn, version)
		}
		return err
	})
}

// SetDefaultPolicyVersion makes a version the one that holds.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, c access.Caller, arn, version string) error {
	n, err := versionNumber(version)
	if err != nil {
		return err
	}
	return s.editPolicy(ctx, c, "SetDefaultPolicyVersion", arn, access.About{}, func(tx *metadata.Tx, p metadata.ManagedPolicy) error {
		versions, err := tx.ManagedPolicies().Versions(p.ID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(versions, func(v metadata.ManagedPolicyVersion) bool { return v.Number == n }) {
			return noVersion(arn, version)
		}
		p.DefaultVersion, p.UpdatedAt = n, s.Now().UTC().Truncate(time.Second)
		return tx.ManagedPolicies().Save(p)
	})
}

// TagPolicy sets tags of a policy.
func (s *Service) TagPolicy(ctx context.Context, c access.Caller, arn string, tags []resource.Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return s.editPolicy(ctx, c, "TagPolicy", arn, access.About{Set: tags}, func(tx *metadata.Tx, p metadata.ManagedPolicy) (err error) {
		if p.Tags, err = merged(p.Tags, tags); err != nil {
			return err
		}
		return tx.ManagedPolicies().Save(p)
	})
}

// UntagPolicy removes tags of a policy.
func (s *Service) UntagPolicy(ctx context.Context, c access.Caller, arn string, keys []string) error {
	if len(keys) > maxTags {
		return invalid(decimal(len(keys)), "tagKeys", "have length less than or equal to 50")
	}
	return s.editPolicy(ctx, c, "UntagPolicy", arn, access.About{Removed: keys}, func(tx *metadata.Tx, p metadata.ManagedPolicy) error {
		p.Tags = without(p.Tags, keys)
		return tx.ManagedPolicies().Save(p)
	})
}

// ListPolicyTags lists the tags of a policy.
func (s *Service) ListPolicyTags(ctx context.Context, c access.Caller, arn string, p Page) (List[resource.Tag], error) {
	m, err := s.onPolicy(ctx, c, "ListPolicyTags", arn, access.About{})
	if err != nil {
		return List[resource.Tag]{}, err
	}
	return tagPage(m.tags(), p)
}

// ListEntitiesForPolicy lists who has a policy: groups, then users, then roles, each by name. One that has it in both
// usages comes twice.
func (s *Service) ListEntitiesForPolicy(ctx context.Context, c access.Caller, in ListEntitiesForPolicy) (List[Entity], error) {
	l := List[Entity]{}
	if err := errors.Join(checkPathPrefix(&in.PathPrefix), checkUsage(in.Usage)); err != nil {
		return l, first(err)
	}
	if in.Filter != "" && !slices.Contains([]string{"User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"}, in.Filter) {
		return l, invalid(shown(in.Filter), "entityFilter",
			"satisfy enum value set: [User, Role, Group, LocalManagedPolicy, AWSManagedPolicy]")
	}
	after, n, err := in.start()
	if err != nil {
		return l, err
	}
	m, err := s.onPolicy(ctx, c, "ListEntitiesForPolicy", in.PolicyARN, access.About{})
	if err != nil {
		return l, err
	}
	q := s.Store.Read(ctx).Identities()
	type item struct {
		key string
		Entity
	}
	var found []item
	for _, usage := range []string{metadata.AsBoundary, metadata.AsPolicy} {
		if in.Usage == "PermissionsPolicy" && usage != metadata.AsPolicy || in.Usage == "PermissionsBoundary" && usage != metadata.AsBoundary {
			continue
		}
		for _, k := range []Kind{OfGroup, OfUser, OfRole} { // as "Group", "Role" and "User" would not sort
			prefix := usage + ":" + map[Kind]string{OfGroup: "1", OfUser: "2", OfRole: "3"}[k] + ":"
			if in.Filter != "" && in.Filter != string(k) || len(found) > n {
				continue
			}
			name := ""
			if rest, ok := strings.CutPrefix(after, prefix); ok {
				name = rest
			} else if after > prefix {
				continue
			}
			rows, err := q.With(accountOf(&c), m.ID, usage, string(k), in.PathPrefix, name, n+1-len(found))
			if err != nil {
				return l, err
			}
			for _, i := range rows {
				found = append(found, item{prefix + i.Folded, Entity{k, i.Name, i.ID}})
			}
		}
	}
	return page(found, n, func(i item) string { return i.key }, func(i item) Entity { return i.Entity }), nil
}
