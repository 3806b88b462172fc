package access

import (
	"context"

	"github.com/twinport/twinport/internal/auth"
)

// Granter finds what identities have beside their names. It is safe for concurrent use.
type Granter interface {
	// Grants are those of an identity whose request is genuine. An error says that nobody knows now: the request must
	// not go on.
	Grants(ctx context.Context, identity auth.Identity) (Grants, error)
}
