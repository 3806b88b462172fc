package registry

import (
	"errors"

	"github.com/twinport/twinport/internal/lifecycle"
)

// ParseLifecyclePolicy reads what a caller has sent as the parameter of that name: InvalidParameter.
func ParseLifecyclePolicy(parameter, text string) (*lifecycle.Policy, error) {
	p, err := lifecycle.Parse(text)
	if e, ok := errors.AsType[*lifecycle.Error](err); ok {
		return nil, Errorf(InvalidParameter, "Invalid parameter at '%s' failed to satisfy constraint: '%s'", parameter,
			e.Constraint)
	}
	return p, err
}
