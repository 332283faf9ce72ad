package logtest

import (
	"bytes"
	"fmt"
	"testing"

	"tandem.watch/tandem/core"
)

func testLoad(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	for i := range 20 {
		r.add(t, s, 1, say(fmt.Sprint(i)))
	}
	for _, recent := range []int{-1, 0, 1, 10, 1000} {
		checkLoad(t, s, r, 0, recent)
	}
}

func testSnapshot(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	other := create(t, s, "other")
	for i := range 17 {
		r.add(t, s, 1, say(fmt.Sprint(i)))
	}
	save := func(n int) {
		t.Helper()
		noError(t, s.SaveSnapshot(t.Context(), r.state(t, n)))
	}
	save(5)
	for _, recent := range []int{-1, 0, 1, 14, 15, 16, 20, 1000} {
		checkLoad(t, s, r, 5, recent)
	}
	save(15)
	save(10) // an older one changes nothing
	checkLoad(t, s, r, 15, 0)
	save(15)
	checkLoad(t, s, r, 15, 0)
	checkLoad(t, s, r, 15, 7)
	save(20)
	checkLoad(t, s, r, 20, 0)
	r.add(t, s, 1, say("later"))
	checkLoad(t, s, r, 20, 0)
	checkLoad(t, s, other, 0, 0)

	// Snapshots of what the log does not have.
	ahead := &room{id: r.id, head: r.head, at: r.at, events: r.events}
	ahead.appended(ahead.batch(1, say("not appended")))
	forked := &room{id: r.id, head: core.Head{Epoch: 1, Number: 20, ID: r.events[19].ID}, at: r.at, events: r.events[:20:20]}
	forked.appended(forked.batch(1, say("another history")))
	for name, x := range map[string]*core.Room{
		"ahead": ahead.state(t, 22), "forked": forked.state(t, 21), "empty": core.NewRoom(r.id),
	} {
		if err := s.SaveSnapshot(t.Context(), x); err == nil {
			t.Errorf("a snapshot that is %s was saved", name)
		}
	}
	checkLoad(t, s, r, 20, 0)
}

// checkLoad loads a room and compares: the snapshot is that of an event, 0 for
// none.
func checkLoad(t testing.TB, s core.Log, r *room, snapshot, recent int) {
	t.Helper()
	stored, err := s.Load(t.Context(), r.id, recent)
	noError(t, err)
	switch {
	case snapshot == 0 && stored.Room != nil:
		t.Fatalf("a snapshot of event %d from nowhere", stored.Room.Number)
	case snapshot > 0 && stored.Room == nil:
		t.Fatalf("no snapshot instead of that of event %d", snapshot)
	case snapshot > 0:
		want, err := core.EncodeRoom(r.state(t, snapshot))
		noError(t, err)
		got, err := core.EncodeRoom(stored.Room)
		noError(t, err)
		if !bytes.Equal(got, want) {
			t.Fatalf("snapshot:\n got %s\nwant %s", got, want)
		}
	}
	from := min(snapshot, len(r.events)-max(0, recent))
	sameEvents(t, stored.Events, r.events[max(0, from):])
}
