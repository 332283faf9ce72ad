package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem.watch/tandem/core"
)

func TestContextWhileWaiting(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	c := &chain{room: "a"}
	if err := c.append(t.Context(), l, "first"); err != nil {
		t.Fatal(err)
	}
	release := occupyWriter(t, l)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	b := c.next("withdrawn")
	go func() { result <- l.Append(ctx, c.room, c.head, b) }()
	waitQueued(t, l, 1)
	cancel()
	if err := <-result; !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want ErrUnavailable and the context's", err)
	}
	release()
	if err := c.append(t.Context(), l, "second"); err != nil {
		t.Errorf("what was withdrawn is there: %v", err)
	}
	c.check(t, l)
}

func TestContextWhileWriting(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	ctx, cancel := context.WithCancel(t.Context())
	started, finish, result := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		result <- l.writer.do(ctx, 0, func(*session) error {
			close(started)
			<-finish
			return nil
		})
	}()
	<-started
	cancel()
	if err := <-result; !errors.Is(err, core.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want ErrUnknown and the context's", err)
	}
	close(finish)
	c := &chain{room: "a"}
	if err := c.append(t.Context(), l, "on"); err != nil {
		t.Error(err)
	}
}

// TestLockedByAnother: an operator's shell holds the database for a while.
func TestLockedByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	l := testLog(t, path)
	c := &chain{room: "a"}
	if err := c.append(t.Context(), l, "first"); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	b := c.next("withdrawn")
	if err := l.Append(ctx, c.room, c.head, b); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	c.check(t, l) // reads wait for nobody
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := c.append(t.Context(), l, "second"); err != nil {
		t.Fatal(err)
	}
	c.check(t, l)
}

// TestCloseWithoutSession: a log that could not write can be closed.
func TestCloseWithoutSession(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	_ = l.writer.do(t.Context(), 0, func(*session) error { return errors.New("broken") })
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCloseGivesUp: Close returns at the end of its context, and the work ends
// by itself.
func TestCloseGivesUp(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	release := occupyWriter(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	release()
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestExpireGivesSpaceBack: the file becomes smaller, a step at a time, and what
// was left by an interrupted Expire goes with the next.
func TestExpireGivesSpaceBack(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	c := &chain{room: "a"}
	for range 30 {
		if err := c.append(t.Context(), l, strings.Repeat("x", 500_000)); err != nil {
			t.Fatal(err)
		}
	}
	b := c.next("the last")
	b.Members = 0
	b.Secrets = []core.Secret{{Name: "pin", Value: []byte{1}}}
	if err := l.Append(t.Context(), c.room, c.head, b); err != nil {
		t.Fatal(err)
	}
	snapshot := core.NewRoom(c.room)
	snapshot.Epoch, snapshot.Number, snapshot.Head = 1, c.head.Number, c.head.ID
	if err := l.SaveSnapshot(t.Context(), snapshot); err != nil {
		t.Fatal(err)
	}
	pages := func() (n int) {
		t.Helper()
		inWriter(t, l, func(s *session) error {
			return s.conn.QueryRowContext(context.Background(), `PRAGMA page_count`).Scan(&n)
		})
		return n
	}
	before := pages()
	// As if the process had ended just after the room was forgotten. A new room
	// with its id has nothing to do with what is left.
	inWriter(t, l, func(s *session) error { _, err := s.forgetRooms(s.findEmpty, 1, 10); return err })
	fresh := &chain{room: c.room}
	if err := fresh.append(t.Context(), l, "new"); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if n, err := l.Expire(t.Context(), 1, 10); n != 0 || err != nil {
			t.Errorf("expired %d, %v", n, err)
		}
	}
	if after := pages(); before < 3*vacuumPages || after > vacuumPages+100 {
		t.Errorf("the file had %d pages and has %d", before, after)
	}
	var left int
	err := l.read(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRow(`
			SELECT (SELECT count(*) FROM log) + (SELECT count(*) FROM forgotten)
				+ (SELECT count(*) FROM secrets) + (SELECT count(*) FROM snapshots)`).Scan(&left)
	})
	if err != nil || left != 1 {
		t.Errorf("%d rows are left, %v, want the new room's one", left, err)
	}
	fresh.check(t, l)
}
