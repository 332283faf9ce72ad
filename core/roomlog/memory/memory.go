// Package memory keeps rooms in memory, for tests: what it holds ends with the
// process. It behaves like the other logs in everything else. Events and
// snapshots are kept encoded, so callers share nothing with it.
package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog"
)

// Log is a core.Log and core.Keeper in memory. It is safe for use by several
// goroutines, never blocks and starts no goroutine, so it works in a
// testing/synctest bubble. Its own errors of availability come only from a
// context that has ended; Faulty makes others.
type Log struct {
	mu    sync.Mutex
	rooms map[string]*room
	// followers are told what is appended, by room; leases are those of
	// gateways, until when. See Gateway.
	followers map[string][]*following
	leases    map[string]time.Time
}

type room struct {
	// entries are what is kept, those after head number base.
	entries []entry
	base    core.Head
	// archived is the last event that an archive has.
	archived core.Head
	at       int64
	members  int
	// emptySince is when the last member left, while there are none.
	emptySince int64
	// snapshot is encoded, nil if there is none; it was taken at snapshotAt.
	snapshot   []byte
	snapshotAt uint64
	secrets    map[string]core.Secret
}

// entry is an event and, for comparing heads, what names it.
type entry struct {
	head core.Head
	data []byte
}

// New returns an empty log.
func New() *Log {
	return &Log{rooms: map[string]*room{}, followers: map[string][]*following{}, leases: map[string]time.Time{}}
}

// Append implements core.Log.
func (l *Log) Append(ctx context.Context, id string, head core.Head, b core.Batch) error {
	_, err := l.append(ctx, "", id, head, b, nil)
	return err
}

// Place implements core.Placer.
func (l *Log) Place(ctx context.Context, id string, head core.Head, b core.Batch, past []string) ([]core.Event, error) {
	return l.append(ctx, "", id, head, b, past)
}

func (l *Log) append(ctx context.Context, by, id string, head core.Head, b core.Batch, past []string) ([]core.Event, error) {
	a, err := roomlog.Prepare(id, head, b)
	if err != nil {
		return nil, err
	}
	if err := alive(ctx); err != nil {
		return nil, err
	}
	before, followers, err := l.commit(a, b, past)
	if err != nil {
		return nil, err
	}
	for _, f := range followers {
		if f.gateway != by {
			f.to.Appended(b.Follow(before))
		}
	}
	return before, nil
}

// commit appends under the lock. It returns what came in between, and who is to
// be told.
func (l *Log) commit(a *roomlog.Append, b core.Batch, past []string) ([]core.Event, []*following, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rooms[a.Room]
	var before []core.Event
	switch {
	case r == nil && !a.Creates():
		return nil, nil, &core.Conflict{}
	case r == nil:
		r = &room{secrets: map[string]core.Secret{}, members: -1}
		l.rooms[a.Room] = r
	case r.head() != a.Head:
		refused := r.conflict(a.Head)
		conflict, ok := errors.AsType[*core.Conflict](refused)
		if !ok || len(conflict.Missed) == 0 || !b.Passes(conflict.Missed, past) {
			return nil, nil, refused
		}
		before = conflict.Missed
		members := max(0, r.members+a.Change)
		placed := b
		placed.Events, placed.Members = b.Follow(before), members
		var err error
		if a, err = roomlog.Prepare(a.Room, r.head(), placed); err != nil {
			return nil, nil, err
		}
		b = placed
	}
	entries := make([]entry, len(b.Events))
	for i, e := range b.Events {
		entries[i] = entry{head: core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID}, data: a.Events[i]}
	}
	r.add(a, entries)
	return before, slices.Clone(l.followers[a.Room]), nil
}

func (r *room) add(a *roomlog.Append, entries []entry) {
	r.entries = append(r.entries, entries...)
	r.at = max(r.at, a.At)
	if a.Members == 0 && r.members != 0 {
		r.emptySince = r.at
	}
	r.members = a.Members
	for _, member := range a.Forget {
		maps.DeleteFunc(r.secrets, func(_ string, s core.Secret) bool { return s.Member == member })
	}
	for _, s := range a.Secrets {
		r.secrets[s.Name] = s
	}
}

func (r *room) head() core.Head {
	if len(r.entries) == 0 {
		return r.base
	}
	return r.entries[len(r.entries)-1].head
}

// index is where among the entries the one after a number is.
func (r *room) index(after uint64) int {
	if after <= r.base.Number {
		return 0
	}
	return int(min(after-r.base.Number, uint64(len(r.entries))))
}

// has says whether a head is part of the room's history, as far as that is kept.
func (r *room) has(h core.Head) bool {
	if h.Number <= r.base.Number || h.Number > r.head().Number {
		return h == r.base
	}
	return r.entries[r.index(h.Number)-1].head == h
}

func (r *room) conflict(named core.Head) error {
	if !r.has(named) || r.head().Number-named.Number > roomlog.MaxMissed {
		return &core.Conflict{}
	}
	missed, err := decode(r.entries[r.index(named.Number):])
	if err != nil {
		return err
	}
	return &core.Conflict{Missed: missed}
}

// Load implements core.Log.
func (l *Log) Load(ctx context.Context, id string, recent int) (core.Stored, error) {
	if err := alive(ctx); err != nil {
		return core.Stored{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rooms[id]
	if r == nil {
		return core.Stored{}, core.ErrNoRoom
	}
	from := min(r.index(r.snapshotAt), len(r.entries)-max(0, recent))
	events, err := decode(r.entries[max(0, from):])
	if err != nil || r.snapshot == nil {
		return core.Stored{Events: events}, err
	}
	snapshot, err := core.DecodeRoom(r.snapshot)
	return core.Stored{Room: snapshot, Events: events}, err
}

// Read implements core.Log.
func (l *Log) Read(ctx context.Context, id string, after uint64, limit int) ([]core.Event, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rooms[id]
	if r == nil || limit <= 0 || after >= r.head().Number {
		return nil, nil
	}
	rest := r.entries[r.index(after):]
	return decode(rest[:min(limit, len(rest))])
}

// Secret implements core.Log.
func (l *Log) Secret(ctx context.Context, id, name string) (*core.Secret, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rooms[id]
	if r == nil {
		return nil, nil
	}
	s, ok := r.secrets[name]
	if !ok {
		return nil, nil
	}
	s.Value = append([]byte{}, s.Value...)
	return &s, nil
}

// SaveSnapshot implements core.Log.
func (l *Log) SaveSnapshot(ctx context.Context, snapshot *core.Room) error {
	data, err := core.EncodeRoom(snapshot)
	if err != nil {
		return err
	}
	if err := alive(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rooms[snapshot.ID]
	switch {
	case r == nil:
		return core.ErrNoRoom
	case !snapshot.Exists() || !r.has(snapshot.LogHead()):
		return fmt.Errorf("memory: the snapshot of room %q at %d is not of its history", snapshot.ID, snapshot.Number)
	case snapshot.Number >= r.snapshotAt:
		r.snapshot, r.snapshotAt = data, snapshot.Number
	}
	return nil
}

func decode(entries []entry) ([]core.Event, error) {
	events := make([]core.Event, len(entries))
	for i, e := range entries {
		var err error
		if events[i], err = core.DecodeEvent(e.data); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// alive refuses what is asked for under a context that has ended.
func alive(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", core.ErrUnavailable, context.Cause(ctx))
	}
	return nil
}
