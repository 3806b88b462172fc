package ecr

import (
	"context"
	"strings"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/resource"
)

// TagResource adds or overwrites the tags of a repository.
func (s *Service) TagResource(ctx context.Context, call Call, in *TagResourceRequest) (*TagResourceResponse, error) {
	ref, err := repositoryByARN(call, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	if err := s.registry.TagResource(ctx, call.Caller, ref, resourceTags(in.Tags), call.Base...); err != nil {
		return nil, err
	}
	return &TagResourceResponse{}, nil
}

// UntagResource removes tags of a repository.
func (s *Service) UntagResource(ctx context.Context, call Call,
	in *UntagResourceRequest) (*UntagResourceResponse, error) {
	ref, err := repositoryByARN(call, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	if err := s.registry.UntagResource(ctx, call.Caller, ref, in.TagKeys, call.Base...); err != nil {
		return nil, err
	}
	return &UntagResourceResponse{}, nil
}

// ListTagsForResource returns the tags of a repository.
func (s *Service) ListTagsForResource(ctx context.Context, call Call,
	in *ListTagsForResourceRequest) (*ListTagsForResourceResponse, error) {
	ref, err := repositoryByARN(call, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	tags, err := s.registry.ResourceTags(ctx, call.Caller, ref)
	if err != nil {
		return nil, err
	}
	call.reads(tags)
	return &ListTagsForResourceResponse{Tags: wireTags(tags)}, nil
}

// wireTags is the wire shape of tags, never nil.
func wireTags(tags []resource.Tag) []Tag {
	out := make([]Tag, 0, len(tags))
	for _, t := range tags {
		out = append(out, Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

func resourceTags(tags []Tag) []resource.Tag {
	var out []resource.Tag
	for _, t := range tags {
		out = append(out, resource.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

// repositoryByARN parses the ARN of a repository,
// arn:aws:ecr:<region>:<account>:repository/<name>, in the Region of the call.
func repositoryByARN(call Call, arn string) (resource.Repository, error) {
	const form = "arn:aws:ecr:<region>:<account>:repository/<name>"
	part := strings.SplitN(arn, ":", 6)
	if len(part) != 6 || part[0] != "arn" || part[1] != "aws" || part[2] != "ecr" {
		return resource.Repository{}, awsjson.Violation("resourceArn",
			"Invalid ARN: only repositories have tags; expected "+form)
	}
	name, ok := strings.CutPrefix(part[5], "repository/")
	if !ok ||
		limitsRegion.Check("", "region", part[3]) != nil ||
		limitsRegistryId.Check("", "account", part[4]) != nil ||
		limitsRepositoryName.Check("", "name", name) != nil {
		return resource.Repository{}, awsjson.Violation("resourceArn",
			"Invalid ARN: only repositories have tags; expected "+form)
	}
	if part[3] != call.Registry.Region {
		return resource.Repository{}, awsjson.Violation("resourceArn", "Invalid ARN: the resource is in Region "+part[3]+
			", the request is for "+call.Registry.Region)
	}
	return call.ref(part[4], name), nil
}
