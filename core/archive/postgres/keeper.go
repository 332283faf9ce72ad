package postgres

import (
	"context"
	"errors"
	"math"

	"github.com/jackc/pgx/v5"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/archive"
)

// Rooms implements core.ArchiveKeeper.
func (a *Archive) Rooms(ctx context.Context, after string, limit int) (list []core.ArchivedRoom, err error) {
	err = a.in(ctx, pgx.ReadOnly, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT id, epoch, number, head, created, at, forgotten FROM archive_rooms WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r core.ArchivedRoom, err error) {
			var head archive.Row
			if err := row.Scan(&r.ID, &head.Epoch, &head.Number, &head.ID, &r.Created, &r.At, &r.Forgotten); err != nil {
				return r, err
			}
			r.Head, err = archive.HeadOf(&head)
			return r, err
		})
		return err
	})
	return list, err
}

// Idle implements core.ArchiveKeeper.
func (a *Archive) Idle(ctx context.Context, before int64, limit int) ([]string, error) {
	list, err := a.texts(ctx, `SELECT id FROM archive_rooms WHERE at < $1 ORDER BY at, id LIMIT $2`, before, limit)
	var ids []string
	for _, id := range list {
		ids = append(ids, string(id))
	}
	return ids, err
}

// Delete implements core.ArchiveKeeper. The room itself goes last.
func (a *Archive) Delete(ctx context.Context, id string) error {
	for n := int64(archive.StepEvents); n == archive.StepEvents; {
		err := a.in(ctx, pgx.ReadWrite, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, `
				DELETE FROM archive_events e USING (
					SELECT room, number, id FROM archive_events WHERE room = (SELECT key FROM archive_rooms WHERE id = $1) LIMIT $2) d
				WHERE e.room = d.room AND e.number = d.number AND e.id = d.id`, id, archive.StepEvents)
			n = tag.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
	}
	return a.in(ctx, pgx.ReadWrite, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM archive_snapshots WHERE room = (SELECT key FROM archive_rooms WHERE id = $1)`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM archive_rooms r WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM archive_events WHERE room = r.key)`, id)
		return err
	})
}

// Forget implements core.ArchiveKeeper.
func (a *Archive) Forget(ctx context.Context, id, member string) error {
	var key int64
	err := a.in(ctx, pgx.ReadWrite, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT key FROM archive_rooms WHERE id = $1 FOR UPDATE`, id).Scan(&key)
		if errors.Is(err, pgx.ErrNoRows) {
			return core.ErrNoRoom
		}
		if err == nil && member == "" {
			_, err = tx.Exec(ctx, `UPDATE archive_rooms SET forgotten = true WHERE key = $1`, key)
		}
		if err != nil {
			return err
		}
		return forgetSnapshot(ctx, tx, key, member)
	})
	number, last := int64(0), ""
	for more := true; err == nil && more; {
		err = a.in(ctx, pgx.ReadWrite, func(tx pgx.Tx) error {
			number, last, more, err = forgetStep(ctx, tx, key, member, number, last)
			return err
		})
	}
	return err
}

func forgetSnapshot(ctx context.Context, tx pgx.Tx, key int64, member string) error {
	if member == "" {
		_, err := tx.Exec(ctx, `DELETE FROM archive_snapshots WHERE room = $1`, key)
		return err
	}
	var text []byte
	err := tx.QueryRow(ctx, `SELECT snapshot::text FROM archive_snapshots WHERE room = $1 FOR UPDATE`, key).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := core.DecodeRoom(text)
	if err != nil {
		return err
	}
	r.Forget(member)
	data, err := core.EncodeRoom(r)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE archive_snapshots SET snapshot = $2 WHERE room = $1`, key, string(data))
	return err
}

// forgetStep blanks the next events after one, and returns the last of them.
func forgetStep(ctx context.Context, tx pgx.Tx, key int64, member string, number int64, last string) (int64, string, bool, error) {
	rows, err := tx.Query(ctx, `
		SELECT number, id, event::text FROM archive_events WHERE room = $1 AND (number, id) > ($2, $3) ORDER BY number, id LIMIT $4`,
		key, number, last, archive.StepEvents)
	if err != nil {
		return 0, "", false, err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r archive.Row, err error) {
		err = row.Scan(&r.Number, &r.ID, &r.JSON)
		return r, err
	})
	if err != nil {
		return 0, "", false, err
	}
	var b pgx.Batch
	for _, r := range found {
		number, last = r.Number, r.ID
		data, changed, err := archive.Blank(r.JSON, member)
		if err != nil {
			return 0, "", false, err
		}
		if changed {
			b.Queue(`UPDATE archive_events SET event = $4 WHERE room = $1 AND number = $2 AND id = $3`, key, r.Number, r.ID, string(data))
		}
	}
	if b.Len() > 0 {
		err = tx.SendBatch(ctx, &b).Close()
	}
	return number, last, len(found) == archive.StepEvents, err
}

// Chat implements core.ArchiveKeeper.
func (a *Archive) Chat(ctx context.Context, id string, before uint64, limit int) ([]core.ChatLine, error) {
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	list, err := a.texts(ctx, `
		SELECT event::text FROM archive_events WHERE room = (SELECT key FROM archive_rooms WHERE id = $1) AND number < $2
			AND type = 'chat' AND NOT superseded ORDER BY number DESC LIMIT $3`, id, int64(before), min(limit, archive.MaxRead))
	if err != nil {
		return nil, err
	}
	return archive.Lines(list)
}
