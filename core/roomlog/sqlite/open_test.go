package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/sqlite"
)

var quiet = slog.New(slog.DiscardHandler)

// created returns the batch that makes a room.
func created(room string) core.Batch {
	return core.Batch{Members: 1, Events: []core.Event{{ID: core.NewEventID(), Epoch: 1, Number: 1, At: 5, Body: core.Created{Room: room}}}}
}

// after returns a batch of one event that follows another.
func after(e core.Event, text string) core.Batch {
	return core.Batch{Members: 1, Events: []core.Event{{
		ID: core.NewEventID(), Prev: e.ID, Epoch: e.Epoch, Number: e.Number + 1, At: e.At + 1,
		By: core.Ref{Seat: "m_1", Command: e.Number}, Body: core.Said{Member: "m_1", Name: "Ann", Text: text},
	}}}
}

func headOf(e core.Event) core.Head { return core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID} }

// raw opens a file beside the log.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	path := filepath.Join(t.TempDir(), "a", "b ? # % ü", "rooms.db")
	log := open(t, path)
	if err := log.Append(t.Context(), "a", core.Head{}, created("a")); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", folder, info.Mode(), err)
		}
	}
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		if info, err := os.Stat(path + suffix); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path+suffix, info.Mode(), err)
		}
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the WAL is there after Close: %v", err)
	}
}

func TestOpenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	first := open(t, path)
	_, err := sqlite.Open(t.Context(), path, quiet)
	if err == nil {
		t.Fatal("the log was opened twice")
	}
	for _, part := range []string{path, "another process", "data folder of its own"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if runtime.GOOS != "windows" && !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("%q does not name the process", err)
	}
	// The refused attempt did no harm.
	if err := first.Append(t.Context(), "a", core.Head{}, created("a")); err != nil {
		t.Error(err)
	}
	first.Reopen(t)
}

func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, path string)
		says  string
	}{
		"a newer schema": {func(t *testing.T, path string) {
			if err := open(t, path).Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := raw(t, path).Exec("PRAGMA user_version = 99"); err != nil {
				t.Fatal(err)
			}
		}, "newer release"},
		"another program's": {func(t *testing.T, path string) {
			if _, err := raw(t, path).Exec("CREATE TABLE rooms (id)"); err != nil {
				t.Fatal(err)
			}
		}, "another program"},
		"no database": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("this is a text. ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a database"},
		"a folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "directory"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rooms.db")
			test.spoil(t, path)
			for range 2 { // the first attempt lets go of its lock
				_, err := sqlite.Open(t.Context(), path, quiet)
				if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) {
					t.Errorf("got %v, want %q", err, test.says)
				}
			}
		})
	}
}

func TestClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	log := open(t, path)
	var all sync.WaitGroup
	acknowledged := make([]core.Event, 20)
	for i := range acknowledged {
		room := "room " + strconv.Itoa(i)
		all.Go(func() {
			head, b := core.Head{}, created(room)
			for {
				err := log.Append(context.Background(), room, head, b)
				if errors.Is(err, core.ErrUnavailable) {
					return
				}
				if err != nil {
					t.Errorf("%s: %v", room, err)
					return
				}
				acknowledged[i] = b.Events[0]
				head, b = headOf(b.Events[0]), after(b.Events[0], "x")
			}
		})
	}
	for {
		occupied, err := log.Occupied(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(occupied) == len(acknowledged) {
			break
		}
	}
	for range 2 {
		if err := log.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	all.Wait()

	// Nothing works any more, and says so.
	_, load := log.Load(t.Context(), "room 1", 1)
	_, expire := log.Expire(t.Context(), 1, 1)
	for _, err := range []error{load, expire, log.Append(t.Context(), "new", core.Head{}, created("new"))} {
		if !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	}

	// What was acknowledged is there, and what was not is not.
	again := open(t, path)
	for i, last := range acknowledged {
		stored, err := again.Load(t.Context(), "room "+strconv.Itoa(i), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := stored.Events[len(stored.Events)-1]; got.ID != last.ID {
			t.Errorf("room %d ends at %d instead of %d", i, got.Number, last.Number)
		}
	}
}

// TestSchema looks at the file as an analyst does, while the log is open.
func TestSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	log := open(t, path)
	first := created("a")
	second := after(first.Events[0], "hello")
	for _, err := range []error{
		log.Append(t.Context(), "a", core.Head{}, first),
		log.Append(t.Context(), "a", headOf(first.Events[0]), second),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	db := raw(t, path)
	for query, want := range map[string]string{
		"PRAGMA journal_mode": "wal",
		"PRAGMA auto_vacuum":  "2",
		"PRAGMA user_version": "2",
		"SELECT group_concat(type, ' ') FROM (SELECT type FROM events WHERE room = 'a' ORDER BY number)":                  "created chat",
		"SELECT at || ' ' || time || ' ' || seat || ' ' || command FROM events WHERE number = 2":                          "6 1970-01-01T00:00:00.000Z m_1 1",
		"SELECT count(*) FROM events, rooms WHERE events.room = rooms.id AND events.id = rooms.head AND events.epoch = 1": "1",
		"SELECT body ->> 'text' FROM events WHERE type = 'chat'":                                                          "hello",
	} {
		var got string
		if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", query, got, err, want)
		}
	}
}
