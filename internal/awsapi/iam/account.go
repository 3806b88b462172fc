package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
)

// CreateAccountAlias is the operation of that name.
func (s *Service) CreateAccountAlias(ctx context.Context, c access.Caller, in *CreateAccountAliasRequest) error {
	return s.domain.CreateAccountAlias(ctx, c, in.AccountAlias)
}

// DeleteAccountAlias is the operation of that name.
func (s *Service) DeleteAccountAlias(ctx context.Context, c access.Caller, in *DeleteAccountAliasRequest) error {
	return s.domain.DeleteAccountAlias(ctx, c, in.AccountAlias)
}

// ListAccountAliases is the operation of that name.
func (s *Service) ListAccountAliases(ctx context.Context, c access.Caller,
	in *ListAccountAliasesRequest) (*ListAccountAliasesResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListAccountAliases(ctx, c, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListAccountAliasesResponse{AccountAliases: l.Items}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// GetAccountSummary is the operation of that name.
func (s *Service) GetAccountSummary(ctx context.Context, c access.Caller,
	_ *GetAccountSummaryRequest) (*GetAccountSummaryResponse, error) {
	counts, err := s.domain.GetAccountSummary(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &GetAccountSummaryResponse{SummaryMap: make(map[string]int32, len(counts))}
	for name, n := range counts {
		out.SummaryMap[name] = int32(n)
	}
	return out, nil
}
