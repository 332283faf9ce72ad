package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/archive"
)

// Store implements core.Archive, in one transaction.
func (a *Archive) Store(ctx context.Context, pieces []core.Piece) error {
	encoded := make([][]archive.Row, len(pieces))
	for i, p := range pieces {
		var err error
		if encoded[i], err = archive.Encode(p, false); err != nil {
			return err // the caller's mistake, before anything is written
		}
	}
	tx, err := a.writer.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(ctx, err)
	}
	defer func() { _ = tx.Rollback() }()
	for i, p := range pieces {
		if err := store(ctx, tx, p, encoded[i]); err != nil {
			return unavailable(ctx, err)
		}
	}
	return unavailable(ctx, tx.Commit())
}

func store(ctx context.Context, tx *sql.Tx, p core.Piece, rows []archive.Row) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO archive_rooms (id) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM archive_rooms WHERE id = ?1)`, p.Room); err != nil {
		return err
	}
	var key, created, at int64
	var forgotten bool
	var head archive.Row
	err := tx.QueryRowContext(ctx, `SELECT key, epoch, number, head, created, at, forgotten FROM archive_rooms WHERE id = ?`, p.Room).
		Scan(&key, &head.Epoch, &head.Number, &head.ID, &created, &at, &forgotten)
	if err != nil {
		return err
	}
	if forgotten {
		if rows, err = archive.Encode(p, true); err != nil {
			return err
		}
	}
	if len(rows) > 0 {
		now, err := archive.HeadOf(&head)
		if err != nil {
			return err
		}
		if archive.Follows(p, now) {
			head = rows[len(rows)-1]
		} else if rows, err = settle(ctx, tx, key, rows, &head); err != nil {
			return err
		}
		if err := insert(ctx, tx, key, rows); err != nil {
			return err
		}
		for i, e := range p.Events {
			at = max(at, e.At)
			if created == 0 || i == 0 && e.Number == 1 {
				created = e.At
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE archive_rooms SET epoch = ?, number = ?, head = ?, created = ?, at = ? WHERE key = ?`,
			head.Epoch, head.Number, head.ID, created, at, key); err != nil {
			return err
		}
	}
	if p.Snapshot == nil || forgotten {
		return nil
	}
	data, err := core.EncodeRoom(p.Snapshot)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO archive_snapshots (room, number, id, snapshot) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (room) DO UPDATE SET number = excluded.number, id = excluded.id, snapshot = excluded.snapshot
		WHERE excluded.number >= number OR NOT EXISTS (
			SELECT 1 FROM archive_events e WHERE e.room = ?1 AND e.number = archive_snapshots.number AND e.id = archive_snapshots.id AND superseded = 0)`,
		key, int64(p.Snapshot.Number), archive.Hex(p.Snapshot.Head), string(data))
	return err
}

// settle finds out which of incoming, consecutive rows are new, marks what they
// supersede, and sets where the history stands.
func settle(ctx context.Context, tx *sql.Tx, key int64, incoming []archive.Row, head *archive.Row) ([]archive.Row, error) {
	from := incoming[0].Number
	var before int64
	err := tx.QueryRowContext(ctx, `SELECT coalesce(max(epoch), 0) FROM archive_events WHERE room = ? AND number < ?`, key, from).Scan(&before)
	if err != nil {
		return nil, err
	}
	found, err := tx.QueryContext(ctx, `SELECT number, epoch, id, superseded FROM archive_events WHERE room = ? AND number >= ?`, key, from)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	var existing []archive.Row
	for found.Next() {
		var r archive.Row
		if err := found.Scan(&r.Number, &r.Epoch, &r.ID, &r.Superseded); err != nil {
			return nil, err
		}
		existing = append(existing, r)
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	added, superseded, newest := archive.Settle(before, existing, incoming)
	for _, r := range superseded {
		if _, err := tx.ExecContext(ctx, `UPDATE archive_events SET superseded = 1 WHERE room = ? AND number = ? AND id = ?`, key, r.Number, r.ID); err != nil {
			return nil, err
		}
	}
	if newest != nil {
		*head = *newest
	}
	return added, nil
}

func insert(ctx context.Context, tx *sql.Tx, key int64, rows []archive.Row) error {
	stmt, err := tx.PrepareContext(ctx, `
		INSERT INTO archive_events (room, number, id, epoch, type, superseded, event) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for _, r := range rows {
		if _, err := stmt.ExecContext(ctx, key, r.Number, r.ID, r.Epoch, r.Type, r.Superseded, string(r.JSON)); err != nil {
			return err
		}
	}
	return nil
}

// Head implements core.Archive.
func (a *Archive) Head(ctx context.Context, room string) (core.Head, error) {
	var r archive.Row
	err := a.readers.QueryRowContext(ctx, `SELECT epoch, number, head FROM archive_rooms WHERE id = ?`, room).Scan(&r.Epoch, &r.Number, &r.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return core.Head{}, nil
	}
	if err != nil {
		return core.Head{}, unavailable(ctx, err)
	}
	return archive.HeadOf(&r)
}

// Load implements core.Archive. Snapshot and events are of the same moment.
func (a *Archive) Load(ctx context.Context, room string) (stored core.Stored, err error) {
	tx, err := a.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return stored, unavailable(ctx, err)
	}
	defer func() { _ = tx.Rollback() }()
	var key, from int64
	var snapshot sql.NullString
	row := tx.QueryRowContext(ctx, `
		SELECT r.key, coalesce(s.number, 0), s.snapshot FROM archive_rooms r
		LEFT JOIN archive_snapshots s ON s.room = r.key AND EXISTS (
			SELECT 1 FROM archive_events e WHERE e.room = s.room AND e.number = s.number AND e.id = s.id AND e.superseded = 0)
		WHERE r.id = ? AND NOT r.forgotten AND r.number > 0`, room)
	if err := row.Scan(&key, &from, &snapshot); errors.Is(err, sql.ErrNoRows) {
		return stored, core.ErrNoRoom
	} else if err != nil {
		return stored, unavailable(ctx, err)
	}
	if snapshot.Valid {
		if stored.Room, err = core.DecodeRoom([]byte(snapshot.String)); err != nil {
			return core.Stored{}, err
		}
	}
	list, err := texts(tx.QueryContext(ctx, `
		SELECT event FROM archive_events WHERE room = ? AND number > ? AND superseded = 0 ORDER BY number`, key, from))
	if err != nil {
		return core.Stored{}, unavailable(ctx, err)
	}
	stored.Events, err = archive.Decode(list)
	return stored, err
}

// Read implements core.Archive.
func (a *Archive) Read(ctx context.Context, room string, after uint64, limit int) ([]core.Event, error) {
	if int64(after) < 0 || limit <= 0 {
		return nil, nil
	}
	list, err := texts(a.readers.QueryContext(ctx, `
		SELECT event FROM archive_events WHERE room = (SELECT key FROM archive_rooms WHERE id = ?) AND number > ? AND superseded = 0
		ORDER BY number LIMIT ?`, room, int64(after), min(limit, archive.MaxRead)))
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return archive.Decode(list)
}

func texts(rows *sql.Rows, err error) ([][]byte, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list [][]byte
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, rows.Err()
}
