package twinport

import (
	"context"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/expiry"
	"github.com/twinport/twinport/internal/replication"
)

// Watch is the operation whose answer is a stream of events.
const Watch = "WatchRegistry"

// Event is one of the stream: Data is to be encoded as JSON.
type Event struct {
	Name string
	Data any
}

// Names of events.
const (
	eventReady        = "ready"
	eventReplications = "replications"
	eventChanged      = "changed"
	eventLifecycle    = "lifecycle"
	eventLost         = "lost"
)

// changedReplications is the data of eventReplications.
type changedReplications struct {
	Direction    replication.Direction `json:"direction"`
	Replications []Replication         `json:"replications"`
}

// changed is the data of eventChanged.
type changed struct {
	RepositoryNames []string `json:"repositoryNames"`
	Registry        bool     `json:"registry"`
}

// lifecycleRuns is the data of eventLifecycle.
type lifecycleRuns struct {
	Runs []changedRun `json:"runs"`
}

// changedRun is a run as ListLifecycleRuns has it, but for its policy.
type changedRun struct {
	RepositoryName    string  `json:"repositoryName"`
	RunID             string  `json:"runId"`
	Status            string  `json:"status"`
	StatusReason      string  `json:"statusReason,omitzero"`
	StartedAt         seconds `json:"startedAt"`
	EndedAt           seconds `json:"endedAt,omitzero"`
	MarkedImageCount  int64   `json:"markedImageCount"`
	MarkedSizeInBytes int64   `json:"markedSizeInBytes"`
	ExpiredImageCount int64   `json:"expiredImageCount"`
}

// WatchRegistry calls emit with what changes in the registry, until ctx ends,
// emit fails, or the domain closes. Errors before the first event are those of
// the request.
func (s *Service) WatchRegistry(ctx context.Context, call Call, body []byte, emit func(Event) error) error {
	if _, err := awsjson.ReadStrictly[empty](body); err != nil {
		return err
	}
	begun := false
	return s.Replication.Watch(ctx, call.Caller, call.Registry, func(e replication.WatchEvent) error {
		// The first, which has nothing in it, says that the domain watches now.
		if !begun {
			begun = true
			if err := emit(Event{eventReady, struct{}{}}); err != nil {
				return err
			}
		}
		of := events(e)
		if len(e.LifecycleRuns) > 0 {
			runs, err := s.Expiry.RunsOf(ctx, call.Registry, e.LifecycleRuns)
			if err != nil {
				return err
			}
			of = append(of, lifecycleEvents(runs)...)
		}
		for _, event := range of {
			if err := emit(event); err != nil {
				return err
			}
		}
		return nil
	})
}

// lifecycleEvents are of runs of lifecycle policies.
func lifecycleEvents(runs []expiry.RunOf) []Event {
	if len(runs) == 0 {
		return nil // they were deleted meanwhile
	}
	var all []changedRun
	for _, r := range runs {
		all = append(all, changedRun{
			RepositoryName: r.Repository, RunID: r.ID, Status: string(r.Status), StatusReason: r.Note,
			StartedAt: seconds{r.BeganAt}, EndedAt: seconds{r.EndedAt}, MarkedImageCount: r.Found,
			MarkedSizeInBytes: r.Bytes, ExpiredImageCount: r.Expired,
		})
	}
	return []Event{{eventLifecycle, lifecycleRuns{all}}}
}

// events are the domain's, in this protocol's shapes.
func events(e replication.WatchEvent) []Event {
	var out []Event
	if e.Lost {
		out = append(out, Event{eventLost, struct{}{}})
	}
	if len(e.Replications) > 0 {
		out = append(out, Event{eventReplications, changedReplications{e.Direction, replications(e.Replications)}})
	}
	if len(e.Repositories) > 0 || e.Registry {
		out = append(out, Event{eventChanged, changed{append([]string{}, e.Repositories...), e.Registry}})
	}
	return out
}
