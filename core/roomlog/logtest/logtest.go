// Package logtest is what every implementation of core.Log and core.Keeper must
// pass, and how their speed is compared.
package logtest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
)

// Store is what is tested.
type Store interface {
	core.Log
	core.Keeper
}

// Reopener is implemented by a Store that outlives its process. Reopen closes
// it and opens it again.
type Reopener interface {
	Reopen(t *testing.T) Store
}

// Closer is implemented by a Store that holds resources. Closing it again, in a
// cleanup of the factory, must be no error.
type Closer interface {
	Close(ctx context.Context) error
}

// Run tests the stores that a factory makes. Each must be empty, and is used
// only during the test that it is given.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Store)
	}{
		{"Create", testCreate},
		{"UnknownRoom", testUnknownRoom},
		{"AppendAndRead", testAppendAndRead},
		{"EveryKindOfEvent", testEveryKind},
		{"CallersKeepTheirs", testIndependence},
		{"Load", testLoad},
		{"Snapshot", testSnapshot},
		{"Conflict", testConflict},
		{"CreatedTwice", testCreatedTwice},
		{"MissedTooMuch", testMissedTooMuch},
		{"Malformed", testMalformed},
		{"Secrets", testSecrets},
		{"SecretsUponConflict", testSecretsUponConflict},
		{"Context", testContext},
		{"ManyRoomsAtOnce", testManyRooms},
		{"OneRoomAtOnce", testOneRoom},
		{"OneHeadOneWinner", testOneWinner},
		{"Occupied", testOccupied},
		{"LatestTime", testLatestTime},
		{"Expire", testExpire},
		{"ExpireLongRoom", testExpireLongRoom},
		{"ExpireAmongAppends", testExpireAmongAppends},
		{"Place", testPlace},
		{"PlaceAtOnce", testPlaceAtOnce},
		{"Unarchived", testUnarchived},
		{"Trimming", testTrimming},
		{"ExpireArchived", testExpireArchived},
		{"Restore", testRestore},
		{"Reopen", testReopen},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	t.Run("Model", func(t *testing.T) { testModel(t, open) })
}

// epoch0 is the instant of the first events, in microseconds.
const epoch0 = int64(1_750_000_000_000_000)

// room is a test's knowledge of a room: what it appended.
type room struct {
	id     string
	head   core.Head
	at     int64
	events []core.Event
}

func newRoom(id string) *room { return &room{id: id, at: epoch0} }

// batch returns a batch of new events after the head, one second apart.
func (r *room) batch(members int, bodies ...core.Body) core.Batch {
	b := core.Batch{Members: members}
	head, at := r.head, r.at
	for _, body := range bodies {
		at += 1_000_000
		e := core.Event{ID: core.NewEventID(), Prev: head.ID, Epoch: max(1, head.Epoch), Number: head.Number + 1, At: at, Body: body}
		b.Events = append(b.Events, e)
		head = core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID}
	}
	return b
}

// appended makes a batch part of what the test knows.
func (r *room) appended(b core.Batch) {
	r.events = append(r.events, b.Events...)
	last := b.Events[len(b.Events)-1]
	r.head, r.at = core.Head{Epoch: last.Epoch, Number: last.Number, ID: last.ID}, last.At
}

// add appends a batch of new events, which must succeed.
func (r *room) add(t testing.TB, s core.Log, members int, bodies ...core.Body) core.Batch {
	t.Helper()
	b := r.batch(members, bodies...)
	if err := s.Append(t.Context(), r.id, r.head, b); err != nil {
		t.Fatalf("append %d events after %d to %s: %v", len(b.Events), r.head.Number, r.id, err)
	}
	r.appended(b)
	return b
}

// create makes a room with a member.
func create(t testing.TB, s core.Log, id string) *room {
	t.Helper()
	r := newRoom(id)
	r.add(t, s, 1, core.Created{Room: id}, core.Joined{Member: "m_1", Name: "Ann"}, core.Hosted{Member: "m_1"})
	return r
}

// state returns what the first n events add up to.
func (r *room) state(t testing.TB, n int) *core.Room {
	t.Helper()
	state := core.NewRoom(r.id)
	for _, e := range r.events[:n] {
		if err := state.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	return state
}

// check compares all that the log has of the room with what was appended.
func (r *room) check(t testing.TB, s core.Log) {
	t.Helper()
	got, err := s.Read(t.Context(), r.id, 0, len(r.events)+1)
	if err != nil {
		t.Fatalf("read %s: %v", r.id, err)
	}
	sameEvents(t, got, r.events)
}

func say(text string) core.Body { return core.Said{Member: "m_1", Name: "Ann", Text: text} }

func sameEvents(t testing.TB, got, want []core.Event) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 || reflect.DeepEqual(got, want) {
		return
	}
	t.Fatalf("other events (-want +got):\n%s", cmp.Diff(want, got))
}

// conflict appends, which must be refused for the head, and returns why.
func conflict(t testing.TB, s core.Log, room string, head core.Head, b core.Batch) *core.Conflict {
	t.Helper()
	err := s.Append(t.Context(), room, head, b)
	var c *core.Conflict
	if !errors.As(err, &c) {
		t.Fatalf("append to %s after %+v: got %v, want a conflict", room, head, err)
	}
	return c
}

// noError fails the test for an error.
func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
