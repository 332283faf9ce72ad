package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// Bounds of a transaction that deletes, so that appends do not wait long for it.
const (
	expireRooms  = 50
	expireEvents = 1000
	// vacuumPages is how many free pages (4 MiB) one Expire gives back to the
	// file system, if more than that are free.
	vacuumPages = 1024
)

// Occupied implements core.Keeper.
func (l *Log) Occupied(ctx context.Context) (rooms []string, err error) {
	err = l.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id FROM rooms WHERE members > 0 ORDER BY id`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			rooms = append(rooms, id)
		}
		return rows.Err()
	})
	return rooms, err
}

// LatestTime implements core.Keeper.
func (l *Log) LatestTime(ctx context.Context) (at int64, err error) {
	err = l.read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT coalesce(max(at), 0) FROM rooms`).Scan(&at)
	})
	return at, err
}

// Expire implements core.Keeper. The rooms that have been empty longest go
// first. It works in small transactions among the appends: a room is gone with
// the first, its events follow. When that is interrupted, by an error or the
// end of the process, the next Expire goes on with it.
func (l *Log) Expire(ctx context.Context, before int64, limit int) (int, error) {
	return l.expire(ctx, limit, func(s *session, most int) (int, error) { return s.forgetRooms(s.findEmpty, before, most) })
}

func (l *Log) expire(ctx context.Context, limit int, forget func(s *session, most int) (int, error)) (expired int, err error) {
	for expired < limit {
		var n int
		most := min(limit-expired, expireRooms)
		err := l.writer.do(ctx, 0, func(s *session) (err error) {
			n, err = forget(s, most)
			return err
		})
		if err != nil {
			return expired, err
		}
		expired += n
		if n < most {
			break
		}
	}
	for more := true; more; {
		err := l.writer.do(ctx, 0, func(s *session) (err error) {
			more, err = s.deleteRest()
			return err
		})
		if err != nil {
			return expired, err
		}
	}
	return expired, l.writer.do(ctx, 0, (*session).vacuum)
}

// forgetRooms makes rooms unknown and leaves their events to deleteRest.
func (s *session) forgetRooms(find *sql.Stmt, before int64, most int) (int, error) {
	keys, err := queryKeys(find, before, most)
	if err != nil {
		return 0, err
	}
	for _, key := range keys {
		for _, stmt := range []*sql.Stmt{s.noteForgotten, s.deleteSecrets, s.deleteSnapshot, s.deleteRoom} {
			if err := exec(stmt, key); err != nil {
				return 0, err
			}
		}
	}
	return len(keys), nil
}

// deleteRest deletes some events of forgotten rooms, and returns whether there
// are more.
func (s *session) deleteRest() (more bool, err error) {
	for budget := int64(expireEvents); budget > 0; {
		key, err := queryKey(s.findForgotten)
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		result, err := s.deleteEvents.ExecContext(context.Background(), key, budget)
		if err != nil {
			return false, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return false, err
		}
		if n < budget {
			if err := exec(s.deleteForgotten, key); err != nil {
				return false, err
			}
		}
		budget -= n + 1
	}
	return true, nil
}

// vacuum gives some free pages back.
func (s *session) vacuum() error {
	var free int
	if err := s.conn.QueryRowContext(context.Background(), `PRAGMA freelist_count`).Scan(&free); err != nil || free <= vacuumPages {
		return err
	}
	_, err := s.conn.ExecContext(context.Background(), `PRAGMA incremental_vacuum(1024)`)
	return err
}

func queryKeys(stmt *sql.Stmt, args ...any) (keys []int64, err error) {
	rows, err := stmt.QueryContext(context.Background(), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key int64
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}
