package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog"
)

// Load implements core.Log. Snapshot and events are of the same moment.
func (l *Log) Load(ctx context.Context, room string, recent int) (stored core.Stored, err error) {
	err = l.read(ctx, func(tx *sql.Tx) error {
		var key, number, from int64
		var snapshot sql.NullString
		row := tx.QueryRowContext(ctx, `
			SELECT rooms.key, rooms.number, coalesce(snapshots.number, 0), snapshots.snapshot
			FROM rooms LEFT JOIN snapshots ON snapshots.room = rooms.key WHERE rooms.id = ?`, room)
		if err := row.Scan(&key, &number, &from, &snapshot); errors.Is(err, sql.ErrNoRows) {
			return core.ErrNoRoom
		} else if err != nil {
			return err
		}
		if snapshot.Valid {
			if stored.Room, err = core.DecodeRoom([]byte(snapshot.String)); err != nil {
				return err
			}
		}
		from = max(0, min(from, number-int64(max(0, recent))))
		stored.Events, err = events(tx.QueryContext(ctx, `SELECT event FROM log WHERE room = ? AND number > ? ORDER BY number`, key, from))
		return err
	})
	if err != nil {
		return core.Stored{}, err
	}
	return stored, nil
}

// Read implements core.Log.
func (l *Log) Read(ctx context.Context, room string, after uint64, limit int) (read []core.Event, err error) {
	if after >= math.MaxInt64 || limit <= 0 {
		return nil, nil
	}
	err = l.read(ctx, func(tx *sql.Tx) error {
		read, err = events(tx.QueryContext(ctx, readEvents, room, int64(after), limit))
		return err
	})
	return read, err
}

const readEvents = `
	SELECT event FROM log WHERE room = (SELECT key FROM rooms WHERE id = ?) AND number > ?
	ORDER BY number LIMIT ?`

// missed returns the events after a head, or nil if the log does not have it or
// has too many.
func (l *Log) missed(ctx context.Context, room string, head core.Head) (missed []core.Event, err error) {
	if head.Number >= math.MaxInt64 || head.Number == 0 && head != (core.Head{}) {
		return nil, nil
	}
	err = l.read(ctx, func(tx *sql.Tx) error {
		if head.Number > 0 {
			named, err := events(tx.QueryContext(ctx, readEvents, room, int64(head.Number)-1, 1))
			if err != nil || len(named) == 0 {
				return err
			}
			if e := named[0]; e.ID != head.ID || e.Number != head.Number || e.Epoch != head.Epoch {
				return nil
			}
		}
		missed, err = events(tx.QueryContext(ctx, readEvents, room, int64(head.Number), roomlog.MaxMissed+1))
		if len(missed) > roomlog.MaxMissed {
			missed = nil
		}
		return err
	})
	return missed, err
}

// Secret implements core.Log.
func (l *Log) Secret(ctx context.Context, room, name string) (secret *core.Secret, err error) {
	err = l.read(ctx, func(tx *sql.Tx) error {
		s := core.Secret{Name: name}
		err := tx.QueryRowContext(ctx, `
			SELECT member, value FROM secrets WHERE room = (SELECT key FROM rooms WHERE id = ?) AND name = ?`,
			room, name).Scan(&s.Member, &s.Value)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if s.Value == nil {
			s.Value = []byte{} // the driver's empty value
		}
		secret = &s
		return err
	})
	if err != nil {
		return nil, err
	}
	return secret, nil
}

// read runs a function in a transaction that sees one moment. Its errors are
// core.ErrNoRoom or ErrUnavailable. After an error the connection is not used
// again.
func (l *Log) read(ctx context.Context, f func(*sql.Tx) error) error {
	conn, err := l.readers.Conn(ctx)
	if err != nil {
		return unreadable(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		err = f(tx)
		_ = tx.Rollback()
	}
	if err == nil || errors.Is(err, core.ErrNoRoom) {
		return err
	}
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	return unreadable(ctx, err)
}

func unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return unavailable(err)
}

// events reads all rows of a query for events.
func events(rows *sql.Rows, err error) ([]core.Event, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []core.Event
	var data sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		e, err := core.DecodeEvent(data)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}
