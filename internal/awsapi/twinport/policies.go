package twinport

import (
	"context"
	"errors"
	"strings"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/lifecycle"
	"github.com/twinport/twinport/internal/policy"
)

// policyKinds are the values of policyType, but for lifecyclePolicy.
var policyKinds = map[string]policy.Kind{"REGISTRY": policy.RegistryPolicy, "REPOSITORY": policy.RepositoryPolicy}

// lifecyclePolicy is a policyType of another language.
const lifecyclePolicy = "LIFECYCLE"

var limitsPolicyType = oneOf("REGISTRY", "REPOSITORY", lifecyclePolicy)

// ValidatePolicyRequest is the request of ValidatePolicy.
type ValidatePolicyRequest struct {
	PolicyText string
	PolicyType string

	present awsjson.Members
}

// Decode implements awsjson.Decodable.
func (v *ValidatePolicyRequest) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		switch string(d.Name()) {
		case "policyText":
			if d.First(&v.present, 0) {
				v.PolicyText = d.String()
			}
		case "policyType":
			if d.First(&v.present, 1) {
				v.PolicyType = d.String()
			}
		default:
			d.Unknown()
		}
	}
}

// Validate implements awsjson.Decodable.
func (v *ValidatePolicyRequest) Validate(at string) *awsjson.Exception {
	if !v.present.Has(0) {
		return awsjson.Missing(at, "policyText") // how long it may be is for the policy language to say
	}
	if !v.present.Has(1) {
		return awsjson.Missing(at, "policyType")
	}
	return limitsPolicyType.Check(at, "policyType", v.PolicyType)
}

// PolicyProblem says why a text is not a policy, and where. Line and column
// count from 1, in characters.
type PolicyProblem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

// ValidatePolicyResponse is the answer of ValidatePolicy.
type ValidatePolicyResponse struct {
	Problems []PolicyProblem `json:"problems"`
}

// ValidatePolicy reads a policy as PutRegistryPolicy, SetRepositoryPolicy or
// PutLifecyclePolicy in the caller's registry would, and stores nothing.
func (s *Service) ValidatePolicy(_ context.Context, call Call,
	in *ValidatePolicyRequest) (*ValidatePolicyResponse, error) {
	out := &ValidatePolicyResponse{Problems: []PolicyProblem{}}
	if in.PolicyType == lifecyclePolicy {
		_, err := lifecycle.Parse(in.PolicyText)
		if e, ok := errors.AsType[*lifecycle.Error](err); ok {
			out.Problems = append(out.Problems, PolicyProblem{e.Line, e.Column, e.Path, strings.TrimSpace(e.Constraint)})
			return out, nil
		}
		return out, err
	}
	_, err := policy.ParseNew(in.PolicyText, policyKinds[in.PolicyType], policy.Registry(call.Registry))
	if problem := new(policy.ParseError); errors.As(err, &problem) {
		out.Problems = append(out.Problems, PolicyProblem{problem.Line, problem.Column, problem.Path, problem.Problem})
		return out, nil
	}
	return out, err
}
