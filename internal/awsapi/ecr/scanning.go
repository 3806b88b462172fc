package ecr

import (
	"context"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
)

// PutRegistryScanningConfiguration replaces the scanning configuration of the caller's registry.
func (s *Service) PutRegistryScanningConfiguration(ctx context.Context, call Call,
	in *PutRegistryScanningConfigurationRequest) (*PutRegistryScanningConfigurationResponse, error) {
	scanning := registry.ScanningConfiguration{Type: string(in.ScanType)}
	for _, r := range in.Rules {
		rule := registry.ScanningRule{Frequency: string(r.ScanFrequency)}
		for _, f := range r.RepositoryFilters {
			rule.Filters = append(rule.Filters, f.Filter)
		}
		scanning.Rules = append(scanning.Rules, rule)
	}
	scanning, err := s.registry.SetScanning(ctx, call.Caller, call.Registry, scanning, call.Base...)
	if err != nil {
		return nil, err
	}
	return &PutRegistryScanningConfigurationResponse{
		RegistryScanningConfiguration: registryScanningConfiguration(scanning),
	}, nil
}

// GetRegistryScanningConfiguration returns the scanning configuration of the caller's registry.
func (s *Service) GetRegistryScanningConfiguration(ctx context.Context, call Call,
	_ *GetRegistryScanningConfigurationRequest) (*GetRegistryScanningConfigurationResponse, error) {
	scanning, err := s.registry.Scanning(ctx, call.Caller, call.Registry)
	if err != nil {
		return nil, err
	}
	call.reads(scanning.Type, scanning.Rules)
	return &GetRegistryScanningConfigurationResponse{
		RegistryID: call.Registry.Account, ScanningConfiguration: registryScanningConfiguration(scanning),
	}, nil
}

func registryScanningConfiguration(scanning registry.ScanningConfiguration) *RegistryScanningConfiguration {
	out := &RegistryScanningConfiguration{
		ScanType: ScanType(scanning.Type), Rules: make([]RegistryScanningRule, 0, len(scanning.Rules)),
	}
	for _, r := range scanning.Rules {
		out.Rules = append(out.Rules, RegistryScanningRule{
			ScanFrequency: ScanFrequency(r.Frequency), RepositoryFilters: scanningFilters(r.Filters),
		})
	}
	return out
}

func scanningFilters(filters []string) []ScanningRepositoryFilter {
	out := make([]ScanningRepositoryFilter, 0, len(filters))
	for _, f := range filters {
		out = append(out, ScanningRepositoryFilter{Filter: f, FilterType: ScanningRepositoryFilterTypeWildcard})
	}
	return out
}

// BatchGetRepositoryScanningConfiguration returns how repositories of the caller's registry are to be scanned.
func (s *Service) BatchGetRepositoryScanningConfiguration(ctx context.Context, call Call,
	in *BatchGetRepositoryScanningConfigurationRequest) (*BatchGetRepositoryScanningConfigurationResponse, error) {
	all, missing, err := s.registry.RepositoryScanning(ctx, call.Caller, call.Registry, in.RepositoryNames)
	if err != nil {
		return nil, err
	}
	out := &BatchGetRepositoryScanningConfigurationResponse{
		ScanningConfigurations: make([]RepositoryScanningConfiguration, 0, len(all)),
		Failures:               make([]RepositoryScanningConfigurationFailure, 0, len(missing)),
	}
	for _, r := range all {
		out.ScanningConfigurations = append(out.ScanningConfigurations, RepositoryScanningConfiguration{
			RepositoryARN: r.Ref.ARN(), RepositoryName: r.Ref.Name, ScanOnPush: new(r.OnPush),
			ScanFrequency: ScanFrequency(r.Frequency), AppliedScanFilters: scanningFilters(r.Filters),
		})
	}
	for _, name := range missing {
		out.Failures = append(out.Failures, RepositoryScanningConfigurationFailure{
			RepositoryName: name, FailureCode: ScanningConfigurationFailureCodeRepositoryNotFound,
			FailureReason: "REPOSITORY_NOT_FOUND",
		})
	}
	return out, nil
}

// PutImageScanningConfiguration sets whether a repository's images are to be scanned when they are pushed.
func (s *Service) PutImageScanningConfiguration(ctx context.Context, call Call,
	in *PutImageScanningConfigurationRequest) (*PutImageScanningConfigurationResponse, error) {
	ref, onPush := call.ref(in.RegistryID, in.RepositoryName), in.ImageScanningConfiguration.ScanOnPush
	if err := s.registry.SetScanOnPush(ctx, call.Caller, ref, onPush); err != nil {
		return nil, err
	}
	return &PutImageScanningConfigurationResponse{
		RegistryID: ref.Registry.Account, RepositoryName: ref.Name,
		ImageScanningConfiguration: &ImageScanningConfiguration{ScanOnPush: onPush},
	}, nil
}

// StartImageScan refuses: nothing scans images yet.
func (s *Service) StartImageScan(ctx context.Context, call Call, in *StartImageScanRequest) (*StartImageScanResponse,
	error) {
	image, failure := reference(*in.ImageID)
	if failure != nil {
		return nil, violation("imageId", *in.ImageID, failure)
	}
	return nil, s.registry.StartScan(ctx, call.Caller, call.ref(in.RegistryID, in.RepositoryName), image)
}

// DescribeImageScanFindings finds no scan: nothing scans images yet.
func (s *Service) DescribeImageScanFindings(ctx context.Context, call Call,
	in *DescribeImageScanFindingsRequest) (*DescribeImageScanFindingsResponse, error) {
	image, failure := reference(*in.ImageID)
	if failure != nil {
		return nil, violation("imageId", *in.ImageID, failure)
	}
	if _, _, err := call.page(in, awsjson.DefaultPage); err != nil {
		return nil, err
	}
	return nil, s.registry.ScanFindings(ctx, call.Caller, call.ref(in.RegistryID, in.RepositoryName), image)
}
