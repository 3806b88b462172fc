package ecr

import "github.com/twinport/twinport/internal/registry"

// writes are the operations that replace a document which has a revision.
var writes = map[string]bool{
	"DeleteRegistryPolicy": true, "PutRegistryPolicy": true,
	"DeleteRepositoryPolicy": true, "SetRepositoryPolicy": true,
	"DeleteLifecyclePolicy": true, "PutLifecyclePolicy": true,
	"PutImageTagMutability":            true,
	"PutRegistryScanningConfiguration": true,
	"PutReplicationConfiguration":      true,
	"TagResource":                      true, "UntagResource": true,
}

// TakesBase says whether Call.Base means something to the named operation.
func TakesBase(name string) bool { return writes[name] }

// reads sets the revision of the answer to that of the document.
func (c Call) reads(document ...any) {
	if c.Revision != nil {
		*c.Revision = registry.RevisionOf(document...)
	}
}

// readsPolicy is reads for a policy, which has a revision where it is not there, too.
func (c Call) readsPolicy(text string, err error) {
	switch registry.CodeOf(err) {
	case registry.LifecyclePolicyNotFound, registry.RegistryPolicyNotFound, registry.RepositoryPolicyNotFound:
		c.reads("")
	case "":
		if err == nil {
			c.reads(text)
		}
	}
}
