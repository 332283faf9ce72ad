package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/archive"
)

// Rooms implements core.ArchiveKeeper.
func (a *Archive) Rooms(ctx context.Context, after string, limit int) (list []core.ArchivedRoom, err error) {
	rows, err := a.readers.QueryContext(ctx, `
		SELECT id, epoch, number, head, created, at, forgotten FROM archive_rooms WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r core.ArchivedRoom
		var head archive.Row
		if err := rows.Scan(&r.ID, &head.Epoch, &head.Number, &head.ID, &r.Created, &r.At, &r.Forgotten); err != nil {
			return nil, unavailable(ctx, err)
		}
		if r.Head, err = archive.HeadOf(&head); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, unavailable(ctx, rows.Err())
}

// Idle implements core.ArchiveKeeper.
func (a *Archive) Idle(ctx context.Context, before int64, limit int) ([]string, error) {
	list, err := texts(a.readers.QueryContext(ctx, `SELECT id FROM archive_rooms WHERE at < ? ORDER BY at, id LIMIT ?`, before, limit))
	var ids []string
	for _, id := range list {
		ids = append(ids, string(id))
	}
	return ids, unavailable(ctx, err)
}

// Delete implements core.ArchiveKeeper. The room itself goes last.
func (a *Archive) Delete(ctx context.Context, room string) error {
	for {
		result, err := a.writer.ExecContext(ctx, `
			DELETE FROM archive_events WHERE (room, number, id) IN (
				SELECT room, number, id FROM archive_events WHERE room = (SELECT key FROM archive_rooms WHERE id = ?) LIMIT ?)`,
			room, archive.StepEvents)
		if err != nil {
			return unavailable(ctx, err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return unavailable(ctx, err)
		}
		if n < archive.StepEvents {
			break
		}
	}
	for _, query := range []string{
		`DELETE FROM archive_snapshots WHERE room = (SELECT key FROM archive_rooms WHERE id = ?)`,
		`DELETE FROM archive_rooms WHERE id = ? AND NOT EXISTS (SELECT 1 FROM archive_events WHERE room = key)`,
	} {
		if _, err := a.writer.ExecContext(ctx, query, room); err != nil {
			return unavailable(ctx, err)
		}
	}
	_, err := a.writer.ExecContext(ctx, `PRAGMA incremental_vacuum(1024)`)
	return unavailable(ctx, err)
}

// Forget implements core.ArchiveKeeper.
func (a *Archive) Forget(ctx context.Context, room, member string) error {
	var key int64
	err := a.readers.QueryRowContext(ctx, `SELECT key FROM archive_rooms WHERE id = ?`, room).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return core.ErrNoRoom
	}
	if err == nil && member == "" {
		_, err = a.writer.ExecContext(ctx, `UPDATE archive_rooms SET forgotten = 1 WHERE key = ?`, key)
	}
	if err == nil {
		err = a.forgetSnapshot(ctx, key, member)
	}
	number, id := int64(0), ""
	for more := true; err == nil && more; {
		number, id, more, err = a.forgetStep(ctx, key, member, number, id)
	}
	return unavailable(ctx, err)
}

func (a *Archive) forgetSnapshot(ctx context.Context, key int64, member string) error {
	if member == "" {
		_, err := a.writer.ExecContext(ctx, `DELETE FROM archive_snapshots WHERE room = ?`, key)
		return err
	}
	tx, err := a.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var text string
	err = tx.QueryRowContext(ctx, `SELECT snapshot FROM archive_snapshots WHERE room = ?`, key).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := core.DecodeRoom([]byte(text))
	if err != nil {
		return err
	}
	r.Forget(member)
	data, err := core.EncodeRoom(r)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE archive_snapshots SET snapshot = ? WHERE room = ?`, string(data), key); err != nil {
		return err
	}
	return tx.Commit()
}

// forgetStep blanks the next events after one, and returns the last of them.
func (a *Archive) forgetStep(ctx context.Context, key int64, member string, number int64, id string) (int64, string, bool, error) {
	tx, err := a.writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, "", false, err
	}
	defer func() { _ = tx.Rollback() }()
	rows, err := tx.QueryContext(ctx, `
		SELECT number, id, event FROM archive_events WHERE room = ? AND (number, id) > (?, ?) ORDER BY number, id LIMIT ?`,
		key, number, id, archive.StepEvents)
	if err != nil {
		return 0, "", false, err
	}
	defer func() { _ = rows.Close() }()
	var found []archive.Row
	for rows.Next() {
		var r archive.Row
		if err := rows.Scan(&r.Number, &r.ID, &r.JSON); err != nil {
			return 0, "", false, err
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return 0, "", false, err
	}
	for _, r := range found {
		number, id = r.Number, r.ID
		data, changed, err := archive.Blank(r.JSON, member)
		if err != nil {
			return 0, "", false, err
		}
		if !changed {
			continue
		}
		if _, err := tx.ExecContext(ctx, `UPDATE archive_events SET event = ? WHERE room = ? AND number = ? AND id = ?`, string(data), key, r.Number, r.ID); err != nil {
			return 0, "", false, err
		}
	}
	return number, id, len(found) == archive.StepEvents, tx.Commit()
}

// Chat implements core.ArchiveKeeper.
func (a *Archive) Chat(ctx context.Context, room string, before uint64, limit int) ([]core.ChatLine, error) {
	if before == 0 || int64(before) < 0 {
		before = 1<<63 - 1
	}
	list, err := texts(a.readers.QueryContext(ctx, `
		SELECT event FROM archive_events WHERE room = (SELECT key FROM archive_rooms WHERE id = ?) AND number < ?
			AND type = 'chat' AND superseded = 0 ORDER BY number DESC LIMIT ?`, room, int64(before), min(limit, archive.MaxRead)))
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return archive.Lines(list)
}
