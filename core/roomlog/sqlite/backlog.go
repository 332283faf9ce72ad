package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog"
)

// Unarchived implements core.Backlog, in the order of ids.
func (l *Log) Unarchived(ctx context.Context, after string, limit int) (list []core.Unarchived, err error) {
	err = l.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT id, archived, archived_head, epoch, number, head FROM rooms
			WHERE archived_head <> head AND id > ? ORDER BY id LIMIT ?`, after, limit)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var u core.Unarchived
			var id, head string
			if err := rows.Scan(&u.Room, &u.Number, &id, &u.Head.Epoch, &u.Head.Number, &head); err != nil {
				return err
			}
			if err := errors.Join(u.ID.UnmarshalText([]byte(id)), u.Head.ID.UnmarshalText([]byte(head))); err != nil {
				return err
			}
			list = append(list, u)
		}
		return rows.Err()
	})
	return list, err
}

// Archived implements core.Backlog. It drops at most some events at once, so
// that appends do not wait for it.
func (l *Log) Archived(ctx context.Context, room string, head core.Head) error {
	if head.Number == 0 || head.Number > math.MaxInt64 {
		return nil
	}
	return l.writer.do(ctx, 0, func(s *session) error {
		var key int64
		var event sql.NullString
		err := s.findEvent.QueryRowContext(context.Background(), room, int64(head.Number)).Scan(&key, &event)
		if errors.Is(err, sql.ErrNoRows) || err == nil && (!event.Valid || !isEvent(event.String, head)) {
			return nil
		}
		if err != nil {
			return err
		}
		upto, err := queryKey(s.noteArchived, key, int64(head.Number), hex(head.ID), roomlog.KeepEvents)
		if err != nil || upto <= 0 {
			return err
		}
		return exec(s.trim, key, upto, expireEvents)
	})
}

// ExpireArchived implements core.Backlog.
func (l *Log) ExpireArchived(ctx context.Context, before int64, limit int) (int, error) {
	return l.expire(ctx, limit, func(s *session, most int) (int, error) { return s.forgetRooms(s.findArchived, before, most) })
}

// Restore implements core.Backlog.
func (l *Log) Restore(ctx context.Context, r *core.Room, empty int64) error {
	data, err := core.EncodeRoom(r)
	if err != nil {
		return err
	}
	id, head, at, members, text := r.ID, r.LogHead(), r.At, len(r.Members()), string(data)
	return l.writer.do(ctx, len(data), func(s *session) error {
		key, err := queryKey(s.restore, id, int64(head.Epoch), int64(head.Number), hex(head.ID), at, members, empty)
		if errors.Is(err, sql.ErrNoRows) {
			return &refusal{&core.Conflict{}}
		}
		if err != nil {
			return err
		}
		return exec(s.saveSnapshot, key, int64(head.Number), text)
	})
}
