package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
)

// checkpointPages is how long the WAL grows (16 MiB) before what is in it is
// moved into the main file. Pages that many appends change are moved once.
const checkpointPages = 4096

// session is the writing connection with its statements. The writer's goroutine
// has it, and nobody else.
type session struct {
	db   *sql.DB
	conn *sql.Conn

	begin, commit, rollback *sql.Stmt

	create, advance, insert       *sql.Stmt
	forgetMember, saveSecret      *sql.Stmt
	findEvent, saveSnapshot       *sql.Stmt
	findEmpty, deleteRoom         *sql.Stmt
	deleteSecrets, deleteSnapshot *sql.Stmt
	noteForgotten, findForgotten  *sql.Stmt
	noteArchived, trim, restore   *sql.Stmt
	findArchived                  *sql.Stmt
	deleteEvents, deleteForgotten *sql.Stmt
}

// statements in the order in which a room lives.
func (s *session) statements() map[**sql.Stmt]string {
	return map[**sql.Stmt]string{
		&s.begin:    `BEGIN IMMEDIATE`,
		&s.commit:   `COMMIT`,
		&s.rollback: `ROLLBACK`,

		&s.create: `
			INSERT INTO rooms (id, epoch, number, head, created, at, members, empty_since)
			VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, CASE WHEN ?6 = 0 THEN ?5 END)
			ON CONFLICT (id) DO NOTHING RETURNING key`,
		&s.advance: `
			UPDATE rooms SET epoch = ?2, number = ?3, head = ?4, at = max(at, ?5), members = ?6,
				empty_since = CASE WHEN ?6 = 0 THEN coalesce(empty_since, max(at, ?5)) END
			WHERE id = ?1 AND epoch = ?7 AND number = ?8 AND head = ?9 RETURNING key`,
		&s.insert:       `INSERT INTO log (room, number, event) VALUES (?, ?, ?)`,
		&s.forgetMember: `DELETE FROM secrets WHERE room = ? AND member = ?`,
		&s.saveSecret: `
			INSERT INTO secrets (room, name, member, value) VALUES (?, ?, ?, ?)
			ON CONFLICT (room, name) DO UPDATE SET member = excluded.member, value = excluded.value`,

		&s.findEvent: `
			SELECT rooms.key, log.event FROM rooms LEFT JOIN log ON log.room = rooms.key AND log.number = ?2
			WHERE rooms.id = ?1`,
		&s.saveSnapshot: `
			INSERT INTO snapshots (room, number, snapshot) VALUES (?, ?, ?)
			ON CONFLICT (room) DO UPDATE SET number = excluded.number, snapshot = excluded.snapshot
			WHERE excluded.number >= number`,

		&s.findEmpty:      `SELECT key FROM rooms WHERE empty_since < ? ORDER BY empty_since LIMIT ?`,
		&s.findArchived:   `SELECT key FROM rooms WHERE empty_since < ? AND archived_head = head ORDER BY empty_since LIMIT ?`,
		&s.deleteRoom:     `DELETE FROM rooms WHERE key = ?`,
		&s.deleteSecrets:  `DELETE FROM secrets WHERE room = ?`,
		&s.deleteSnapshot: `DELETE FROM snapshots WHERE room = ?`,
		&s.noteForgotten:  `INSERT INTO forgotten (room) VALUES (?)`,
		&s.findForgotten:  `SELECT room FROM forgotten LIMIT 1`,
		&s.deleteEvents:   `DELETE FROM log WHERE room = ?1 AND number < (SELECT min(number) FROM log WHERE room = ?1) + ?2`,
		&s.noteArchived: `
			UPDATE rooms SET archived = ?2, archived_head = ?3
			WHERE key = ?1 RETURNING min(archived, number - ?4, coalesce((SELECT number FROM snapshots WHERE room = key), 0))`,
		&s.trim: `DELETE FROM log WHERE room = ?1 AND number <= min(?2, (SELECT min(number) FROM log WHERE room = ?1) + ?3 - 1)`,
		&s.restore: `
			INSERT INTO rooms (id, epoch, number, head, created, at, members, empty_since, archived, archived_head)
			VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, CASE WHEN ?6 = 0 THEN ?7 END, ?3, ?4)
			ON CONFLICT (id) DO NOTHING RETURNING key`,
		&s.deleteForgotten: `DELETE FROM forgotten WHERE room = ?`,
	}
}

// openSession opens the file, which must exist, for writing, and brings its
// schema up to date.
func openSession(ctx context.Context, path string) (*session, error) {
	// auto_vacuum comes first: it must be chosen before anything is written.
	db, err := sql.Open("sqlite", dsn(path, "mode=rw",
		"_pragma=busy_timeout(5000)",
		"_pragma=auto_vacuum(incremental)",
		"_pragma=journal_mode(wal)",
		"_pragma=synchronous(full)",
		"_pragma=foreign_keys(0)",
		fmt.Sprintf("_pragma=wal_autocheckpoint(%d)", checkpointPages),
		fmt.Sprintf("_pragma=journal_size_limit(%d)", 2*checkpointPages*4096),
		"_pragma=cache_size(-16384)",
	))
	if err != nil {
		return nil, err
	}
	s := &session{db: db}
	if err := s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) prepare(ctx context.Context) (err error) {
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, s.conn); err != nil {
		return err
	}
	for stmt, query := range s.statements() {
		if *stmt, err = s.conn.PrepareContext(ctx, query); err != nil {
			return fmt.Errorf("%w in %s", err, query)
		}
	}
	return nil
}

// close lets the connection go, with whatever transaction is open.
func (s *session) close() {
	// Statements of a Conn are nobody else's to close, and keep the file open.
	for stmt := range s.statements() {
		if *stmt != nil {
			_ = (*stmt).Close()
		}
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
	_ = s.db.Close()
}

// checkpoint moves all of the WAL into the main file.
func (s *session) checkpoint() error {
	var busy, frames, moved int
	if err := s.conn.QueryRowContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return fmt.Errorf("a reader is in the way")
	}
	return nil
}

// exec runs a statement that returns nothing. It has no context: an interrupted
// transaction would fail all appends in it.
func exec(stmt *sql.Stmt, args ...any) error {
	_, err := stmt.ExecContext(context.Background(), args...)
	return err
}

// queryKey runs a statement that returns at most one key. Without one, the
// error is sql.ErrNoRows.
func queryKey(stmt *sql.Stmt, args ...any) (key int64, err error) {
	err = stmt.QueryRowContext(context.Background(), args...).Scan(&key)
	return key, err
}

// dsn returns the URI of a file, whatever characters are in its path.
func dsn(path string, params ...string) string {
	path = strings.ReplaceAll(path, `\`, `/`)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: strings.Join(params, "&")}).String()
}
