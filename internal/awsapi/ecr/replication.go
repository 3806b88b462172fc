package ecr

import (
	"context"

	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// PutReplicationConfiguration replaces the replication rules of the caller's
// registry.
func (s *Service) PutReplicationConfiguration(ctx context.Context, call Call,
	in *PutReplicationConfigurationRequest) (*PutReplicationConfigurationResponse, error) {
	rules := make([]replication.Rule, 0, len(in.ReplicationConfiguration.Rules))
	for _, r := range in.ReplicationConfiguration.Rules {
		var rule replication.Rule
		for _, d := range r.Destinations {
			rule.Destinations = append(rule.Destinations, resource.Registry{Account: d.RegistryID, Region: d.Region})
		}
		for _, f := range r.RepositoryFilters {
			rule.Prefixes = append(rule.Prefixes, f.Filter)
		}
		if r.DeleteReplication != nil {
			rule.Deletes = &r.DeleteReplication.Enabled
		}
		rules = append(rules, rule)
	}
	if err := s.replication.SetRules(ctx, call.Caller, call.Registry, rules, call.Base...); err != nil {
		return nil, err
	}
	return &PutReplicationConfigurationResponse{ReplicationConfiguration: replicationConfiguration(rules)}, nil
}

// DescribeRegistry returns the settings of the caller's registry.
func (s *Service) DescribeRegistry(ctx context.Context, call Call,
	_ *DescribeRegistryRequest) (*DescribeRegistryResponse, error) {
	rules, err := s.replication.Rules(ctx, call.Caller, call.Registry)
	if err != nil {
		return nil, err
	}
	call.reads(rules)
	return &DescribeRegistryResponse{
		RegistryID: call.Registry.Account, ReplicationConfiguration: replicationConfiguration(rules),
	}, nil
}

func replicationConfiguration(rules []replication.Rule) *ReplicationConfiguration {
	out := &ReplicationConfiguration{Rules: make([]ReplicationRule, 0, len(rules))}
	for _, r := range rules {
		rule := ReplicationRule{Destinations: make([]ReplicationDestination, 0, len(r.Destinations))}
		for _, d := range r.Destinations {
			rule.Destinations = append(rule.Destinations, ReplicationDestination{Region: d.Region, RegistryID: d.Account})
		}
		for _, p := range r.Prefixes {
			rule.RepositoryFilters = append(rule.RepositoryFilters, RepositoryFilter{
				Filter: p, FilterType: RepositoryFilterTypePrefixMatch,
			})
		}
		if r.Deletes != nil {
			rule.DeleteReplication = &DeleteReplication{Enabled: *r.Deletes}
		}
		out.Rules = append(out.Rules, rule)
	}
	return out
}

// DescribeImageReplicationStatus returns the state of an image's replication
// per destination. Beyond ECR's members, failureReason says what is missing
// and how to fix it, and failureDetail is a more exact code within an account;
// they are there while tries go on, too. Clients ignore members that they do not know.
func (s *Service) DescribeImageReplicationStatus(ctx context.Context, call Call,
	in *DescribeImageReplicationStatusRequest) (*DescribeImageReplicationStatusResponse, error) {
	image, failure := reference(*in.ImageID)
	if failure != nil {
		return nil, violation("imageId", *in.ImageID, failure)
	}
	ref := call.ref(in.RegistryID, in.RepositoryName)
	statuses, err := s.replication.Status(ctx, call.Caller, ref, image)
	if err != nil {
		return nil, err
	}
	out := &DescribeImageReplicationStatusResponse{
		RepositoryName:      ref.Name,
		ImageID:             &ImageIdentifier{ImageDigest: in.ImageID.ImageDigest, ImageTag: in.ImageID.ImageTag},
		ReplicationStatuses: make([]ImageReplicationStatus, 0, len(statuses)),
	}
	for _, st := range statuses {
		out.ImageID.ImageDigest = st.Digest.String()
		out.ReplicationStatuses = append(out.ReplicationStatuses, ImageReplicationStatus{
			Region:        st.Destination.Region,
			RegistryID:    st.Destination.Account,
			Status:        ReplicationStatus(st.State),
			FailureCode:   st.Failure.Code,
			FailureReason: st.Failure.WithStatement(),
			FailureDetail: st.Failure.Detail,
		})
	}
	return out, nil
}
