package ecr

import (
	"context"
	"strings"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
)

// CreateRepositoryCreationTemplate creates a template in the caller's registry.
func (s *Service) CreateRepositoryCreationTemplate(ctx context.Context, call Call,
	in *CreateRepositoryCreationTemplateRequest) (*CreateRepositoryCreationTemplateResponse, error) {
	t := registry.CreationTemplate{Prefix: in.Prefix, AppliedFor: occasions(in.AppliedFor)}
	t.TemplateSettings = registry.TemplateSettings{
		Description: in.Description, TagMutability: registry.TagMutability(in.ImageTagMutability),
		Exclusions: exclusions(in.ImageTagMutabilityExclusionFilters), Policy: in.RepositoryPolicy,
		LifecyclePolicy: in.LifecyclePolicy, Tags: resourceTags(in.ResourceTags), Role: in.CustomRoleARN,
	}
	if in.EncryptionConfiguration != nil {
		t.Encryption = templateEncryption(in.EncryptionConfiguration)
	}
	t, err := s.registry.CreateCreationTemplate(ctx, call.Caller, call.Registry, t)
	if err != nil {
		return nil, err
	}
	return &CreateRepositoryCreationTemplateResponse{
		RegistryID: call.Registry.Account, RepositoryCreationTemplate: creationTemplate(t),
	}, nil
}

// UpdateRepositoryCreationTemplate replaces what the request has of a template. Empty texts and lists are none.
func (s *Service) UpdateRepositoryCreationTemplate(ctx context.Context, call Call,
	in *UpdateRepositoryCreationTemplateRequest) (*UpdateRepositoryCreationTemplateResponse, error) {
	t, err := s.registry.UpdateCreationTemplate(ctx, call.Caller, call.Registry, in.Prefix, in.change)
	if err != nil {
		return nil, err
	}
	return &UpdateRepositoryCreationTemplateResponse{
		RegistryID: call.Registry.Account, RepositoryCreationTemplate: creationTemplate(t),
	}, nil
}

func (v *UpdateRepositoryCreationTemplateRequest) change(t *registry.CreationTemplate) {
	for _, text := range []struct{ is, becomes *string }{
		{&t.Description, v.Description}, {&t.Policy, v.RepositoryPolicy}, {&t.LifecyclePolicy, v.LifecyclePolicy},
		{&t.Role, v.CustomRoleARN},
	} {
		if text.becomes != nil {
			*text.is = *text.becomes
		}
	}
	if v.ImageTagMutability != "" {
		t.TagMutability = registry.TagMutability(v.ImageTagMutability)
		if !strings.HasSuffix(string(t.TagMutability), "_WITH_EXCLUSION") {
			t.Exclusions = nil // it can have none
		}
	}
	if v.ImageTagMutabilityExclusionFilters != nil {
		t.Exclusions = exclusions(v.ImageTagMutabilityExclusionFilters)
	}
	if v.EncryptionConfiguration != nil {
		t.Encryption = templateEncryption(v.EncryptionConfiguration)
	}
	if v.ResourceTags != nil {
		t.Tags = resourceTags(v.ResourceTags)
	}
	if v.AppliedFor != nil {
		t.AppliedFor = occasions(v.AppliedFor)
	}
}

// DeleteRepositoryCreationTemplate deletes a template and returns it.
func (s *Service) DeleteRepositoryCreationTemplate(ctx context.Context, call Call,
	in *DeleteRepositoryCreationTemplateRequest) (*DeleteRepositoryCreationTemplateResponse, error) {
	t, err := s.registry.DeleteCreationTemplate(ctx, call.Caller, call.Registry, in.Prefix)
	if err != nil {
		return nil, err
	}
	return &DeleteRepositoryCreationTemplateResponse{
		RegistryID: call.Registry.Account, RepositoryCreationTemplate: creationTemplate(t),
	}, nil
}

// DescribeRepositoryCreationTemplates lists templates page by page: all, or those that are there of some prefixes.
func (s *Service) DescribeRepositoryCreationTemplates(ctx context.Context, call Call,
	in *DescribeRepositoryCreationTemplatesRequest) (*DescribeRepositoryCreationTemplatesResponse, error) {
	p, token, err := call.page(in, awsjson.DefaultPage)
	if err != nil {
		return nil, err
	}
	all, next, err := s.registry.CreationTemplates(ctx, call.Caller, call.Registry, in.Prefixes, p)
	if err != nil {
		return nil, err
	}
	out := &DescribeRepositoryCreationTemplatesResponse{
		RegistryID:                  call.Registry.Account,
		RepositoryCreationTemplates: make([]RepositoryCreationTemplate, 0, len(all)),
		NextToken:                   token(next),
	}
	for _, t := range all {
		out.RepositoryCreationTemplates = append(out.RepositoryCreationTemplates, *creationTemplate(t))
	}
	return out, nil
}

// creationTemplate is the wire shape of a template.
func creationTemplate(t registry.CreationTemplate) *RepositoryCreationTemplate {
	out := &RepositoryCreationTemplate{
		Prefix: t.Prefix, Description: t.Description,
		EncryptionConfiguration: &EncryptionConfigurationForRepositoryCreationTemplate{
			EncryptionType: EncryptionType(t.Encryption.Type), KMSKey: t.Encryption.KMSKey,
		},
		ResourceTags:                       wireTags(t.Tags),
		ImageTagMutability:                 ImageTagMutability(t.TagMutability),
		ImageTagMutabilityExclusionFilters: exclusionFilters(t.Exclusions),
		RepositoryPolicy:                   t.Policy, LifecyclePolicy: t.LifecyclePolicy,
		AppliedFor: make([]RCTAppliedFor, 0, len(t.AppliedFor)), CustomRoleARN: t.Role,
		CreatedAt: Timestamp{t.CreatedAt}, UpdatedAt: Timestamp{t.UpdatedAt},
	}
	for _, o := range t.AppliedFor {
		out.AppliedFor = append(out.AppliedFor, RCTAppliedFor(o))
	}
	return out
}

func templateEncryption(e *EncryptionConfigurationForRepositoryCreationTemplate) registry.Encryption {
	return registry.Encryption{Type: string(e.EncryptionType), KMSKey: e.KMSKey}
}

func occasions(all []RCTAppliedFor) []registry.Occasion {
	var out []registry.Occasion
	for _, o := range all {
		out = append(out, registry.Occasion(o))
	}
	return out
}
