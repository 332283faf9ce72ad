package logtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tandem.watch/tandem/core"
)

// Shared is a store that several gateways share, as one of them has it.
type Shared interface {
	Store
	core.Placer
	core.Feed
	core.Leases
}

// soon is how long tests wait for what a feed tells: far more than it takes.
const soon = 20 * time.Second

// RunFeed tests what gateways tell each other. The factory returns two
// gateways' views of one store, which is empty.
func RunFeed(t *testing.T, open func(t *testing.T) (a, b Shared)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, a, b Shared)
	}{
		{"Appended", testFeedAppended},
		{"LargeBatch", testFeedLarge},
		{"Told", testFeedTold},
		{"ManyRooms", testFeedManyRooms},
		{"Stop", testFeedStop},
		{"Leases", testLeases},
		{"Unfollowed", testUnfollowed},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := open(t)
			test.run(t, a, b)
		})
	}
}

// Ear is a core.Follower that keeps what it is told.
type Ear struct {
	mu     sync.Mutex
	Events []core.Event
	Heads  []core.Head
	Notes  []string
}

// Appended implements core.Follower.
func (e *Ear) Appended(events []core.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Events = append(e.Events, events...)
}

// Head implements core.Follower.
func (e *Ear) Head(head core.Head) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Heads = append(e.Heads, head)
}

// Told implements core.Follower.
func (e *Ear) Told(from string, note []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Notes = append(e.Notes, from+": "+string(note))
}

// Await waits until the condition, which is called under the ear's lock, holds.
func (e *Ear) Await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); ; time.Sleep(5 * time.Millisecond) {
		e.mu.Lock()
		ok := done()
		e.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			e.mu.Lock()
			defer e.mu.Unlock()
			t.Fatalf("%s: not told within %v; %d events, %d heads %v, notes %q", what, soon, len(e.Events), len(e.Heads), e.Heads, e.Notes)
		}
	}
}

func follow(t testing.TB, s core.Feed, room string) (*Ear, core.Following) {
	t.Helper()
	ear := &Ear{}
	f, err := s.Follow(t.Context(), room, ear)
	noError(t, err)
	t.Cleanup(f.Stop)
	return ear, f
}

// testFeedAppended: what one appends the other is told, from the moment that
// Follow has returned; oneself is not.
func testFeedAppended(t *testing.T, a, b Shared) {
	r := create(t, a, "ABCD {curly} ☃")
	own, _ := follow(t, a, r.id)
	other, _ := follow(t, b, r.id)
	for i := range 50 {
		r.add(t, a, 1, say(fmt.Sprint(i)), say("and"))
	}
	other.Await(t, "appended", func() bool { return len(other.Events) == 100 })
	sameEvents(t, other.Events, r.events[3:])

	late := &room{id: r.id, head: core.Head{Epoch: 1, Number: 3, ID: r.events[2].ID}, at: r.at}
	batch := late.batch(1, said("m_2", "placed"))
	before, err := b.Place(t.Context(), r.id, late.head, batch, []string{"chat"})
	noError(t, err)
	own.Await(t, "placed", func() bool { return len(own.Events) == 1 })
	sameEvents(t, own.Events, batch.Follow(before))
}

// testFeedLarge: what is too large to tell is at least pointed at.
func testFeedLarge(t *testing.T, a, b Shared) {
	r := create(t, a, "ABCD")
	ear, _ := follow(t, b, r.id)
	bodies := make([]core.Body, 500)
	for i := range bodies {
		bodies[i] = say(fmt.Sprintf("%0500d", i))
	}
	r.add(t, a, 1, bodies...)
	ear.Await(t, "a large batch", func() bool {
		return len(ear.Events) == 500 || slices.Contains(ear.Heads, r.head)
	})
}

func testFeedTold(t *testing.T, a, b Shared) {
	create(t, a, "ABCD")
	mine, mouth := follow(t, a, "ABCD")
	theirs, _ := follow(t, b, "ABCD")
	elsewhere, _ := follow(t, b, "other")
	for i := range 100 {
		mouth.Tell(fmt.Appendf(nil, "note\x00 %d", i))
	}
	theirs.Await(t, "notes", func() bool { return len(theirs.Notes) == 100 })
	for i, n := range theirs.Notes {
		if want := fmt.Sprintf("%s: note\x00 %d", a.Self(), i); n != want {
			t.Fatalf("note %d is %q, want %q", i, n, want)
		}
	}
	if len(mine.Notes)+len(elsewhere.Notes) > 0 {
		t.Error("a note reached its sender, or another room")
	}
	if a.Self() == b.Self() || a.Self() == "" {
		t.Errorf("the gateways are called %q and %q", a.Self(), b.Self())
	}
}

func testFeedManyRooms(t *testing.T, a, b Shared) {
	const rooms = 300
	var ears [rooms]*Ear
	var all sync.WaitGroup
	for i := range ears {
		all.Go(func() { ears[i], _ = follow(t, b, fmt.Sprint("room ", i)) })
	}
	all.Wait()
	var made [rooms]*room
	for i := range made {
		made[i] = create(t, a, fmt.Sprint("room ", i))
	}
	for i, ear := range ears {
		ear.Await(t, made[i].id, func() bool { return len(ear.Events) == 3 })
		sameEvents(t, ear.Events, made[i].events)
	}
}

// testFeedStop: who has stopped hears nothing, others of the same room do.
func testFeedStop(t *testing.T, a, b Shared) {
	r := create(t, a, "ABCD")
	stopped, f := follow(t, b, r.id)
	ear, _ := follow(t, b, r.id)
	f.Stop()
	f.Stop()
	r.add(t, a, 1, say("x"))
	ear.Await(t, "appended", func() bool { return len(ear.Events) == 1 })
	if len(stopped.Events) > 0 {
		t.Error("told after the stop")
	}
	again, _ := follow(t, b, r.id)
	r.add(t, a, 1, say("y"))
	again.Await(t, "appended", func() bool { return len(again.Events) == 1 })
}

func testLeases(t *testing.T, a, b Shared) {
	renew := func(s Shared, lease time.Duration, wantKept bool, want ...string) {
		t.Helper()
		living, kept, err := s.Renew(t.Context(), lease)
		noError(t, err)
		slices.Sort(living)
		slices.Sort(want)
		if kept != wantKept || !slices.Equal(living, want) {
			t.Fatalf("living are %q, kept %v; want %q, %v", living, kept, want, wantKept)
		}
	}
	const long = time.Minute
	renew(a, long, false, a.Self())
	renew(a, long, true, a.Self())
	renew(b, 50*time.Millisecond, false, a.Self(), b.Self())
	time.Sleep(100 * time.Millisecond)
	renew(a, long, true, a.Self())
	renew(b, long, false, a.Self(), b.Self())
	renew(a, 0, true, b.Self())
	renew(b, long, true, b.Self())
}

func testUnfollowed(t *testing.T, a, b Shared) {
	rooms := []string{"a", "b", "c"}
	_, fa := follow(t, a, "a")
	_, fb := follow(t, b, "b")
	check := func(want ...string) {
		t.Helper()
		var got []string
		for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			var err error
			got, err = a.Unfollowed(t.Context(), rooms)
			noError(t, err)
			if slices.Equal(got, want) {
				return
			}
		}
		t.Fatalf("unfollowed are %q, want %q", got, want)
	}
	check("c")
	fa.Stop()
	check("a", "c")
	fb.Stop()
	check("a", "b", "c")
}
