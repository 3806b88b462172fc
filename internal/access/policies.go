package access

import (
	"fmt"

	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

func registryPolicyName(id resource.Registry) string {
	return fmt.Sprintf("the registry policy of %s in %s", id.Account, id.Region)
}

// RegistryPolicy returns a registry's stored policy, which it parses unless it did before. It decides on all actions.
func (d *Decider) RegistryPolicy(id resource.Registry, text string) policy.Policy {
	if !d.Served(id) {
		return policy.Policy{Name: registryPolicyName(id)} // it is not remembered, for anyone may name any
	}
	p, _ := d.registryPolicies.Get(id, text, func() (policy.Policy, error) {
		return d.parse(registryPolicyName(id), text, policy.RegistryPolicy), nil
	})
	return p
}

// Scope is what a registry policy decides on, beside what replications ask for (ECR: REGISTRY_POLICY_SCOPE).
type Scope string

const (
	ScopeV1 Scope = "V1" // ActionsOfV1
	ScopeV2 Scope = "V2" // all actions
)

// ActionsOfV1 are those that ECR's registry policies decided on before there was another scope.
var ActionsOfV1 = []string{CreateRepository, "ecr:BatchImportUpstreamImage", ReplicateImage}

// ScopedRegistryPolicy is RegistryPolicy for what callers ask.
func (d *Decider) ScopedRegistryPolicy(id resource.Registry, text string, scope Scope) policy.Policy {
	p := d.RegistryPolicy(id, text)
	_, before := d.narrow.Load(id)
	switch {
	case scope != ScopeV1 && before:
		d.narrow.Delete(id)
	case scope == ScopeV1 && !before && d.Served(id):
		d.narrow.Store(id, true)
	}
	return inScope(p, scope == ScopeV1)
}

// LastRegistryPolicy returns the policy that ScopedRegistryPolicy returned last, or an empty one.
func (d *Decider) LastRegistryPolicy(id resource.Registry) policy.Policy {
	_, narrow := d.narrow.Load(id)
	return inScope(d.registryPolicies.Last(id), narrow)
}

func inScope(p policy.Policy, narrow bool) policy.Policy {
	if narrow {
		p.Actions = ActionsOfV1
	}
	return p
}

// RepositoryPolicy returns a repository's stored policy, which it parses unless it did before.
func (d *Decider) RepositoryPolicy(ref resource.Repository, text string) policy.Policy {
	name := fmt.Sprintf("the repository policy of %s in %s %s", ref.Name, ref.Registry.Account, ref.Registry.Region)
	if text == "" {
		return policy.Policy{Name: name}
	}
	return policy.Policy{Name: name, Document: d.texts.get(text, func() *policy.Document {
		return d.parse(name, text, policy.RepositoryPolicy).Document
	})}
}

// parse parses a stored policy. It was parsed before it was stored, so an error means that another program stored
// what this one cannot read. It may deny anything, so it denies everything until it is set again.
func (d *Decider) parse(name, text string, kind policy.Kind) policy.Policy {
	if text == "" {
		return policy.Policy{Name: name}
	}
	doc, err := policy.Parse(text, kind)
	if err != nil {
		d.Logger.Error("a stored policy cannot be read: it denies everything until it is set again", "policy", name,
			"error", err)
		doc = policy.Unreadable
	}
	return policy.Policy{Name: name, Document: doc}
}
