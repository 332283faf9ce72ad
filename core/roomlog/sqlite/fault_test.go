package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	driver "modernc.org/sqlite"

	"tandem.watch/tandem/core"
)

func TestCommitFails(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	c, other := &chain{room: "a"}, &chain{room: "b"}
	if err := c.append(t.Context(), l, "first"); err != nil {
		t.Fatal(err)
	}
	release := occupyWriter(t, l)
	var all sync.WaitGroup
	all.Go(func() {
		if err := c.append(t.Context(), l, "second"); !errors.Is(err, core.ErrUnknown) {
			t.Errorf("got %v, want ErrUnknown", err)
		}
	})
	all.Go(func() { // a conflict with what may be undone is none
		if err := other.append(t.Context(), l, "first"); err == nil || !errors.Is(err, core.ErrUnknown) {
			t.Errorf("got %v, want ErrUnknown", err)
		}
	})
	all.Go(func() {
		_ = l.writer.do(t.Context(), 0, func(s *session) (err error) {
			_ = s.commit.Close()
			s.commit, err = s.conn.PrepareContext(context.Background(), `INSERT INTO forgotten (room) VALUES ('no number')`)
			return err
		})
	})
	waitQueued(t, l, 3)
	release()
	all.Wait()
	c.check(t, l)
	for range 3 {
		if err := c.append(t.Context(), l, "again"); err != nil {
			t.Fatal(err)
		}
	}
	c.check(t, l)
}

func TestCommitFailed(t *testing.T) {
	for _, err := range []error{errors.New("no code"), &driver.Error{}} {
		if err := commitFailed(err); !errors.Is(err, core.ErrUnknown) || errors.Is(err, core.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnknown", err)
		}
	}
}

func TestDatabaseFull(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	c := &chain{room: "a"}
	if err := c.append(t.Context(), l, "first"); err != nil {
		t.Fatal(err)
	}
	// A limit of one page is one of as many as there are.
	var full atomic.Bool
	full.Store(true)
	limit := func(s *session, err error) (*session, error) {
		if err == nil && full.Load() {
			err = s.conn.QueryRowContext(context.Background(), `PRAGMA max_page_count = 1`).Scan(new(int))
		}
		return s, err
	}
	interceptOpen(t, l, limit)
	inWriter(t, l, func(s *session) error { _, err := limit(s, nil); return err })
	for range 3 {
		if err := c.append(t.Context(), l, strings.Repeat("long ", 10_000)); !errors.Is(err, core.ErrUnavailable) {
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
		c.check(t, l)
	}
	full.Store(false)
	// The session of the last failure was dropped: no restart is needed.
	if err := c.append(t.Context(), l, strings.Repeat("long ", 10_000)); err != nil {
		t.Fatal(err)
	}
	c.check(t, l)
}

// TestSpoiltGroup: one request that fails in a transaction does not fail the
// others in it.
func TestSpoiltGroup(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	release := occupyWriter(t, l)
	var all sync.WaitGroup
	chains := make([]*chain, 10)
	for i := range chains {
		chains[i] = &chain{room: fmt.Sprint("room ", i)}
		all.Go(func() {
			if err := chains[i].append(t.Context(), l, "hello"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		err := l.writer.do(t.Context(), 0, func(s *session) error { return exec(s.noteForgotten, "no number") })
		if !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
	waitQueued(t, l, 11)
	release()
	all.Wait()
	for _, c := range chains {
		c.check(t, l)
	}
}

// TestReopenFails: without a connection every append is refused, until there is
// one again.
func TestReopenFails(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	cause := errors.New("the disk is gone")
	var gone atomic.Bool
	gone.Store(true)
	interceptOpen(t, l, func(s *session, err error) (*session, error) {
		if err == nil && gone.Load() {
			s.close()
			return nil, cause
		}
		return s, err
	})
	if err := l.writer.do(t.Context(), 0, func(*session) error { return cause }); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	c := &chain{room: "a"}
	for range 3 {
		if err := c.append(t.Context(), l, "x"); !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, cause) {
			t.Errorf("got %v, want ErrUnavailable and its cause", err)
		}
	}
	gone.Store(false)
	if err := c.append(t.Context(), l, "x"); err != nil {
		t.Error(err)
	}
	c.check(t, l)
}

// TestReopenLetsGo: sessions that were dropped hold no files.
func TestReopenLetsGo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("open files are counted as Linux shows them")
	}
	dir := t.TempDir()
	l := testLog(t, filepath.Join(dir, "rooms.db"))
	c := &chain{room: "a"}
	for range 10 {
		if err := c.append(t.Context(), l, "x"); err != nil {
			t.Fatal(err)
		}
		_ = l.writer.do(t.Context(), 0, func(*session) error { return errors.New("broken") })
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if target, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && filepath.Dir(target) == dir {
			t.Errorf("%s is still open", target)
		}
	}
}

// TestReaderRecovers: a connection that failed is not used again.
func TestReaderRecovers(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	c := &chain{room: "a"}
	if err := c.append(t.Context(), l, "first"); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for range 20 { // more often than there are connections
		if err := l.read(t.Context(), func(*sql.Tx) error { return broken }); !errors.Is(err, broken) || !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
	if n := l.readers.Stats().OpenConnections; n != 0 {
		t.Errorf("%d connections are kept", n)
	}
	c.check(t, l)
}

// TestEverySessionSyncs: what is acknowledged is on the disk, also after the
// writer has started over.
func TestEverySessionSyncs(t *testing.T) {
	l := testLog(t, filepath.Join(t.TempDir(), "rooms.db"))
	for range 2 {
		inWriter(t, l, func(s *session) error {
			var mode string
			var sync int
			row := s.conn.QueryRowContext(context.Background(), `SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous`)
			if err := row.Scan(&mode, &sync); err != nil {
				return err
			}
			if mode != "wal" || sync != 2 {
				t.Errorf("journal_mode is %s, synchronous %d", mode, sync)
			}
			return nil
		})
		_ = l.writer.do(t.Context(), 0, func(*session) error { return errors.New("broken") })
	}
}
