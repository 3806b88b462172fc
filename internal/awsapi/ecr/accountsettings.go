package ecr

import (
	"context"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
)

// GetAccountSetting returns the value of a setting of the caller's registry.
func (s *Service) GetAccountSetting(ctx context.Context, call Call,
	in *GetAccountSettingRequest) (*GetAccountSettingResponse, error) {
	value, err := s.registry.AccountSetting(ctx, call.Caller, call.Registry, in.Name)
	if err != nil {
		return nil, err
	}
	return &GetAccountSettingResponse{Name: in.Name, Value: value}, nil
}

// PutAccountSetting sets the value of a setting of the caller's registry.
func (s *Service) PutAccountSetting(ctx context.Context, call Call,
	in *PutAccountSettingRequest) (*PutAccountSettingResponse, error) {
	if err := s.registry.SetAccountSetting(ctx, call.Caller, call.Registry, in.Name, in.Value); err != nil {
		return nil, err
	}
	return &PutAccountSettingResponse{Name: in.Name, Value: in.Value}, nil
}

// RegisterPullTimeUpdateExclusion has pulls of a principal not count in the caller's registry.
func (s *Service) RegisterPullTimeUpdateExclusion(ctx context.Context, call Call,
	in *RegisterPullTimeUpdateExclusionRequest) (*RegisterPullTimeUpdateExclusionResponse, error) {
	excluded, err := s.registry.ExcludePulls(ctx, call.Caller, call.Registry, in.PrincipalARN)
	if err != nil {
		return nil, err
	}
	return &RegisterPullTimeUpdateExclusionResponse{
		PrincipalARN: excluded.Principal, CreatedAt: Timestamp{excluded.CreatedAt},
	}, nil
}

// DeregisterPullTimeUpdateExclusion has pulls of a principal count again.
func (s *Service) DeregisterPullTimeUpdateExclusion(ctx context.Context, call Call,
	in *DeregisterPullTimeUpdateExclusionRequest) (*DeregisterPullTimeUpdateExclusionResponse, error) {
	if err := s.registry.IncludePulls(ctx, call.Caller, call.Registry, in.PrincipalARN); err != nil {
		return nil, err
	}
	return &DeregisterPullTimeUpdateExclusionResponse{PrincipalARN: in.PrincipalARN}, nil
}

// ListPullTimeUpdateExclusions lists the principals whose pulls do not count in the caller's registry.
func (s *Service) ListPullTimeUpdateExclusions(ctx context.Context, call Call,
	in *ListPullTimeUpdateExclusionsRequest) (*ListPullTimeUpdateExclusionsResponse, error) {
	p, token, bad := call.page(in, awsjson.DefaultPage)
	if bad != nil {
		return nil, bad
	}
	exclusions, next, err := s.registry.PullTimeExclusions(ctx, call.Caller, call.Registry, p)
	if err != nil {
		return nil, err
	}
	out := &ListPullTimeUpdateExclusionsResponse{
		PullTimeUpdateExclusions: make([]string, 0, len(exclusions)), NextToken: token(next),
	}
	for _, e := range exclusions {
		out.PullTimeUpdateExclusions = append(out.PullTimeUpdateExclusions, e.Principal)
	}
	return out, nil
}
