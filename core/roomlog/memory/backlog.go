package memory

import (
	"cmp"
	"context"
	"slices"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog"
)

// Unarchived implements core.Backlog, in the order of ids.
func (l *Log) Unarchived(ctx context.Context, after string, limit int) ([]core.Unarchived, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []core.Unarchived
	for id, r := range l.rooms {
		if id > after && r.head().ID != r.archived.ID {
			list = append(list, core.Unarchived{Room: id, Number: r.archived.Number, ID: r.archived.ID, Head: r.head()})
		}
	}
	slices.SortFunc(list, func(a, b core.Unarchived) int { return cmp.Compare(a.Room, b.Room) })
	return list[:min(len(list), max(0, limit))], nil
}

// Archived implements core.Backlog.
func (l *Log) Archived(ctx context.Context, id string, head core.Head) error {
	if err := alive(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rooms[id]
	if r == nil || head.Number == 0 || !r.has(head) {
		return nil
	}
	r.archived = head
	upto := min(head.Number, r.snapshotAt, r.head().Number-min(r.head().Number, roomlog.KeepEvents))
	if n := r.index(upto); n > 0 {
		r.base = r.entries[n-1].head
		r.entries = slices.Clone(r.entries[n:])
	}
	return nil
}

// ExpireArchived implements core.Backlog.
func (l *Log) ExpireArchived(ctx context.Context, before int64, limit int) (int, error) {
	return l.expire(ctx, before, limit, func(r *room) bool { return r.head().ID == r.archived.ID })
}

// Restore implements core.Backlog.
func (l *Log) Restore(ctx context.Context, r *core.Room, empty int64) error {
	data, err := core.EncodeRoom(r)
	if err != nil {
		return err
	}
	if err := alive(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rooms[r.ID] != nil {
		return &core.Conflict{}
	}
	l.rooms[r.ID] = &room{
		base: r.LogHead(), archived: r.LogHead(), at: r.At, members: len(r.Members()), emptySince: empty,
		snapshot: data, snapshotAt: r.Number, secrets: map[string]core.Secret{},
	}
	return nil
}
