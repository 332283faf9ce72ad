package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/archive"
)

// room is a row of archive_rooms while it is written.
type room struct {
	key, created, at int64
	head             archive.Row
	forgotten        bool
}

// columns are rows to insert, a slice for each column.
type columns struct {
	room, number, epoch []int64
	id, kind, event     []string
	superseded          []bool
}

func (c *columns) add(key int64, rows []archive.Row) {
	for _, r := range rows {
		c.room, c.number, c.epoch = append(c.room, key), append(c.number, r.Number), append(c.epoch, r.Epoch)
		c.id, c.kind, c.event = append(c.id, r.ID), append(c.kind, r.Type), append(c.event, string(r.JSON))
		c.superseded = append(c.superseded, r.Superseded)
	}
}

// Store implements core.Archive, in one transaction of a few round trips. It
// locks the rooms in the order of their ids, so that two gateways do not wait
// for each other.
func (a *Archive) Store(ctx context.Context, pieces []core.Piece) error {
	var ids []string
	encoded := make([][]archive.Row, len(pieces))
	for i, p := range pieces {
		var err error
		if encoded[i], err = archive.Encode(p, false); err != nil {
			return err // the caller's mistake, before anything is written
		}
		ids = append(ids, p.Room)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil
	}
	return a.in(ctx, pgx.ReadWrite, func(tx pgx.Tx) error {
		rooms, err := lockRooms(ctx, tx, ids)
		if err != nil {
			return err
		}
		for i, p := range pieces {
			// Pieces of one room build on each other.
			if err := storePiece(ctx, tx, rooms[p.Room], p, encoded[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func lockRooms(ctx context.Context, tx pgx.Tx, ids []string) (map[string]*room, error) {
	if _, err := tx.Exec(ctx, `
		INSERT INTO archive_rooms (id) SELECT new FROM unnest($1::text[]) AS new
		WHERE NOT EXISTS (SELECT 1 FROM archive_rooms WHERE id = new) ON CONFLICT DO NOTHING`, ids); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT id, key, epoch, number, head, created, at, forgotten FROM archive_rooms WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	rooms := make(map[string]*room, len(ids))
	for rows.Next() {
		var id string
		var r room
		if err := rows.Scan(&id, &r.key, &r.head.Epoch, &r.head.Number, &r.head.ID, &r.created, &r.at, &r.forgotten); err != nil {
			return nil, err
		}
		rooms[id] = &r
	}
	return rooms, rows.Err()
}

func storePiece(ctx context.Context, tx pgx.Tx, r *room, p core.Piece, rows []archive.Row) (err error) {
	if r.forgotten {
		if rows, err = archive.Encode(p, true); err != nil {
			return err
		}
	}
	var b pgx.Batch
	if len(rows) > 0 {
		now, err := archive.HeadOf(&r.head)
		if err != nil {
			return err
		}
		if archive.Follows(p, now) {
			r.head = rows[len(rows)-1]
		} else if rows, err = settle(ctx, tx, r, rows); err != nil {
			return err
		}
		var c columns
		c.add(r.key, rows)
		b.Queue(`
			INSERT INTO archive_events (room, number, id, epoch, type, superseded, event)
			SELECT room, number, id, epoch, type, superseded, event::json
			FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::boolean[], $7::text[])
				AS e (room, number, id, epoch, type, superseded, event)
			ON CONFLICT DO NOTHING`, c.room, c.number, c.id, c.epoch, c.kind, c.superseded, c.event)
		for i, e := range p.Events {
			r.at = max(r.at, e.At)
			if r.created == 0 || i == 0 && e.Number == 1 {
				r.created = e.At
			}
		}
		b.Queue(`UPDATE archive_rooms SET epoch = $2, number = $3, head = $4, created = $5, at = $6 WHERE key = $1`,
			r.key, r.head.Epoch, r.head.Number, r.head.ID, r.created, r.at)
	}
	if p.Snapshot != nil && !r.forgotten {
		data, err := core.EncodeRoom(p.Snapshot)
		if err != nil {
			return err
		}
		b.Queue(`
			INSERT INTO archive_snapshots AS s (room, number, id, snapshot) VALUES ($1, $2, $3, $4)
			ON CONFLICT (room) DO UPDATE SET number = excluded.number, id = excluded.id, snapshot = excluded.snapshot
			WHERE excluded.number >= s.number OR NOT EXISTS (
				SELECT 1 FROM archive_events e WHERE e.room = $1 AND e.number = s.number AND e.id = s.id AND NOT superseded)`,
			r.key, int64(p.Snapshot.Number), archive.Hex(p.Snapshot.Head), string(data))
	}
	if b.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, &b).Close()
}

// settle finds out which of incoming, consecutive rows are new, marks what they
// supersede, and sets where the history stands.
func settle(ctx context.Context, tx pgx.Tx, r *room, incoming []archive.Row) ([]archive.Row, error) {
	from := incoming[0].Number
	var before int64
	err := tx.QueryRow(ctx, `SELECT coalesce(max(epoch), 0) FROM archive_events WHERE room = $1 AND number < $2`, r.key, from).Scan(&before)
	if err != nil {
		return nil, err
	}
	found, err := tx.Query(ctx, `SELECT number, epoch, id, superseded FROM archive_events WHERE room = $1 AND number >= $2`, r.key, from)
	if err != nil {
		return nil, err
	}
	existing, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (e archive.Row, err error) {
		err = row.Scan(&e.Number, &e.Epoch, &e.ID, &e.Superseded)
		return e, err
	})
	if err != nil {
		return nil, err
	}
	added, superseded, newest := archive.Settle(before, existing, incoming)
	var numbers []int64
	var ids []string
	for _, s := range superseded {
		numbers, ids = append(numbers, s.Number), append(ids, s.ID)
	}
	if len(ids) > 0 {
		_, err := tx.Exec(ctx, `
			UPDATE archive_events e SET superseded = true FROM unnest($2::bigint[], $3::text[]) AS s (number, id)
			WHERE e.room = $1 AND e.number = s.number AND e.id = s.id`, r.key, numbers, ids)
		if err != nil {
			return nil, err
		}
	}
	if newest != nil {
		r.head = *newest
	}
	return added, nil
}

// Head implements core.Archive.
func (a *Archive) Head(ctx context.Context, id string) (head core.Head, err error) {
	err = a.in(ctx, pgx.ReadOnly, func(tx pgx.Tx) error {
		var r archive.Row
		err := tx.QueryRow(ctx, `SELECT epoch, number, head FROM archive_rooms WHERE id = $1`, id).Scan(&r.Epoch, &r.Number, &r.ID)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			head, err = archive.HeadOf(&r)
		}
		return err
	})
	return head, err
}

// Load implements core.Archive. Snapshot and events are of the same moment.
func (a *Archive) Load(ctx context.Context, id string) (stored core.Stored, err error) {
	var snapshot []byte
	var list [][]byte
	err = a.in(ctx, pgx.ReadOnly, func(tx pgx.Tx) error {
		var key, from int64
		err := tx.QueryRow(ctx, `
			SELECT r.key, coalesce(s.number, 0), s.snapshot::text FROM archive_rooms r
			LEFT JOIN archive_snapshots s ON s.room = r.key AND EXISTS (
				SELECT 1 FROM archive_events e WHERE e.room = s.room AND e.number = s.number AND e.id = s.id AND NOT e.superseded)
			WHERE r.id = $1 AND NOT r.forgotten AND r.number > 0`, id).Scan(&key, &from, &snapshot)
		if errors.Is(err, pgx.ErrNoRows) {
			return core.ErrNoRoom
		}
		if err != nil {
			return err
		}
		list, err = texts(tx.Query(ctx, `
			SELECT event::text FROM archive_events WHERE room = $1 AND number > $2 AND NOT superseded ORDER BY number`, key, from))
		return err
	})
	if err == nil && snapshot != nil {
		stored.Room, err = core.DecodeRoom(snapshot)
	}
	if err == nil {
		stored.Events, err = archive.Decode(list)
	}
	if err != nil {
		return core.Stored{}, err
	}
	return stored, nil
}

// Read implements core.Archive.
func (a *Archive) Read(ctx context.Context, id string, after uint64, limit int) ([]core.Event, error) {
	if int64(after) < 0 || limit <= 0 {
		return nil, nil
	}
	list, err := a.texts(ctx, `
		SELECT event::text FROM archive_events WHERE room = (SELECT key FROM archive_rooms WHERE id = $1) AND number > $2 AND NOT superseded
		ORDER BY number LIMIT $3`, id, int64(after), min(limit, archive.MaxRead))
	if err != nil {
		return nil, err
	}
	return archive.Decode(list)
}

// texts returns the one column that a query asks for.
func (a *Archive) texts(ctx context.Context, query string, args ...any) (list [][]byte, err error) {
	err = a.in(ctx, pgx.ReadOnly, func(tx pgx.Tx) error {
		list, err = texts(tx.Query(ctx, query, args...))
		return err
	})
	return list, err
}

func texts(rows pgx.Rows, err error) ([][]byte, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}
