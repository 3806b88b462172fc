package registry

import (
	"context"
	"slices"
	"strings"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/resource"
)

// What is set of the scanning of a registry's images, as it is stored. Nothing is scanned yet.
type (
	ScanningConfiguration = metadata.ScanningConfiguration
	ScanningRule          = metadata.ScanningRule
)

// Types and frequencies of scans (ECR: ScanType, ScanFrequency).
const (
	ScanBasic    = "BASIC"
	ScanEnhanced = "ENHANCED"

	ScanManually     = "MANUAL"
	ScanOnPush       = "SCAN_ON_PUSH"
	ScanContinuously = "CONTINUOUS_SCAN"
)

// scanFrequencies are those that rules of each type may have. Where several rules match a repository the first of
// these counts.
var scanFrequencies = map[string][]string{
	ScanBasic:    {ScanOnPush, ScanManually},
	ScanEnhanced: {ScanContinuously, ScanOnPush},
}

// RepositoryScanning is how a repository's images are to be scanned.
type RepositoryScanning struct {
	Ref       resource.Repository
	OnPush    bool
	Frequency string
	Filters   []string // of the rule that says so
}

// Scanning returns the scanning configuration of the registry.
func (s *Service) Scanning(ctx context.Context, c access.Caller, id resource.Registry) (ScanningConfiguration, error) {
	reg, err := s.Settings(ctx, c, id, access.GetRegistryScanningConfiguration)
	return scanningOf(&reg.RegistrySettings), err
}

func scanningOf(set *metadata.RegistrySettings) ScanningConfiguration {
	scanning := set.Scanning
	if scanning.Type == "" {
		scanning.Type = ScanBasic
	}
	return scanning
}

// SetScanning replaces the scanning configuration of the registry, and returns it: InvalidParameter,
// PreconditionFailed. Without a type it is BASIC.
func (s *Service) SetScanning(ctx context.Context, c access.Caller, id resource.Registry,
	scanning ScanningConfiguration, base ...Revision) (ScanningConfiguration, error) {
	reg, err := s.Settings(ctx, c, id, access.PutRegistryScanningConfiguration)
	if err != nil {
		return ScanningConfiguration{}, err
	}
	if scanning.Type == "" {
		scanning.Type = ScanBasic
	}
	seen := map[string]bool{}
	for _, rule := range scanning.Rules {
		if !slices.Contains(scanFrequencies[scanning.Type], rule.Frequency) {
			return ScanningConfiguration{}, Errorf(InvalidParameter, "Invalid parameter failed to satisfy constraint: "+
				"'Invalid scan frequency for scanType %s: %s'", scanning.Type, rule.Frequency)
		}
		if seen[rule.Frequency] {
			return ScanningConfiguration{}, Errorf(InvalidParameter, "Invalid parameter failed to satisfy constraint: "+
				"'Invalid input. Contains duplicate scan frequencies: [%s]'", rule.Frequency)
		}
		seen[rule.Frequency] = true
	}
	err = s.Update(ctx, func(tx *metadata.Tx) error {
		reg, err := LockSettings(tx, reg.ID, id)
		if err != nil {
			return err
		}
		now := scanningOf(&reg.RegistrySettings)
		if err := Unchanged("the scanning configuration of the registry", base, now.Type, now.Rules); err != nil {
			return err
		}
		reg.Scanning = scanning
		return s.SaveSettings(tx, reg)
	})
	return scanning, err
}

// RepositoryScanning returns how the images of repositories are to be scanned, and the names of those that there are
// none of.
func (s *Service) RepositoryScanning(ctx context.Context, c access.Caller, id resource.Registry,
	names []string) (all []RepositoryScanning, missing []string, err error) {
	for _, name := range names {
		r, err := s.Repository(ctx, c, resource.Repository{Registry: id, Name: name},
			access.BatchGetRepositoryScanningConfiguration)
		switch CodeOf(err) {
		case RepositoryNotFound:
			missing = append(missing, name)
			continue
		case "":
			if err != nil {
				return nil, nil, err
			}
		default:
			return nil, nil, err
		}
		all = append(all, scanningOfRepository(r))
	}
	return all, missing, nil
}

// scanningOfRepository follows from the registry's rules and, with basic scans, from what is set of the repository
// itself: it is scanned on pushes if either says so.
func scanningOfRepository(r *metadata.Repository) RepositoryScanning {
	scanning, of := scanningOf(&r.Registry), RepositoryScanning{Ref: refOf(r), Frequency: ScanManually}
	for _, frequency := range scanFrequencies[scanning.Type] {
		i := slices.IndexFunc(scanning.Rules, func(rule ScanningRule) bool {
			return rule.Frequency == frequency && slices.ContainsFunc(rule.Filters, scanFilter(r.Name))
		})
		if i < 0 {
			continue
		}
		of.Frequency = frequency
		for _, filter := range scanning.Rules[i].Filters {
			if scanFilter(r.Name)(filter) {
				of.Filters = append(of.Filters, filter)
			}
		}
		break
	}
	if scanning.Type == ScanBasic && r.ScanOnPush && of.Frequency != ScanOnPush {
		of.Frequency, of.Filters = ScanOnPush, nil
	}
	of.OnPush = of.Frequency != ScanManually // continuous scans begin with the push
	return of
}

// scanFilter matches filters with a repository's name. One without a wildcard matches names that contain it.
func scanFilter(name string) func(filter string) bool {
	return func(filter string) bool {
		if !strings.Contains(filter, "*") {
			return strings.Contains(name, filter)
		}
		return matchWildcard(filter, name)
	}
}

// SetScanOnPush sets whether a repository's images are to be scanned when they are pushed.
func (s *Service) SetScanOnPush(ctx context.Context, c access.Caller, ref resource.Repository, on bool) error {
	r, err := s.Repository(ctx, c, ref, access.PutImageScanningConfiguration)
	if err != nil {
		return err
	}
	return s.alter(ctx, r, func(tx *metadata.Tx, r *metadata.Repository) error {
		r.ScanOnPush = on
		return tx.Repositories().SaveSettings(r)
	})
}

// StartScan refuses to scan an image, which nothing can yet: Validation, or ImageNotFound.
func (s *Service) StartScan(ctx context.Context, c access.Caller, ref resource.Repository, image Reference) error {
	if err := s.scannable(ctx, c, ref, image, access.StartImageScan); err != nil {
		return err
	}
	return Errorf(Validation, "Nothing was scanned: this version of Twinport does not scan images yet. What is set of "+
		"scans is stored. Until then scan the image with a program of your own, by its name in this registry")
}

// ScanFindings are none, as nothing has been scanned: ScanNotFound, or ImageNotFound.
func (s *Service) ScanFindings(ctx context.Context, c access.Caller, ref resource.Repository, image Reference) error {
	if err := s.scannable(ctx, c, ref, image, access.DescribeImageScanFindings); err != nil {
		return err
	}
	return Errorf(ScanNotFound, "Image scan does not exist for the image with '%s' in the repository with name '%s' in "+
		"the registry with id '%s': this version of Twinport does not scan images yet. Until then scan the image with a "+
		"program of your own, by its name in this registry", image, ref.Name, ref.Registry.Account)
}

// scannable is nil if the image is there, and the caller may do the action.
func (s *Service) scannable(ctx context.Context, c access.Caller, ref resource.Repository, image Reference,
	action string) error {
	r, err := s.Repository(ctx, c, ref, action)
	if err == nil {
		_, err = s.head(ctx, r, image)
	}
	return err
}
