package ecr

import "context"

// SetRepositoryPolicy replaces a repository's policy.
func (s *Service) SetRepositoryPolicy(ctx context.Context, call Call,
	in *SetRepositoryPolicyRequest) (*SetRepositoryPolicyResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	if err := s.registry.SetRepositoryPolicy(ctx, call.Caller, ref, in.PolicyText, in.Force, call.Base...); err != nil {
		return nil, err
	}
	return &SetRepositoryPolicyResponse{
		RegistryID: ref.Registry.Account, RepositoryName: ref.Name, PolicyText: in.PolicyText,
	}, nil
}

// GetRepositoryPolicy returns a repository's policy.
func (s *Service) GetRepositoryPolicy(ctx context.Context, call Call,
	in *GetRepositoryPolicyRequest) (*GetRepositoryPolicyResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	text, err := s.registry.RepositoryPolicy(ctx, call.Caller, ref)
	call.readsPolicy(text, err)
	if err != nil {
		return nil, err
	}
	return &GetRepositoryPolicyResponse{RegistryID: ref.Registry.Account, RepositoryName: ref.Name, PolicyText: text}, nil
}

// DeleteRepositoryPolicy deletes a repository's policy and returns it.
func (s *Service) DeleteRepositoryPolicy(ctx context.Context, call Call,
	in *DeleteRepositoryPolicyRequest) (*DeleteRepositoryPolicyResponse, error) {
	ref := call.ref(in.RegistryID, in.RepositoryName)
	text, err := s.registry.DeleteRepositoryPolicy(ctx, call.Caller, ref, call.Base...)
	if err != nil {
		return nil, err
	}
	return &DeleteRepositoryPolicyResponse{
		RegistryID: ref.Registry.Account, RepositoryName: ref.Name, PolicyText: text,
	}, nil
}

// PutRegistryPolicy replaces the policy of the caller's registry.
func (s *Service) PutRegistryPolicy(ctx context.Context, call Call,
	in *PutRegistryPolicyRequest) (*PutRegistryPolicyResponse, error) {
	if err := s.registry.SetRegistryPolicy(ctx, call.Caller, call.Registry, in.PolicyText, call.Base...); err != nil {
		return nil, err
	}
	return &PutRegistryPolicyResponse{RegistryID: call.Registry.Account, PolicyText: in.PolicyText}, nil
}

// GetRegistryPolicy returns the policy of the caller's registry.
func (s *Service) GetRegistryPolicy(ctx context.Context, call Call,
	_ *GetRegistryPolicyRequest) (*GetRegistryPolicyResponse, error) {
	text, err := s.registry.RegistryPolicy(ctx, call.Caller, call.Registry)
	call.readsPolicy(text, err)
	if err != nil {
		return nil, err
	}
	return &GetRegistryPolicyResponse{RegistryID: call.Registry.Account, PolicyText: text}, nil
}

// DeleteRegistryPolicy deletes the policy of the caller's registry and returns it.
func (s *Service) DeleteRegistryPolicy(ctx context.Context, call Call,
	_ *DeleteRegistryPolicyRequest) (*DeleteRegistryPolicyResponse, error) {
	text, err := s.registry.DeleteRegistryPolicy(ctx, call.Caller, call.Registry, call.Base...)
	if err != nil {
		return nil, err
	}
	return &DeleteRegistryPolicyResponse{RegistryID: call.Registry.Account, PolicyText: text}, nil
}
