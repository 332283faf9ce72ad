package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/archive/archivetest"
	sqlitearchive "tandem.watch/tandem/core/archive/sqlite"
	memorylog "tandem.watch/tandem/core/roomlog/memory"
)

// moody is an archive that fails when it likes to, also after it has stored.
type moody struct {
	core.Archive
	fail func() (before, after error)
}

func (m moody) Store(ctx context.Context, pieces []core.Piece) error {
	before, after := m.fail()
	if before != nil {
		return before
	}
	if err := m.Archive.Store(ctx, pieces); err != nil {
		return err
	}
	return after
}

func sqliteArchive(t testing.TB) *sqlitearchive.Archive {
	t.Helper()
	a, err := sqlitearchive.Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(context.Background()) })
	return a
}

func newFeeder(t testing.TB, log core.Log, a core.Archive, owns func(string) bool) *core.Feeder {
	t.Helper()
	f, err := core.NewFeeder(core.FeederOptions{Log: log, Archive: a, Owns: owns, Logger: slog.New(slog.DiscardHandler), Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// chain is a room that a test appends to.
type chain struct {
	id     string
	head   core.Head
	events []core.Event
}

func (c *chain) add(t interface{ Fatal(...any) }, log core.Log, bodies ...core.Body) {
	if c.head.Number == 0 {
		bodies = append([]core.Body{core.Created{Room: c.id}}, bodies...)
	}
	events := archivetest.History(c.head, bodies...)
	if err := log.Append(context.Background(), c.id, c.head, core.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
	c.events = append(c.events, events...)
	c.head = archivetest.HeadOf(events[len(events)-1])
}

func archived(t testing.TB, a core.Archive, id string) []core.Event {
	t.Helper()
	events, err := a.Read(t.Context(), id, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// TestFeeder: whatever the archive does meanwhile, and although two gateways may
// feed the same room, in the end it holds exactly what the log held.
func TestFeeder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log, archive := memorylog.New(), sqliteArchive(t)
		seed := rapid.Uint64().Draw(rt, "seed")
		random := rand.New(rand.NewPCG(seed, 1))
		var away atomic.Bool
		mood := moody{archive, func() (before, after error) {
			if away.Load() {
				return core.ErrUnavailable, nil
			}
			switch random.IntN(4) {
			case 0:
				return core.ErrUnavailable, nil
			case 1:
				return nil, core.ErrUnavailable // stored, and the answer lost
			default:
				return nil, nil
			}
		}}
		feeders := []*core.Feeder{newFeeder(t, log, mood, nil), newFeeder(t, log, mood, func(id string) bool { return id != "room 1" })}
		rooms := make([]*chain, 3)
		for i := range rooms {
			rooms[i] = &chain{id: fmt.Sprint("room ", i)}
		}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				_ = feeders[rapid.IntRange(0, 1).Draw(rt, "feeder")].Round(t.Context())
			case 1:
				away.Store(rapid.Bool().Draw(rt, "away"))
			case 2:
				r := rooms[rapid.IntRange(0, 2).Draw(rt, "room")]
				if r.head.Number == 0 {
					continue
				}
				state := core.NewRoom(r.id)
				for _, e := range r.events {
					if err := state.Apply(e); err != nil {
						rt.Fatal(err)
					}
				}
				if err := log.SaveSnapshot(t.Context(), state); err != nil {
					rt.Fatal(err)
				}
			default:
				r := rooms[rapid.IntRange(0, 2).Draw(rt, "room")]
				r.add(rt, log, archivetest.Say(rapid.SampledFrom([]int{1, 2, 30}).Draw(rt, "lines"))...)
			}
		}
		away.Store(false)
		for n := 0; feeders[0].Round(t.Context()) != nil; n++ {
			if n > 100 {
				rt.Fatal("it never gets through")
			}
		}
		for _, r := range rooms {
			if diff := cmp.Diff(r.events, archived(t, archive, r.id)); diff != "" && len(r.events) > 0 {
				rt.Fatalf("%s: %d events, archived %d", r.id, len(r.events), len(archived(t, archive, r.id)))
			}
		}
		if lag := feeders[0].Lag(); lag.Rooms != 0 || lag.Events != 0 {
			rt.Fatalf("lag %+v", lag)
		}
	})
}

// TestFeederLongRooms: what is more than one batch comes whole, with a snapshot.
func TestFeederLongRooms(t *testing.T) {
	log, archive := memorylog.New(), sqliteArchive(t)
	var rooms []*chain
	for i := range 3 {
		r := &chain{id: fmt.Sprint("room ", i)}
		r.add(t, log, archivetest.Say(3100)...)
		state := core.NewRoom(r.id)
		for _, e := range r.events[:2900] {
			if err := state.Apply(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.SaveSnapshot(t.Context(), state); err != nil {
			t.Fatal(err)
		}
		rooms = append(rooms, r)
	}
	f := newFeeder(t, log, archive, nil)
	if err := f.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range rooms {
		if diff := cmp.Diff(r.events, archived(t, archive, r.id)); diff != "" {
			t.Fatal(diff)
		}
		stored, err := archive.Load(t.Context(), r.id)
		if err != nil || stored.Room == nil || stored.Room.Number != 2900 {
			t.Errorf("the archive has no snapshot: %+v, %v", stored.Room, err)
		}
		// And the log has let go of what nobody needs.
		kept, err := log.Read(t.Context(), r.id, 0, 1)
		if err != nil || kept[0].Number != 2102 {
			t.Errorf("the log begins at %d, %v", kept[0].Number, err)
		}
	}
	if lag := f.Lag(); lag.Stored != 3*3101 || lag.Events != 0 || lag.Rooms != 0 {
		t.Errorf("lag %+v", lag)
	}
}

// TestFeederFork: the log has lost what was archived, and went on otherwise.
func TestFeederFork(t *testing.T) {
	archive := sqliteArchive(t)
	before, after := memorylog.New(), memorylog.New()
	r := &chain{id: "a"}
	r.add(t, before, archivetest.Say(40)...)
	if err := newFeeder(t, before, archive, nil).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := &chain{id: "a"}
	for i, e := range r.events[:17] {
		if err := after.Append(t.Context(), "a", kept.head, core.Batch{Events: r.events[i : i+1]}); err != nil {
			t.Fatal(err)
		}
		kept.head = archivetest.HeadOf(e)
	}
	kept.events = r.events[:17:17]
	kept.head.Epoch = 1
	kept.add(t, after, archivetest.Say(3)...)
	if err := newFeeder(t, after, archive, nil).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(kept.events, archived(t, archive, "a")); diff != "" {
		t.Fatal(diff)
	}
	// And with the log's memory of what it archived.
	kept.add(t, after, archivetest.Say(5)...)
	f := newFeeder(t, after, archive, nil)
	if err := f.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(kept.events, archived(t, archive, "a")); diff != "" {
		t.Fatal(diff)
	}
	if n := f.Lag().Stored; n != 5 {
		t.Errorf("stored %d again", n)
	}
}

// TestFeederRefused: a room that the archive refuses holds up no other.
func TestFeederRefused(t *testing.T) {
	archive := sqliteArchive(t)
	log := memorylog.New()
	bad, good := &chain{id: "bad"}, &chain{id: "good"}
	bad.add(t, log, archivetest.Say(3)...)
	good.add(t, log, archivetest.Say(3)...)
	f := newFeeder(t, log, refusing{archive}, nil)
	if err := f.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(archived(t, archive, "good")) != 4 || len(archived(t, archive, "bad")) != 0 || f.Lag().SetAside != 1 {
		t.Errorf("lag %+v", f.Lag())
	}
	if n, err := log.ExpireArchived(t.Context(), 1<<62, 10); n != 1 || err != nil {
		t.Errorf("expired %d, %v", n, err)
	}
}

type refusing struct{ core.Archive }

func (r refusing) Store(ctx context.Context, pieces []core.Piece) error {
	for _, p := range pieces {
		if p.Room == "bad" {
			return errors.New("refused")
		}
	}
	return r.Archive.Store(ctx, pieces)
}
