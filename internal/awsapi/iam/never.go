package iam

import (
	"context"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/iam"
)

// There are no passwords, devices, certificates and SSH keys of users here, and no
// instance profiles. Terraform asks for them before it deletes a user or a role, so
// these operations say so, of a user or role that there is, to who may read it.

// GetLoginProfile is the operation of that name.
func (s *Service) GetLoginProfile(ctx context.Context, c access.Caller,
	in *GetLoginProfileRequest) (*GetLoginProfileResponse, error) {
	return nil, s.noLoginProfile(ctx, c, in.UserName)
}

// DeleteLoginProfile is the operation of that name.
func (s *Service) DeleteLoginProfile(ctx context.Context, c access.Caller, in *DeleteLoginProfileRequest) error {
	return s.noLoginProfile(ctx, c, in.UserName)
}

func (s *Service) noLoginProfile(ctx context.Context, c access.Caller, user string) error {
	u, err := s.domain.GetUser(ctx, c, user)
	if err != nil {
		return err
	}
	return &iam.Error{Code: iam.NoSuchEntity, Message: "Login Profile for User " + u.Name + " cannot be found."}
}

// ListSSHPublicKeys is the operation of that name.
func (s *Service) ListSSHPublicKeys(ctx context.Context, c access.Caller,
	in *ListSSHPublicKeysRequest) (*ListSSHPublicKeysResponse, error) {
	return &ListSSHPublicKeysResponse{}, s.noneOfUser(ctx, c, in, in.UserName)
}

// ListMFADevices is the operation of that name.
func (s *Service) ListMFADevices(ctx context.Context, c access.Caller,
	in *ListMFADevicesRequest) (*ListMFADevicesResponse, error) {
	return &ListMFADevicesResponse{}, s.noneOfUser(ctx, c, in, in.UserName)
}

// ListSigningCertificates is the operation of that name.
func (s *Service) ListSigningCertificates(ctx context.Context, c access.Caller,
	in *ListSigningCertificatesRequest) (*ListSigningCertificatesResponse, error) {
	return &ListSigningCertificatesResponse{}, s.noneOfUser(ctx, c, in, in.UserName)
}

// ListServiceSpecificCredentials is the operation of that name.
func (s *Service) ListServiceSpecificCredentials(ctx context.Context, c access.Caller,
	in *ListServiceSpecificCredentialsRequest) (*ListServiceSpecificCredentialsResponse, error) {
	return &ListServiceSpecificCredentialsResponse{}, s.noneOfUser(ctx, c, in, in.UserName)
}

// noneOfUser returns why a request for a list of what no user has is refused. It
// has one page.
func (s *Service) noneOfUser(ctx context.Context, c access.Caller, in pagedRequest, user string) error {
	if _, err := pageOf(c, in); err != nil {
		return err
	}
	_, err := s.domain.GetUser(ctx, c, user)
	return err
}

// ListVirtualMFADevices is the operation of that name. There is nothing to know
// from its answer, so nobody is refused.
func (s *Service) ListVirtualMFADevices(_ context.Context, c access.Caller,
	in *ListVirtualMFADevicesRequest) (*ListVirtualMFADevicesResponse, error) {
	_, err := pageOf(c, in)
	return &ListVirtualMFADevicesResponse{}, err
}

// ListInstanceProfilesForRole is the operation of that name.
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, c access.Caller,
	in *ListInstanceProfilesForRoleRequest) (*ListInstanceProfilesForRoleResponse, error) {
	if _, err := pageOf(c, in); err != nil {
		return nil, err
	}
	_, err := s.domain.GetRole(ctx, c, in.RoleName)
	return &ListInstanceProfilesForRoleResponse{}, err
}
