package changes

import (
	"log/slog"
	"testing"
)

func TestWatchersAreNotified(t *testing.T) {
	f := New(nil, slog.New(slog.DiscardHandler))
	f.Notify(Change{Registry: 1, Settings: true}) // nobody watches
	one, other := f.Watch(1), f.Watch(2)
	f.Notify(Change{Registry: 1, Repository: "a"})
	f.Notify(Change{Registry: 1, Repository: "b", Replications: []int64{7}})
	select {
	case <-one.Changed():
	default:
		t.Fatal("the watcher was not woken")
	}
	n := one.Take()
	if n.Settings || n.Lost || len(n.Repositories) != 2 || !n.Replications[7] {
		t.Errorf("noted: %+v", n)
	}
	if n := one.Take(); n.Repositories != nil || n.Replications != nil {
		t.Errorf("noted twice: %+v", n)
	}
	select {
	case <-other.Changed():
		t.Error("the watcher of another registry was woken")
	default:
	}
	one.Close()
	f.Notify(Change{Registry: 1, Settings: true})
	if one.Take().Settings {
		t.Error("a watcher that has ended was notified")
	}
	other.Close()
	if n := f.number.Load(); n != 0 || len(f.watchers) != 0 {
		t.Errorf("%d watchers are left, of %d registries", n, len(f.watchers))
	}
}

// What is noted is bounded: of more a watcher learns that there was more.
func TestNotesAreBounded(t *testing.T) {
	f := New(nil, slog.New(slog.DiscardHandler))
	w := f.Watch(1)
	defer w.Close()
	for id := range int64(MaxReplications + 1) {
		f.Notify(Change{Registry: 1, Replications: []int64{id}})
	}
	if n := w.Take(); !n.Lost || len(n.Replications) > 0 {
		t.Errorf("lost %v, %d replications noted", n.Lost, len(n.Replications))
	}
}
