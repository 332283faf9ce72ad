package logtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog"
)

// testModel does anything in any order to a store and to a simple model, and
// compares.
func testModel(t *testing.T, open func(t *testing.T) Store) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: t, store: open(t), rooms: map[string]*modelRoom{}}
		defer func() { m.close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"append":   m.append,
			"again":    m.append, // appends are most of what happens
			"conflict": m.conflict,
			"snapshot": m.snapshot,
			"load":     m.load,
			"read":     m.read,
			"secret":   m.secret,
			"expire":   m.expire,
			"reopen":   m.reopen,
			"":         m.check,
		})
	})
}

type model struct {
	t     *testing.T
	store Store
	rooms map[string]*modelRoom
	now   int64
}

type modelRoom struct {
	room
	snapshot   int
	members    int
	emptySince int64
	secrets    map[string]core.Secret
}

var (
	modelIDs     = rapid.SampledFrom([]string{"a", "b", "c"})
	modelMembers = rapid.SampledFrom([]string{"m_1", "m_2", ""})
	modelNames   = rapid.SampledFrom([]string{"pin", "seat 1", "seat 2", "seat 3"})
)

// room returns a drawn room, new if the model does not have it.
func (m *model) room(t *rapid.T) (r *modelRoom, exists bool) {
	id := modelIDs.Draw(t, "room")
	if r, exists = m.rooms[id]; exists {
		return r, true
	}
	return &modelRoom{room: room{id: id, at: epoch0}, secrets: map[string]core.Secret{}}, false
}

// draw returns a batch that follows a room.
func (m *model) draw(t *rapid.T, r *room, exists bool) core.Batch {
	var bodies []core.Body
	if !exists {
		bodies = append(bodies, core.Created{Room: r.id})
	}
	bodies = append(bodies, rapid.SliceOfN(rapid.Map(rapid.String(), say), 1, 4).Draw(t, "words")...)
	r.at = max(r.at, m.now)
	b := r.batch(rapid.IntRange(0, 2).Draw(t, "members"), bodies...)
	if rapid.Bool().Draw(t, "new epoch") {
		b.Events[len(b.Events)-1].Epoch += 3
	}
	b.Forget = rapid.SliceOfN(modelMembers, 0, 2).Draw(t, "forget")
	b.Secrets = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) core.Secret {
		return core.Secret{
			Name: modelNames.Draw(t, "name"), Member: modelMembers.Draw(t, "member"),
			Value: rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "value"),
		}
	}), 0, 2).Draw(t, "secrets")
	return b
}

func (m *model) append(t *rapid.T) {
	r, exists := m.room(t)
	b := m.draw(t, &r.room, exists)
	if err := m.store.Append(m.t.Context(), r.id, r.head, b); err != nil {
		t.Fatalf("append: %v", err)
	}
	before := r.members
	r.appended(b)
	if m.rooms[r.id] = r; b.Members == 0 && (before > 0 || !exists) {
		r.emptySince = r.at
	}
	r.members = b.Members
	m.now = max(m.now, r.at)
	for _, member := range b.Forget {
		maps.DeleteFunc(r.secrets, func(_ string, s core.Secret) bool { return s.Member == member })
	}
	for _, s := range b.Secrets {
		r.secrets[s.Name] = s
	}
}

func (m *model) conflict(t *rapid.T) {
	r, exists := m.room(t)
	x := room{id: r.id, at: r.at, head: core.Head{Epoch: 1, Number: 3, ID: 3}}
	var want []core.Event
	if exists {
		n := rapid.IntRange(max(0, len(r.events)-roomlog.MaxMissed), len(r.events)).Draw(t, "head")
		x.head = core.Head{}
		if n > 0 {
			x.head = core.Head{Epoch: r.events[n-1].Epoch, Number: uint64(n), ID: r.events[n-1].ID}
		}
		want = r.events[n:]
		switch change := rapid.IntRange(0, 3).Draw(t, "change"); {
		case change == 1 || n == len(r.events):
			x.head.ID++
			want = nil
		case change == 2:
			x.head.Epoch++
			want = nil
		case change == 3:
			x.head.Number += uint64(len(r.events)) + 1
			want = nil
		}
	}
	err := m.store.Append(m.t.Context(), r.id, x.head, m.draw(t, &x, true))
	var c *core.Conflict
	if !errors.As(err, &c) {
		t.Fatalf("append after %+v: got %v, want a conflict", x.head, err)
	}
	same(t, "missed", want, c.Missed)
}

func (m *model) snapshot(t *rapid.T) {
	r, exists := m.room(t)
	if !exists {
		t.Skip("no room")
	}
	n := rapid.IntRange(1, len(r.events)).Draw(t, "number")
	state, err := replay(r.id, r.events[:n])
	if err == nil {
		err = m.store.SaveSnapshot(m.t.Context(), state)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.snapshot = max(r.snapshot, n)
}

func (m *model) load(t *rapid.T) {
	r, exists := m.room(t)
	recent := rapid.IntRange(0, 20).Draw(t, "recent")
	stored, err := m.store.Load(m.t.Context(), r.id, recent)
	if !exists {
		if !errors.Is(err, core.ErrNoRoom) {
			t.Fatalf("got %v, want ErrNoRoom", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	snapshot := 0
	if stored.Room != nil {
		snapshot = int(stored.Room.Number)
	}
	same(t, "snapshot", r.snapshot, snapshot)
	same(t, "events", r.events[max(0, min(r.snapshot, len(r.events)-recent)):], stored.Events)
}

func (m *model) read(t *rapid.T) {
	r, _ := m.room(t)
	after, limit := rapid.IntRange(0, len(r.events)+1).Draw(t, "after"), rapid.IntRange(0, 30).Draw(t, "limit")
	got, err := m.store.Read(m.t.Context(), r.id, uint64(after), limit)
	if err != nil {
		t.Fatal(err)
	}
	from := min(after, len(r.events))
	same(t, "events", r.events[from:min(len(r.events), from+limit)], got)
}

func (m *model) secret(t *rapid.T) {
	r, _ := m.room(t)
	name := modelNames.Draw(t, "name")
	got, err := m.store.Secret(m.t.Context(), r.id, name)
	if err != nil {
		t.Fatal(err)
	}
	var want *core.Secret
	if s, ok := r.secrets[name]; ok {
		want = &s
	}
	same(t, "secret", want, got)
}

func (m *model) expire(t *rapid.T) {
	before := m.now - rapid.Int64Range(-1, 5).Draw(t, "seconds ago")*1_000_000
	limit := rapid.IntRange(0, 3).Draw(t, "limit")
	n, err := m.store.Expire(m.t.Context(), before, limit)
	if err != nil {
		t.Fatal(err)
	}
	var due []*modelRoom
	for _, r := range m.rooms {
		if r.members == 0 && r.emptySince < before {
			due = append(due, r)
		}
	}
	same(t, "expired", min(len(due), limit), n)
	// Which of several that became empty at the same time is the store's choice.
	var gone []int64
	for _, r := range due {
		if _, err := m.store.Load(m.t.Context(), r.id, 0); errors.Is(err, core.ErrNoRoom) {
			delete(m.rooms, r.id)
			gone = append(gone, r.emptySince)
		}
	}
	slices.Sort(gone)
	all := make([]int64, 0, len(due))
	for _, r := range due {
		all = append(all, r.emptySince)
	}
	slices.Sort(all)
	same(t, "the longest empty", all[:n], gone)
}

func (m *model) reopen(t *rapid.T) {
	reopener, ok := m.store.(Reopener)
	if !ok || rapid.IntRange(0, 3).Draw(t, "seldom") != 0 {
		t.Skip("in memory only, or not now")
	}
	m.store = reopener.Reopen(m.t)
}

// check is done after every step.
func (m *model) check(t *rapid.T) {
	var occupied []string
	var latest int64
	for _, id := range slices.Sorted(maps.Keys(m.rooms)) {
		r := m.rooms[id]
		from := max(0, len(r.events)-5) // read has the whole
		got, err := m.store.Read(m.t.Context(), id, uint64(from), len(r.events)+1)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "events of "+id, r.events[from:], got)
		latest = max(latest, r.at)
		if r.members > 0 {
			occupied = append(occupied, id)
		}
	}
	got, err := m.store.Occupied(m.t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	same(t, "occupied", occupied, got)
	at, err := m.store.LatestTime(m.t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "latest time", latest, at)
}

func (m *model) close() {
	if c, ok := m.store.(Closer); ok {
		if err := c.Close(context.Background()); err != nil {
			m.t.Error(err)
		}
	}
}

// same compares; nothing is nothing, nil or not.
func same[T any](t *rapid.T, what string, want, got T) {
	t.Helper()
	if !reflect.DeepEqual(want, got) && fmt.Sprint(want) != fmt.Sprint(got) {
		t.Fatalf("%s (-want +got):\n%s", what, cmp.Diff(want, got))
	}
}
