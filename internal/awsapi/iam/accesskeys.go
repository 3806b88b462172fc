package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/iam"
)

// CreateAccessKey is the operation of that name.
func (s *Service) CreateAccessKey(ctx context.Context, c access.Caller,
	in *CreateAccessKeyRequest) (*CreateAccessKeyResponse, error) {
	v, err := s.domain.CreateAccessKey(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return &CreateAccessKeyResponse{AccessKey: &AccessKey{
		UserName: v.UserName, AccessKeyID: v.ID, Status: StatusType(v.Status), SecretAccessKey: v.Secret,
		CreateDate: v.CreatedAt,
	}}, nil
}

// ListAccessKeys is the operation of that name.
func (s *Service) ListAccessKeys(ctx context.Context, c access.Caller,
	in *ListAccessKeysRequest) (*ListAccessKeysResponse, error) {
	p, err := pageOf(c, in)
	if err != nil {
		return nil, err
	}
	l, err := s.domain.ListAccessKeys(ctx, c, in.UserName, p.Page)
	if err != nil {
		return nil, err
	}
	out := &ListAccessKeysResponse{AccessKeyMetadata: each(l.Items, accessKey)}
	out.IsTruncated, out.Marker = p.after(l.Marker)
	return out, nil
}

// UpdateAccessKey is the operation of that name.
func (s *Service) UpdateAccessKey(ctx context.Context, c access.Caller, in *UpdateAccessKeyRequest) error {
	return s.domain.UpdateAccessKey(ctx, c, in.UserName, in.AccessKeyID, string(in.Status))
}

// DeleteAccessKey is the operation of that name.
func (s *Service) DeleteAccessKey(ctx context.Context, c access.Caller, in *DeleteAccessKeyRequest) error {
	return s.domain.DeleteAccessKey(ctx, c, in.UserName, in.AccessKeyID)
}

// GetAccessKeyLastUsed is the operation of that name.
func (s *Service) GetAccessKeyLastUsed(ctx context.Context, c access.Caller,
	in *GetAccessKeyLastUsedRequest) (*GetAccessKeyLastUsedResponse, error) {
	v, err := s.domain.GetAccessKeyLastUsed(ctx, c, in.AccessKeyID)
	if err != nil {
		return nil, err
	}
	return &GetAccessKeyLastUsedResponse{UserName: v.UserName, AccessKeyLastUsed: &AccessKeyLastUsed{
		LastUsedDate: v.At, ServiceName: v.Service, Region: v.Region,
	}}, nil
}

// accessKey is an access key without its secret.
func accessKey(k iam.AccessKey) AccessKeyMetadata {
	return AccessKeyMetadata{
		UserName: k.UserName, AccessKeyID: k.ID, Status: StatusType(k.Status), CreateDate: k.CreatedAt,
	}
}
