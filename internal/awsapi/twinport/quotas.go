package twinport

import (
	"context"

	"github.com/twinport/twinport/internal/registry"
)

// Quota is one of the registry's.
type Quota struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	Value *int64 `json:"value,omitempty"` // none: no limit
	Usage *int64 `json:"usage,omitempty"` // of those that hold for the registry as a whole
}

// DescribeQuotasResponse is the answer of DescribeQuotas.
type DescribeQuotasResponse struct {
	Quotas []Quota `json:"quotas"`
}

// DescribeQuotas returns what the registry may hold, and ask for, and what it holds.
func (s *Service) DescribeQuotas(ctx context.Context, call Call, _ *empty) (*DescribeQuotasResponse, error) {
	quotas, err := s.Registry.Quotas(ctx, call.Caller, call.Registry)
	if err != nil {
		return nil, err
	}
	out := &DescribeQuotasResponse{Quotas: make([]Quota, 0, len(quotas))}
	for _, q := range quotas {
		out.Quotas = append(out.Quotas, quotaOf(q))
	}
	return out, nil
}

func quotaOf(q registry.Quota) Quota {
	out := Quota{Name: q.Name, Unit: string(q.Unit)}
	if q.Limit > 0 {
		out.Value = &q.Limit
	}
	if q.Known {
		out.Usage = &q.Used
	}
	return out
}
