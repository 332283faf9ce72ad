package logtest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"tandem.watch/tandem/core"
)

// testManyRooms: rooms do not disturb each other, whatever conflicts are among
// them.
func testManyRooms(t *testing.T, s Store) {
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			r := newRoom(fmt.Sprint("room ", i))
			for n := range 25 {
				if n%5 == 4 {
					wrong := r.head
					wrong.ID++
					x := &room{id: r.id, head: wrong, at: r.at}
					var c *core.Conflict
					if err := s.Append(t.Context(), r.id, wrong, x.batch(1, say("wrong"))); !errors.As(err, &c) {
						t.Errorf("%s: got %v, want a conflict", r.id, err)
					}
				}
				b := r.batch(1, say(fmt.Sprint(n)), core.Noted{})
				if err := s.Append(t.Context(), r.id, r.head, b); err != nil {
					t.Errorf("%s: %v", r.id, err)
					return
				}
				r.appended(b)
				if n%10 == 0 {
					if got, err := s.Read(t.Context(), r.id, r.head.Number-1, 5); err != nil || len(got) != 1 || got[0].ID != r.head.ID {
						t.Errorf("%s: read after the append: %v, %v", r.id, got, err)
					}
				}
			}
			r.check(t, s)
		})
	}
	all.Wait()
}

// testOneRoom has many gateways append to one room: each learns from conflicts
// what it missed and tries again. The log has each of their events once.
func testOneRoom(t *testing.T, s Store) {
	const gateways, each = 8, 20
	create(t, s, "ABCD")
	var all sync.WaitGroup
	var lost atomic.Int64
	for g := range gateways {
		all.Go(func() {
			r := newRoom("ABCD")
			events, err := s.Read(t.Context(), r.id, 0, 3)
			if err != nil {
				t.Error(err)
				return
			}
			r.appended(core.Batch{Events: events})
			for n := 0; n < each; {
				b := r.batch(1, say(fmt.Sprintf("%d/%d", g, n)))
				err := s.Append(t.Context(), r.id, r.head, b)
				var c *core.Conflict
				switch {
				case err == nil:
					r.appended(b)
					n++
				case errors.As(err, &c) && len(c.Missed) > 0:
					lost.Add(1)
					r.appended(core.Batch{Events: c.Missed})
				default:
					t.Errorf("gateway %d: %v", g, err)
					return
				}
			}
			if _, err := replay(r.id, r.events); err != nil {
				t.Errorf("gateway %d: %v", g, err)
			}
		})
	}
	all.Wait()
	events, err := s.Read(t.Context(), "ABCD", 0, 10_000)
	noError(t, err)
	if len(events) != 3+gateways*each {
		t.Errorf("%d events instead of %d", len(events), 3+gateways*each)
	}
	if _, err := replay("ABCD", events); err != nil {
		t.Error(err)
	}
	seen := map[string]bool{}
	for _, e := range events[3:] {
		text := e.Body.(core.Said).Text
		if seen[text] {
			t.Errorf("%s is there twice", text)
		}
		seen[text] = true
	}
	t.Logf("%d rounds were lost", lost.Load())
}

// testOneWinner: of several appends to one head, one succeeds.
func testOneWinner(t *testing.T, s Store) {
	r := newRoom("ABCD")
	for round := range 20 {
		batches := make([]core.Batch, 8)
		for i := range batches {
			batches[i] = r.batch(1, say(fmt.Sprintf("%d/%d", round, i)))
			batches[i].Secrets = []core.Secret{{Name: "winner", Value: []byte{byte(i)}}}
		}
		winner := atomic.Int64{}
		winner.Store(-1)
		var all sync.WaitGroup
		for i, b := range batches {
			all.Go(func() {
				err := s.Append(t.Context(), r.id, r.head, b)
				var c *core.Conflict
				switch {
				case err == nil:
					if !winner.CompareAndSwap(-1, int64(i)) {
						t.Errorf("two appends after %d succeeded", r.head.Number)
					}
				case !errors.As(err, &c):
					t.Errorf("got %v, want a conflict", err)
				}
			})
		}
		all.Wait()
		i := winner.Load()
		if i < 0 {
			t.Fatalf("no append after %d succeeded", r.head.Number)
		}
		r.appended(batches[i])
		checkSecret(t, s, r.id, "winner", &core.Secret{Name: "winner", Value: []byte{byte(i)}})
	}
	r.check(t, s)
}

func replay(id string, events []core.Event) (*core.Room, error) {
	state := core.NewRoom(id)
	for _, e := range events {
		if err := state.Apply(e); err != nil {
			return nil, err
		}
	}
	return state, nil
}
