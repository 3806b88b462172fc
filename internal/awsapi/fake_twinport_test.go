package awsapi_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// fakeActivity is what the fake domain answers Twinport's own operations with. It
// keeps what it was asked last.
type fakeActivity struct {
	asked        []any
	replications []registry.Replication
	next         string
	retried      []int64
	failures     []registry.RetryFailure
	checks       []registry.DestinationCheck
	statistics   registry.ReplicationStatistics
	found        []registry.FoundRepository
	images       []registry.FoundImage
	quotas       []registry.Quota
	// watch is Watch.
	watch func(ctx context.Context, emit func(registry.WatchEvent) error) error
}

func (f *fakeRegistry) ask(c access.Caller, action string, asked ...any) error {
	leave, err := f.enter(c, action)
	defer leave()
	f.activity.asked = asked
	return err
}

func (f *fakeRegistry) ListReplications(_ context.Context, c access.Caller, id resource.Registry,
	d registry.Direction, state registry.ReplicationState, p registry.Page) ([]registry.Replication, string, error) {
	err := f.ask(c, "DescribeRegistry", id, d, state, p)
	return f.activity.replications, f.activity.next, err
}

func (f *fakeRegistry) RetryReplications(_ context.Context, c access.Caller, id resource.Registry,
	ids []int64) ([]int64, []registry.RetryFailure, error) {
	err := f.ask(c, "PutReplicationConfiguration", id, slices.Clone(ids))
	return f.activity.retried, f.activity.failures, err
}

func (f *fakeRegistry) CheckDestinations(_ context.Context, c access.Caller, id resource.Registry,
	destinations []resource.Registry, prefixes []string) ([]registry.DestinationCheck, error) {
	err := f.ask(c, "DescribeRegistry", id, destinations, strings.Join(prefixes, " "))
	return f.activity.checks, err
}

func (f *fakeRegistry) ReplicationStatistics(_ context.Context, c access.Caller, id resource.Registry, period,
	interval time.Duration) (registry.ReplicationStatistics, error) {
	err := f.ask(c, "DescribeRegistry", id, period, interval)
	return f.activity.statistics, err
}

func (f *fakeRegistry) FindRepositories(_ context.Context, c access.Caller, id resource.Registry, prefix,
	contains string, p registry.Page) ([]registry.FoundRepository, string, error) {
	err := f.ask(c, "DescribeRepositories", id, prefix, contains, p)
	return f.activity.found, f.activity.next, err
}

func (f *fakeRegistry) FindImages(_ context.Context, c access.Caller, ref resource.Repository, prefix string,
	p registry.Page) ([]registry.FoundImage, string, error) {
	err := f.ask(c, "DescribeImages", ref, prefix, p)
	return f.activity.images, f.activity.next, err
}

func (f *fakeRegistry) Quotas(_ context.Context, c access.Caller, id resource.Registry) ([]registry.Quota, error) {
	err := f.ask(c, "DescribeRegistry", id)
	return f.activity.quotas, err
}

func (f *fakeRegistry) Watch(ctx context.Context, c access.Caller, id resource.Registry,
	emit func(registry.WatchEvent) error) error {
	if err := f.ask(c, "DescribeRegistry", id); err != nil {
		return err
	}
	return f.activity.watch(ctx, emit)
}
