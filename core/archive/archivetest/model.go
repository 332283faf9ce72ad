package archivetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tandem.watch/tandem/core"
)

// Closer is implemented by a Store that holds resources.
type Closer interface {
	Close(ctx context.Context) error
}

// testModel feeds logs that fork to an archive, in pieces that repeat, overlap
// and come late, and compares it with a model that knows all events.
func testModel(t *testing.T, open func(t *testing.T) Store) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: t, store: open(t), rooms: map[string]*modelRoom{}}
		defer func() {
			if c, ok := m.store.(Closer); ok {
				_ = c.Close(context.Background())
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.append, "feed": m.feed, "again": m.feed, "fork": m.fork, "forget": m.forget, "delete": m.delete, "": m.check,
		})
	})
}

type model struct {
	t     *testing.T
	store Store
	rooms map[string]*modelRoom
}

// modelRoom is a room with all histories that it ever had: the last one is what
// the log holds.
type modelRoom struct {
	id        string
	histories [][]core.Event
	fed       map[core.EventID]core.Event
	forgot    []string // "" is the room
}

func (m *model) room(t *rapid.T) *modelRoom {
	id := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "room")
	if m.rooms[id] == nil {
		m.rooms[id] = &modelRoom{id: id, histories: [][]core.Event{nil}, fed: map[core.EventID]core.Event{}}
	}
	return m.rooms[id]
}

func (r *modelRoom) log() []core.Event { return r.histories[len(r.histories)-1] }

func (m *model) append(t *rapid.T) {
	r := m.room(t)
	var bodies []core.Body
	if len(r.log()) == 0 {
		bodies = append(bodies, core.Created{Room: r.id})
	}
	for range rapid.IntRange(1, 4).Draw(t, "events") {
		member := rapid.SampledFrom([]string{"m_1", "m_2"}).Draw(t, "member")
		bodies = append(bodies, core.Said{Member: member, Name: "N " + member, Text: rapid.String().Draw(t, "text")})
	}
	var head core.Head
	if l := r.log(); len(l) > 0 {
		head = HeadOf(l[len(l)-1])
	}
	r.histories[len(r.histories)-1] = append(slices.Clone(r.log()), History(head, bodies...)...)
}

func (m *model) fork(t *rapid.T) {
	r := m.room(t)
	if len(r.log()) < 2 {
		t.Skip("too short")
	}
	n := rapid.IntRange(1, len(r.log())).Draw(t, "at")
	epoch := r.log()[len(r.log())-1].Epoch + uint64(rapid.IntRange(1, 3).Draw(t, "by"))
	events := slices.Concat(r.log()[:n], branch(r.log(), n, epoch, rapid.IntRange(1, 3).Draw(t, "events")))
	r.histories = append(r.histories, events)
}

// feed stores a part of any history, as a slow gateway might.
func (m *model) feed(t *rapid.T) {
	var pieces []core.Piece
	for range rapid.IntRange(1, 3).Draw(t, "pieces") {
		r := m.room(t)
		h := r.histories[rapid.IntRange(0, len(r.histories)-1).Draw(t, "history")]
		if len(h) == 0 {
			continue
		}
		from := rapid.IntRange(0, len(h)-1).Draw(t, "from")
		to := rapid.IntRange(from+1, len(h)).Draw(t, "to")
		p := core.Piece{Room: r.id, Events: h[from:to]}
		if rapid.Bool().Draw(t, "snapshot") {
			state := core.NewRoom(r.id)
			for _, e := range h[:to] {
				if err := state.Apply(e); err != nil {
					t.Fatal(err)
				}
			}
			p.Snapshot = state
		}
		for _, e := range p.Events {
			if _, known := r.fed[e.ID]; !known {
				if slices.Contains(r.forgot, "") {
					e = core.ForgetMember(e, "")
				}
				r.fed[e.ID] = e
			}
		}
		pieces = append(pieces, p)
	}
	if err := m.store.Store(m.t.Context(), pieces); err != nil {
		t.Fatal(err)
	}
}

func (m *model) forget(t *rapid.T) {
	r := m.room(t)
	member := rapid.SampledFrom([]string{"m_1", "m_2", ""}).Draw(t, "member")
	err := m.store.Forget(m.t.Context(), r.id, member)
	if len(r.fed) == 0 {
		if !errors.Is(err, core.ErrNoRoom) {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	r.forgot = append(r.forgot, member)
	for id, e := range r.fed {
		r.fed[id] = core.ForgetMember(e, member)
	}
}

func (m *model) delete(t *rapid.T) {
	r := m.room(t)
	if rapid.IntRange(0, 3).Draw(t, "seldom") != 0 {
		t.Skip("not now")
	}
	if err := m.store.Delete(m.t.Context(), r.id); err != nil {
		t.Fatal(err)
	}
	delete(m.rooms, r.id)
}

// history is what is not superseded of all that was fed.
func (r *modelRoom) history() []core.Event {
	var all []core.Event
	for _, e := range r.fed {
		current := true
		for _, o := range r.fed {
			current = current && (o.Epoch <= e.Epoch || o.Number > e.Number)
		}
		if current {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b core.Event) int { return int(a.Number) - int(b.Number) })
	return all
}

// check is done after every step.
func (m *model) check(t *rapid.T) {
	for id, r := range m.rooms {
		want := r.history()
		got, err := m.store.Read(m.t.Context(), id, 0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "history of "+id, want, got)
		head, err := m.store.Head(m.t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var wantHead core.Head
		if len(want) > 0 {
			wantHead = HeadOf(want[len(want)-1])
		}
		same(t, "head of "+id, wantHead, head)
		stored, err := m.store.Load(m.t.Context(), id)
		if len(want) == 0 || slices.Contains(r.forgot, "") {
			if !errors.Is(err, core.ErrNoRoom) {
				t.Fatalf("load: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		after := uint64(0)
		if stored.Room != nil {
			after = stored.Room.Number
			if i := slices.IndexFunc(want, func(e core.Event) bool { return e.ID == stored.Room.Head }); i < 0 {
				t.Fatalf("%s: the snapshot at %d is not of its history", id, after)
			}
		}
		want = slices.DeleteFunc(want, func(e core.Event) bool { return e.Number <= after })
		same(t, "events after the snapshot of "+id, want, stored.Events)
	}
}

func same[T any](t *rapid.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" && fmt.Sprint(want) != fmt.Sprint(got) {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}
