package sqlite

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/archive/archivetest"
)

func testArchive(t testing.TB, path string) *Archive {
	t.Helper()
	a, err := Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestContract(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) archivetest.Store {
		return testArchive(t, filepath.Join(t.TempDir(), "archive.db"))
	})
}

// TestStartingTogether: of five processes that open one file, one makes the schema.
func TestStartingTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			a, err := Open(t.Context(), path, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			if err := a.Store(t.Context(), []core.Piece{{Room: "a", Events: archivetest.History(core.Head{}, core.Created{Room: "a"})}}); err != nil {
				t.Error(err)
			}
			_ = a.Close(t.Context())
		})
	}
	all.Wait()
}

// TestUpgrade: what the first release wrote is there after every migration.
func TestUpgrade(t *testing.T) {
	dump, err := os.ReadFile("testdata/first.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "archive.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(string(dump)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	archivetest.CheckFirst(t, testArchive(t, path))
}

func TestNewerRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	a := testArchive(t, path)
	if _, err := a.writer.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("got %v", err)
	}
}

// TestViews are what an analyst looks at.
func TestViews(t *testing.T) {
	a := testArchive(t, filepath.Join(t.TempDir(), "archive.db"))
	archivetest.StoreFirst(t, a)
	for query, want := range map[string]string{
		`SELECT group_concat(id || ' ' || number) FROM (SELECT * FROM rooms ORDER BY id)`:                                        "first 9,second 2",
		`SELECT group_concat(member || ' ' || name || ' ' || (left_at IS NULL)) FROM (SELECT * FROM members ORDER BY joined_at)`: "m_1 Ann 1,m_2 Bob 0",
		`SELECT group_concat(name || ': ' || text) FROM (SELECT * FROM chat ORDER BY number DESC LIMIT 1)`:                       "Ann: the other way",
		`SELECT count(*) FROM events WHERE superseded`:                                                                           "2",
		`SELECT min(at) FROM events`: "2025-06-15T15:06:41.000Z",
	} {
		var got string
		if err := a.readers.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, want %q, %v", query, got, want, err)
		}
	}
}
