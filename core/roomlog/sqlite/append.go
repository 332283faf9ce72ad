package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog"
)

// Append implements core.Log. It returns when the events are on the disk. A
// context that ends before the writer has begun with the append withdraws it
// (ErrUnavailable), one that ends later leaves it open (ErrUnknown).
func (l *Log) Append(ctx context.Context, room string, head core.Head, b core.Batch) error {
	a, err := roomlog.Prepare(room, head, b)
	if err != nil {
		return err
	}
	w := write{Append: a, head: hex(a.Next.ID), after: hex(head.ID), events: make([]string, len(a.Events))}
	size := 0
	for i, e := range a.Events {
		w.events[i] = string(e)
		size += len(e)
	}
	err = l.writer.do(ctx, size, w.run)
	if errors.Is(err, errMoved) {
		return l.conflict(ctx, room, head)
	}
	return err
}

// write is an append in the form in which it is stored.
type write struct {
	*roomlog.Append
	head, after string
	events      []string
}

// run compares the head and sets it in one statement, then adds the rest.
func (w *write) run(s *session) error {
	key, err := w.advance(s)
	if errors.Is(err, sql.ErrNoRows) {
		return &refusal{errMoved}
	}
	if err != nil {
		return err
	}
	for i, event := range w.events {
		if err := exec(s.insert, key, int64(w.First)+int64(i), event); err != nil {
			return err
		}
	}
	for _, member := range w.Forget {
		if err := exec(s.forgetMember, key, member); err != nil {
			return err
		}
	}
	for _, secret := range w.Secrets {
		if err := exec(s.saveSecret, key, secret.Name, secret.Member, secret.Value); err != nil {
			return err
		}
	}
	return nil
}

func (w *write) advance(s *session) (key int64, err error) {
	next := w.Next
	if w.Creates() {
		return queryKey(s.create, w.Room, int64(next.Epoch), int64(next.Number), w.head, w.At, w.Members)
	}
	return queryKey(s.advance, w.Room, int64(next.Epoch), int64(next.Number), w.head, w.At, w.Members,
		int64(w.Head.Epoch), int64(w.Head.Number), w.after)
}

// conflict says what an append has missed. It reads that beside the writer, so
// there may be more of it than made the append fail.
func (l *Log) conflict(ctx context.Context, room string, head core.Head) error {
	missed, err := l.missed(ctx, room, head)
	if err != nil {
		return err
	}
	return &core.Conflict{Missed: missed}
}

// SaveSnapshot implements core.Log. A snapshot older than the one that is kept
// changes nothing. One of another history is refused.
func (l *Log) SaveSnapshot(ctx context.Context, r *core.Room) error {
	data, err := core.EncodeRoom(r)
	if err != nil {
		return err
	}
	id, head, text := r.ID, r.LogHead(), string(data)
	if head.Number == 0 || head.Number > math.MaxInt64 {
		return fmt.Errorf("sqlite: a snapshot of room %q at number %d", id, head.Number)
	}
	return l.writer.do(ctx, len(data), func(s *session) error {
		var key int64
		var event sql.NullString
		err := s.findEvent.QueryRowContext(context.Background(), id, int64(head.Number)).Scan(&key, &event)
		if errors.Is(err, sql.ErrNoRows) {
			return &refusal{core.ErrNoRoom}
		}
		if err != nil {
			return err
		}
		if !event.Valid || !isEvent(event.String, head) {
			return &refusal{fmt.Errorf("sqlite: the snapshot of room %q at %d is not of its history", id, head.Number)}
		}
		return exec(s.saveSnapshot, key, int64(head.Number), text)
	})
}

// isEvent says whether a stored event is the one that a head names.
func isEvent(event string, head core.Head) bool {
	e, err := core.DecodeEvent([]byte(event))
	return err == nil && e.Epoch == head.Epoch && e.Number == head.Number && e.ID == head.ID
}

func hex(id core.EventID) string {
	text, _ := id.MarshalText() // never fails
	return string(text)
}
