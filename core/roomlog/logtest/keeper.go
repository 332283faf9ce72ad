package logtest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
)

func testOccupied(t *testing.T, s Store) {
	check := func(want ...string) {
		t.Helper()
		got, err := s.Occupied(t.Context())
		noError(t, err)
		slices.Sort(got)
		if len(got)+len(want) > 0 && cmp.Diff(want, got) != "" {
			t.Fatalf("occupied are %q, want %q", got, want)
		}
	}
	check()
	a, b, c := create(t, s, "a"), create(t, s, "b"), newRoom("c")
	c.add(t, s, 0, core.Created{Room: "c"})
	check("a", "b")
	a.add(t, s, 0, core.Left{Member: "m_1"})
	check("b")
	c.add(t, s, 5, core.Joined{Member: "m_2"})
	b.add(t, s, 2, core.Joined{Member: "m_2"})
	check("b", "c")
	a.add(t, s, 1, core.Joined{Member: "m_3"})
	check("a", "b", "c")
}

func testLatestTime(t *testing.T, s Store) {
	check := func(want int64) {
		t.Helper()
		got, err := s.LatestTime(t.Context())
		noError(t, err)
		if got != want {
			t.Fatalf("the latest time is %d, want %d", got, want)
		}
	}
	check(0)
	a := create(t, s, "a")
	check(a.at)
	b := newRoom("b")
	b.at += 100_000_000
	b.add(t, s, 1, core.Created{Room: "b"}, say("x"))
	check(b.at)
	a.add(t, s, 1, say("earlier"))
	check(b.at)
	a.at += 200_000_000
	a.add(t, s, 1, say("later"))
	check(a.at)
}

// leave empties a room at an instant.
func (r *room) leave(t testing.TB, s Store, at int64) {
	t.Helper()
	r.at = at - 1_000_000
	r.add(t, s, 0, core.Left{Member: "m_1"})
}

func testExpire(t *testing.T, s Store) {
	expire := func(before int64, limit, want int) {
		t.Helper()
		got, err := s.Expire(t.Context(), before, limit)
		noError(t, err)
		if got != want {
			t.Fatalf("expired %d rooms, want %d", got, want)
		}
	}
	gone := func(id string) bool {
		t.Helper()
		_, err := s.Load(t.Context(), id, 0)
		if err != nil && !errors.Is(err, core.ErrNoRoom) {
			t.Fatal(err)
		}
		return err != nil
	}
	const hour = int64(3_600_000_000)
	now := epoch0 + 100*hour
	expire(now, 10, 0)

	occupied := create(t, s, "occupied")
	fresh := create(t, s, "fresh")
	fresh.leave(t, s, now)
	touched := create(t, s, "touched since, but empty")
	touched.leave(t, s, epoch0+2*hour)
	touched.at = now
	touched.add(t, s, 0, core.Noted{})
	returned := create(t, s, "left and returned")
	returned.leave(t, s, epoch0+hour)
	returned.add(t, s, 1, core.Joined{Member: "m_9"})
	again := create(t, s, "left, returned and left")
	again.leave(t, s, epoch0+hour)
	again.add(t, s, 1, core.Joined{Member: "m_9"})
	again.leave(t, s, now)
	var old []*room
	for i := range 5 {
		r := create(t, s, fmt.Sprint("old ", i))
		b := r.batch(1, core.Noted{})
		b.Secrets = []core.Secret{{Name: "pin", Value: []byte{1}}, {Name: "seat", Member: "m_1", Value: []byte{2}}}
		noError(t, s.Append(t.Context(), r.id, r.head, b))
		r.appended(b)
		noError(t, s.SaveSnapshot(t.Context(), r.state(t, 4)))
		r.leave(t, s, epoch0+int64(10+i)*hour)
		old = append(old, r)
	}

	expire(epoch0, 10, 0)
	expire(old[0].at, 10, 1) // touched, which was emptied long ago
	if !gone(touched.id) || gone(old[0].id) {
		t.Fatal("a room is empty since its last member left, and expires after that instant")
	}
	expire(now, 0, 0)
	expire(now, 2, 2)
	if !gone(old[0].id) || !gone(old[1].id) || gone(old[2].id) {
		t.Fatal("those that have been empty longest go first")
	}
	expire(now, 10, 3)
	expire(now, 10, 0)
	for _, r := range old {
		if !gone(r.id) {
			t.Errorf("%s is still there", r.id)
		}
		checkSecret(t, s, r.id, "pin", nil)
		checkSecret(t, s, r.id, "seat", nil)
		if events, err := s.Read(t.Context(), r.id, 0, 10); err != nil || len(events) > 0 {
			t.Errorf("%s still has %d events, %v", r.id, len(events), err)
		}
		if c := conflict(t, s, r.id, r.head, r.batch(1, say("too late"))); c.Missed != nil {
			t.Errorf("missed %v", c.Missed)
		}
	}
	for _, r := range []*room{occupied, fresh, returned, again} {
		r.check(t, s)
	}

	// The id is free again, and nothing of the old room is in the new one.
	r := create(t, s, old[0].id)
	r.check(t, s)
	checkLoad(t, s, r, 0, 0)
	checkSecret(t, s, r.id, "pin", nil)
	expire(math.MaxInt64, 10, 2)
	occupied.check(t, s)
}

// testExpireLongRoom: a room is gone whole, however long it was.
func testExpireLongRoom(t *testing.T, s Store) {
	for _, id := range []string{"a", "b"} {
		r := create(t, s, id)
		for range 5 {
			bodies := make([]core.Body, 500)
			for i := range bodies {
				bodies[i] = say("words that nobody needs any more")
			}
			r.add(t, s, 1, bodies...)
		}
		r.leave(t, s, r.at+1_000_000)
	}
	kept := create(t, s, "kept")
	n, err := s.Expire(t.Context(), math.MaxInt64, 100)
	noError(t, err)
	if n != 2 {
		t.Errorf("expired %d", n)
	}
	kept.check(t, s)
	r := create(t, s, "a")
	r.check(t, s)
	checkLoad(t, s, r, 0, 0)
}

// testExpireAmongAppends: of an append to an empty room and its expiry, one
// wins, and no half of a room stays.
func testExpireAmongAppends(t *testing.T, s Store) {
	var all sync.WaitGroup
	for i := range 30 {
		r := create(t, s, fmt.Sprint("room ", i))
		r.leave(t, s, r.at+1_000_000)
		all.Go(func() {
			b := r.batch(1, core.Joined{Member: "m_5"})
			err := s.Append(t.Context(), r.id, r.head, b)
			var c *core.Conflict
			switch {
			case err == nil:
				r.appended(b)
				r.check(t, s)
			case errors.As(err, &c):
				if _, err := s.Load(t.Context(), r.id, 0); !errors.Is(err, core.ErrNoRoom) {
					t.Errorf("%s: refused, and then: %v", r.id, err)
				}
			default:
				t.Errorf("%s: %v", r.id, err)
			}
		})
		all.Go(func() {
			if _, err := s.Expire(t.Context(), math.MaxInt64, 1); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
