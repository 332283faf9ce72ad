// Package archivetest is what every implementation of core.Archive and
// core.ArchiveKeeper must pass.
package archivetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
)

// Store is what is tested.
type Store interface {
	core.Archive
	core.ArchiveKeeper
}

// Run tests the archives that a factory makes. Each must be empty.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Store)
	}{
		{"Empty", testEmpty},
		{"StoreAndRead", testStoreAndRead},
		{"EveryKindOfEvent", testEveryKind},
		{"Again", testAgain},
		{"AllOrNothing", testAllOrNothing},
		{"Fork", testFork},
		{"ForkWithinAnEpoch", testForkWithinEpoch},
		{"LateComers", testLateComers},
		{"Snapshots", testSnapshots},
		{"Rooms", testRooms},
		{"Delete", testDelete},
		{"ForgetMember", testForgetMember},
		{"ForgetRoom", testForgetRoom},
		{"Chat", testChat},
		{"Strange", testStrange},
		{"FiveAtOnce", testFiveAtOnce},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	t.Run("Model", func(t *testing.T) { testModel(t, open) })
}

// start is the time of the first events.
const start = int64(1_750_000_000_000_000)

// History makes consecutive events that follow a head, a second apart.
func History(head core.Head, bodies ...core.Body) []core.Event {
	events := make([]core.Event, len(bodies))
	for i, b := range bodies {
		events[i] = core.Event{
			ID: core.NewEventID(), Prev: head.ID, Epoch: max(1, head.Epoch), Number: head.Number + 1,
			At: start + int64(head.Number+1)*1_000_000, Body: b,
		}
		head = HeadOf(events[i])
	}
	return events
}

// HeadOf is where a log stands after an event.
func HeadOf(e core.Event) core.Head { return core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID} }

// Say makes n lines of chat.
func Say(n int) []core.Body {
	bodies := make([]core.Body, n)
	for i := range bodies {
		bodies[i] = core.Said{Member: "m_1", Name: "Ann", Text: fmt.Sprint("line ", i)}
	}
	return bodies
}

func room(id string) []core.Event {
	return History(core.Head{}, append([]core.Body{
		core.Created{Room: id, Settings: core.Settings{Title: "Night", GuestControl: true}, Media: core.Media{Kind: core.MediaURL, URL: "https://films.example/secret.mp4"}},
		core.Joined{Member: "m_1", Name: "Ann"},
		core.Hosted{Member: "m_1"},
		core.Joined{Member: "m_2", Name: "Bob"},
		core.Said{Member: "m_2", Name: "Bob", Text: "from Bob"},
	}, Say(5)...)...)
}

func store(t testing.TB, s core.Archive, pieces ...core.Piece) {
	t.Helper()
	if err := s.Store(t.Context(), pieces); err != nil {
		t.Fatalf("store: %v", err)
	}
}

func check(t testing.TB, s core.Archive, id string, want []core.Event) {
	t.Helper()
	got, err := s.Read(t.Context(), id, 0, 10_000)
	noError(t, err)
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		t.Fatalf("history of %s (-want +got):\n%s", id, diff)
	}
	head, err := s.Head(t.Context(), id)
	noError(t, err)
	wantHead := core.Head{}
	if len(want) > 0 {
		wantHead = HeadOf(want[len(want)-1])
	}
	if head != wantHead {
		t.Fatalf("head of %s is %+v, want %+v", id, head, wantHead)
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testEmpty(t *testing.T, s Store) {
	check(t, s, "nowhere", nil)
	if _, err := s.Load(t.Context(), "nowhere"); !errors.Is(err, core.ErrNoRoom) {
		t.Errorf("load: %v", err)
	}
	if err := s.Forget(t.Context(), "nowhere", ""); !errors.Is(err, core.ErrNoRoom) {
		t.Errorf("forget: %v", err)
	}
	noError(t, s.Delete(t.Context(), "nowhere"))
	noError(t, s.Store(t.Context(), nil))
	rooms, err := s.Rooms(t.Context(), "", 10)
	noError(t, err)
	if len(rooms) > 0 {
		t.Errorf("rooms: %v", rooms)
	}
}

func testStoreAndRead(t *testing.T, s Store) {
	a, b := room("a"), room("b")
	store(t, s, core.Piece{Room: "a", Events: a[:4]}, core.Piece{Room: "b", Events: b})
	check(t, s, "a", a[:4])
	store(t, s, core.Piece{Room: "a", Events: a[4:7]}, core.Piece{Room: "a", Events: a[7:]})
	check(t, s, "a", a)
	check(t, s, "b", b)
	got, err := s.Read(t.Context(), "a", 3, 2)
	noError(t, err)
	if diff := cmp.Diff(a[3:5], got); diff != "" {
		t.Error(diff)
	}
	for _, after := range []uint64{uint64(len(a)), math.MaxInt64, math.MaxUint64} {
		if got, err := s.Read(t.Context(), "a", after, 10); err != nil || len(got) > 0 {
			t.Errorf("after %d: %v, %v", after, got, err)
		}
	}
	stored, err := s.Load(t.Context(), "a")
	noError(t, err)
	if stored.Room != nil || cmp.Diff(a, stored.Events) != "" {
		t.Errorf("loaded %+v", stored)
	}
}

func testEveryKind(t *testing.T, s Store) {
	events := History(core.Head{}, core.Created{Room: "k"}, core.Joined{Member: "m_1", Name: "Ann", Slow: true},
		core.Seated{Member: "m_1", Generation: 2}, core.Hosted{Member: "m_1"}, core.RoleSet{Member: "m_1", Role: core.RoleHost},
		core.Renamed{Member: "m_1", Name: "Änne 🎬"}, core.TimelineSet{Cause: core.CauseSeek, Position: 1e-9, Rate: 1.25, Playing: true, At: start},
		core.MediaSet{Media: core.Media{Kind: core.MediaClip, Subtitles: []core.Subtitle{{URL: "https://x.example/s.vtt"}}}},
		core.Queued{Media: core.Media{Kind: core.MediaClip}, Member: "m_1", Name: "Ann"}, core.Moved{Item: 9, Index: 3},
		core.Unqueued{Item: 9, Reason: core.UnqueuedPlayed}, core.GateOpened{Waiting: []string{"m_1"}, Deadline: start},
		core.GateReady{Member: "m_1", Gate: 12}, core.Said{Member: "m_1", Name: "Ann", Text: "\"quoted\" \\u0000 <b>\n"},
		core.SettingsSet{Settings: core.Settings{PIN: true}, Access: true}, core.Unbanned{Member: "m_2", Name: "B"}, core.Noted{},
		core.Left{Member: "m_1", Reason: core.LeftSelf})
	events[6].By = core.Ref{Seat: "m_1", Command: math.MaxUint64, Sum: math.MaxUint32}
	store(t, s, core.Piece{Room: "k", Events: events})
	check(t, s, "k", events)
}

func testAgain(t *testing.T, s Store) {
	a := room("a")
	for _, part := range [][]core.Event{a[:6], a[:6], a[2:4], a[3:], a, a[9:]} {
		store(t, s, core.Piece{Room: "a", Events: part})
	}
	check(t, s, "a", a)
}

func testAllOrNothing(t *testing.T, s Store) {
	a, b := room("a"), room("b")
	holey := slices.Delete(slices.Clone(b), 2, 3)
	for what, bad := range map[string]core.Piece{
		"a hole":          {Room: "b", Events: holey},
		"no room":         {Events: b},
		"another's":       {Room: "b", Snapshot: core.NewRoom("a")},
		"number too high": {Room: "b", Events: []core.Event{{ID: 1, Number: math.MaxUint64, Body: core.Noted{}}}},
	} {
		if err := s.Store(t.Context(), []core.Piece{{Room: "a", Events: a}, bad}); err == nil || errors.Is(err, core.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
		check(t, s, "a", nil)
		check(t, s, "b", nil)
	}
}

// branch makes events that follow one of a history in a higher epoch.
func branch(events []core.Event, after int, epoch uint64, n int) []core.Event {
	head := HeadOf(events[after-1])
	head.Epoch = epoch
	return History(head, Say(n)...)
}

func testFork(t *testing.T, s Store) {
	a := room("a")
	store(t, s, core.Piece{Room: "a", Events: a})
	fork := branch(a, 7, 2, 1)
	store(t, s, core.Piece{Room: "a", Events: fork})
	check(t, s, "a", append(slices.Clone(a[:7]), fork...))
	store(t, s, core.Piece{Room: "a", Events: a}) // nothing comes back
	check(t, s, "a", append(slices.Clone(a[:7]), fork...))
	again := branch(a, 5, 4, 4)
	store(t, s, core.Piece{Room: "a", Events: again})
	check(t, s, "a", append(slices.Clone(a[:5]), again...))
	store(t, s, core.Piece{Room: "a", Events: History(HeadOf(again[3]), Say(2)...)})
	stored, err := s.Load(t.Context(), "a")
	noError(t, err)
	if len(stored.Events) != 11 {
		t.Errorf("%d events", len(stored.Events))
	}
}

// testForkWithinEpoch: the log has lost its tail and went on differently.
func testForkWithinEpoch(t *testing.T, s Store) {
	a := room("a")
	store(t, s, core.Piece{Room: "a", Events: a})
	other := History(HeadOf(a[5]), Say(2)...)
	store(t, s, core.Piece{Room: "a", Events: other})
	want := append(slices.Clone(a[:6]), other...)
	check(t, s, "a", want)
	more := History(HeadOf(other[1]), Say(5)...)
	store(t, s, core.Piece{Room: "a", Events: more})
	check(t, s, "a", append(want, more...))
}

func testLateComers(t *testing.T, s Store) {
	a := room("a")
	fork := branch(a, 4, 3, 3)
	store(t, s, core.Piece{Room: "a", Events: a[:4]})
	store(t, s, core.Piece{Room: "a", Events: fork})
	store(t, s, core.Piece{Room: "a", Events: a[4:]}) // of the history that lost
	check(t, s, "a", append(slices.Clone(a[:4]), fork...))
}

func replay(t testing.TB, id string, events []core.Event) *core.Room {
	t.Helper()
	r := core.NewRoom(id)
	for _, e := range events {
		noError(t, r.Apply(e))
	}
	return r
}

func testSnapshots(t *testing.T, s Store) {
	a := room("a")
	at := func(n int) *core.Room { return replay(t, "a", a[:n]) }
	load := func(number uint64, events []core.Event) {
		t.Helper()
		stored, err := s.Load(t.Context(), "a")
		noError(t, err)
		got := uint64(0)
		if stored.Room != nil {
			got = stored.Room.Number
		}
		if got != number || cmp.Diff(events, stored.Events) != "" && len(events)+len(stored.Events) > 0 {
			t.Fatalf("a snapshot at %d and %d events, want %d and %d", got, len(stored.Events), number, len(events))
		}
	}
	store(t, s, core.Piece{Room: "a", Events: a[:8], Snapshot: at(4)})
	load(4, a[4:8])
	store(t, s, core.Piece{Room: "a", Events: a[8:], Snapshot: at(3)})
	load(4, a[4:])
	store(t, s, core.Piece{Room: "a", Snapshot: at(10)})
	load(10, nil)
	// One that lies past a fork is of another history.
	fork := branch(a, 7, 2, 2)
	store(t, s, core.Piece{Room: "a", Events: fork})
	load(0, append(slices.Clone(a[:7]), fork...))
	store(t, s, core.Piece{Room: "a", Snapshot: at(6)})
	load(6, append(slices.Clone(a[6:7]), fork...))
}

// testStrange: nothing that a log can hold spoils the archive.
func testStrange(t *testing.T, s Store) {
	id := "room '\"; --%_"
	a := History(core.Head{}, core.Created{Room: id}, core.Said{Text: "\x00\u2028\\ud800 " + strings.Repeat("x", 100_000)}, core.Noted{})
	a[1].At = math.MinInt64
	a[2].At = math.MaxInt64
	store(t, s, core.Piece{Room: id, Events: a})
	check(t, s, id, a)
}

// testFiveAtOnce: several gateways that feed the same do no harm.
func testFiveAtOnce(t *testing.T, s Store) {
	a, b := room("a"), room("b")
	a = append(a, History(HeadOf(a[len(a)-1]), Say(200)...)...)
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			for n := i; n < len(a); n += 5 {
				pieces := []core.Piece{{Room: "a", Events: a[max(0, n-7) : n+1]}, {Room: "b", Events: b}}
				if i%2 == 0 {
					slices.Reverse(pieces)
				}
				if err := s.Store(t.Context(), pieces); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	check(t, s, "a", a)
	check(t, s, "b", b)
}
