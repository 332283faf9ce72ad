package logtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog"
)

// backlog is what a store is as one that an archive follows. All are.
func backlog(t *testing.T, s Store) core.Backlog {
	t.Helper()
	b, ok := s.(core.Backlog)
	if !ok {
		t.Fatalf("%T is no core.Backlog", s)
	}
	return b
}

// unarchived lists all rooms that are to be archived, three at a time.
func unarchived(t *testing.T, s Store) map[string]core.Unarchived {
	t.Helper()
	all := map[string]core.Unarchived{}
	for after := ""; ; {
		page, err := backlog(t, s).Unarchived(t.Context(), after, 3)
		noError(t, err)
		if len(page) == 0 {
			return all
		}
		for _, u := range page {
			if _, twice := all[u.Room]; twice {
				t.Fatalf("%s is listed twice", u.Room)
			}
			all[u.Room], after = u, u.Room
		}
	}
}

func testUnarchived(t *testing.T, s Store) {
	if all := unarchived(t, s); len(all) > 0 {
		t.Fatalf("unarchived: %v", all)
	}
	var rooms []*room
	for i := range 10 {
		rooms = append(rooms, create(t, s, fmt.Sprint("room ", i)))
	}
	r := rooms[4]
	if all := unarchived(t, s); len(all) != 10 || all[r.id] != (core.Unarchived{Room: r.id, Head: r.head}) {
		t.Fatalf("unarchived: %v", all)
	}
	first := core.Head{Epoch: 1, Number: 1, ID: r.events[0].ID}
	noError(t, backlog(t, s).Archived(t.Context(), r.id, first))
	if got, want := unarchived(t, s)[r.id], (core.Unarchived{Room: r.id, Number: 1, ID: first.ID, Head: r.head}); got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for what, head := range map[string]core.Head{
		"another id": {Epoch: 1, Number: 2, ID: 99}, "beyond": {Epoch: 1, Number: 9, ID: 99}, "nothing": {},
	} {
		noError(t, backlog(t, s).Archived(t.Context(), r.id, head))
		if got := unarchived(t, s)[r.id]; got.Number != 1 {
			t.Errorf("%s: %+v", what, got)
		}
	}
	noError(t, backlog(t, s).Archived(t.Context(), "nowhere", first))
	noError(t, backlog(t, s).Archived(t.Context(), r.id, r.head))
	if all := unarchived(t, s); len(all) != 9 || all[r.id].Room != "" {
		t.Fatalf("unarchived: %v", all)
	}
	old := r.head
	r.add(t, s, 1, say("more"))
	if got, want := unarchived(t, s)[r.id], (core.Unarchived{Room: r.id, Number: old.Number, ID: old.ID, Head: r.head}); got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// testTrimming: only what is archived, covered by a snapshot and old is dropped.
func testTrimming(t *testing.T, s Store) {
	r := create(t, s, "a")
	for range 4 {
		bodies := make([]core.Body, 500)
		for i := range bodies {
			bodies[i] = say("words")
		}
		r.add(t, s, 1, bodies...)
	}
	headAt := func(n int) core.Head { return core.Head{Epoch: 1, Number: uint64(n), ID: r.events[n-1].ID} }
	first := func() uint64 {
		t.Helper()
		got, err := s.Read(t.Context(), r.id, 0, 1)
		noError(t, err)
		return got[0].Number
	}
	noError(t, s.SaveSnapshot(t.Context(), r.state(t, 1500)))
	noError(t, backlog(t, s).Archived(t.Context(), r.id, headAt(100)))
	if n := first(); n > 101 {
		t.Fatalf("begins at %d, and 101 is not archived", n)
	}
	for range 5 {
		noError(t, backlog(t, s).Archived(t.Context(), r.id, r.head))
	}
	if n := first(); n > uint64(len(r.events)-roomlog.KeepEvents+1) || n <= 101 {
		t.Fatalf("begins at %d of %d", n, len(r.events))
	}
	stored, err := s.Load(t.Context(), r.id, 10)
	noError(t, err)
	if stored.Room == nil || stored.Room.Number != 1500 || len(stored.Events) < len(r.events)-1500 {
		t.Fatalf("loaded %d events", len(stored.Events))
	}
	sameEvents(t, stored.Events, r.events[len(r.events)-len(stored.Events):])
	r.add(t, s, 1, say("and on"))
	if c := conflict(t, s, r.id, headAt(len(r.events)-2), (&room{id: r.id, head: headAt(len(r.events) - 2), at: r.at}).batch(1, core.Noted{})); len(c.Missed) != 2 {
		t.Errorf("missed %d", len(c.Missed))
	}
	if c := conflict(t, s, r.id, headAt(10), (&room{id: r.id, head: headAt(10), at: r.at}).batch(1, core.Noted{})); len(c.Missed) != 0 {
		t.Errorf("missed %d of what is gone", len(c.Missed))
	}
}

func testExpireArchived(t *testing.T, s Store) {
	kept, gone := create(t, s, "kept"), create(t, s, "gone")
	for _, r := range []*room{kept, gone} {
		r.leave(t, s, r.at+1_000_000)
	}
	later := kept.at + 1_000_000
	if n, err := backlog(t, s).ExpireArchived(t.Context(), later, 10); n != 0 || err != nil {
		t.Fatalf("expired %d, %v, and nothing is archived", n, err)
	}
	noError(t, backlog(t, s).Archived(t.Context(), kept.id, core.Head{Epoch: 1, Number: 1, ID: kept.events[0].ID}))
	noError(t, backlog(t, s).Archived(t.Context(), gone.id, gone.head))
	if n, err := backlog(t, s).ExpireArchived(t.Context(), later, 10); n != 1 || err != nil {
		t.Fatalf("expired %d, %v", n, err)
	}
	kept.check(t, s)
	if _, err := s.Load(t.Context(), gone.id, 0); !errors.Is(err, core.ErrNoRoom) {
		t.Errorf("load: %v", err)
	}
	if n, err := s.Expire(t.Context(), later, 10); n != 1 || err != nil {
		t.Fatalf("expired %d, %v", n, err)
	}
	if all := unarchived(t, s); len(all) > 0 {
		t.Errorf("unarchived: %v", all)
	}
}

// testRestore: a room goes on at its number, in another epoch.
func testRestore(t *testing.T, s Store) {
	old := newRoom("a")
	old.appended(old.batch(0, core.Created{Room: "a"}, core.Joined{Member: "m_1", Name: "Ann"}, core.Left{Member: "m_1"}))
	state := old.state(t, 3)
	state.Epoch = 2
	since := old.at + 5_000_000
	noError(t, backlog(t, s).Restore(t.Context(), state, since))
	if err := backlog(t, s).Restore(t.Context(), state, since); !errors.As(err, new(*core.Conflict)) {
		t.Errorf("twice: %v", err)
	}
	stored, err := s.Load(t.Context(), "a", 100)
	noError(t, err)
	if stored.Room == nil || stored.Room.LogHead() != state.LogHead() || len(stored.Events) > 0 {
		t.Fatalf("loaded %+v", stored)
	}
	if all := unarchived(t, s); len(all) > 0 {
		t.Errorf("unarchived: %v", all)
	}
	if n, err := backlog(t, s).ExpireArchived(t.Context(), since, 1); n != 0 || err != nil {
		t.Errorf("expired %d, %v", n, err)
	}
	r := &room{id: "a", head: state.LogHead(), at: since}
	r.add(t, s, 1, core.Joined{Member: "m_2", Name: "Bob"})
	r.add(t, s, 1, say("here again"), say("and on"))
	got, err := s.Read(t.Context(), "a", 3, 10)
	noError(t, err)
	sameEvents(t, got, r.events)
	got, err = s.Read(t.Context(), "a", 4, 1)
	noError(t, err)
	sameEvents(t, got, r.events[1:2])
	stored, err = s.Load(t.Context(), "a", 100)
	noError(t, err)
	sameEvents(t, stored.Events, r.events)
	if got, want := unarchived(t, s)["a"], (core.Unarchived{Room: "a", Number: 3, ID: old.head.ID, Head: r.head}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	occupied, err := s.Occupied(t.Context())
	noError(t, err)
	if diff := cmp.Diff([]string{"a"}, slices.Clone(occupied)); diff != "" {
		t.Error(diff)
	}
	noError(t, s.SaveSnapshot(t.Context(), func() *core.Room {
		later := state.Clone()
		for _, e := range r.events {
			noError(t, later.Apply(e))
		}
		return later
	}()))
}
