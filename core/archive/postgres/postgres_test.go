package postgres

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/archive/archivetest"
	"tandem.watch/tandem/internal/testenv"
)

func testArchive(t testing.TB, url string) *Archive {
	t.Helper()
	a, err := Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(context.Background()) })
	return a
}

func TestContract(t *testing.T) {
	a := testArchive(t, testenv.StartPostgres(t, "-c", "fsync=off").URL())
	archivetest.Run(t, func(t *testing.T) archivetest.Store {
		if _, err := a.pool.Exec(t.Context(), `TRUNCATE archive_rooms, archive_events, archive_snapshots`); err != nil {
			t.Fatal(err)
		}
		return emptied{a}
	})
}

// emptied is an archive that its test does not close.
type emptied struct{ store }

type store = archivetest.Store

// TestStartingTogether: of five gateways that start at once, one makes the schema.
func TestStartingTogether(t *testing.T) {
	url := testenv.StartPostgres(t).URL()
	var said lockedBuffer
	logger := slog.New(slog.NewTextHandler(&said, nil))
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			a, err := Open(t.Context(), url, logger)
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
	if n := strings.Count(said.String(), "brought up to date"); n != 1 {
		t.Errorf("the schema was made %d times:\n%s", n, said.String())
	}
}

// TestUpgrade: what the first release wrote is there after every migration.
func TestUpgrade(t *testing.T) {
	p := testenv.StartPostgres(t)
	dump, err := os.ReadFile("testdata/first.sql")
	if err != nil {
		t.Fatal(err)
	}
	url := p.URL()
	p.Exec("test1", string(dump))
	a := testArchive(t, url)
	archivetest.CheckFirst(t, a)
	more := archivetest.History(core.Head{}, core.Created{Room: "new"})
	if err := a.Store(t.Context(), []core.Piece{{Room: "new", Events: more}}); err != nil {
		t.Fatal(err)
	}
}

func TestNewerRelease(t *testing.T) {
	p := testenv.StartPostgres(t)
	url := p.URL()
	_ = testArchive(t, url)
	p.Exec("test1", `INSERT INTO tandem_archive.goose_db_version (version_id, is_applied) VALUES (9999, true)`)
	if _, err := Open(t.Context(), url, slog.New(slog.DiscardHandler)); !errors.Is(err, errNewer) {
		t.Errorf("got %v", err)
	}
}

// TestWhatOnlyAnOperatorMends is an error at the start, which names the option
// and no password.
func TestWhatOnlyAnOperatorMends(t *testing.T) {
	p := testenv.StartPostgres(t)
	good := p.URL()
	p.Exec("postgres", `CREATE ROLE guest LOGIN PASSWORD 'x'`)
	for what, url := range map[string]string{
		"no such database": strings.Replace(good, "test1", "nowhere", 1),
		"no such user":     strings.Replace(good, "tandem@", "stranger:hunter2@", 1),
		"no rights":        strings.Replace(good, "tandem@", "guest:hunter2@", 1),
		"no address":       "postgres://tandem:hunter2@[::1",
		"unknown setting":  good + "&sslmode=perhaps",
	} {
		a, err := Open(t.Context(), url, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = a.Close(t.Context())
			t.Errorf("%s: no error", what)
			continue
		}
		if !strings.HasPrefix(err.Error(), "postgres-url: ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestAway: an archive that is not there at the start, or goes, is unavailable
// until it is back.
func TestAway(t *testing.T) {
	p := testenv.StartPostgres(t)
	url := p.URL()
	p.Stop()
	a := testArchive(t, url)
	piece := []core.Piece{{Room: "a", Events: archivetest.History(core.Head{}, core.Created{Room: "a"})}}
	unavailable := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Store(ctx, piece); !errors.Is(err, core.ErrUnavailable) {
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
	}
	stored := func() {
		t.Helper()
		var err error
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			if err = a.Store(t.Context(), piece); err == nil {
				return
			}
		}
		t.Fatal(err)
	}
	unavailable()
	p.Restart()
	stored()
	p.Kill()
	unavailable()
	p.Restart()
	stored()
	p.Freeze()
	unavailable()
	p.Thaw()
	stored()
}

// TestViews are what an analyst looks at.
func TestViews(t *testing.T) {
	a := testArchive(t, testenv.StartPostgres(t).URL())
	archivetest.StoreFirst(t, a)
	for query, want := range map[string]string{
		`SELECT string_agg(id || ' ' || number, ',' ORDER BY id) FROM rooms`:                                        "first 9,second 2",
		`SELECT string_agg(member || ' ' || name || ' ' || (left_at IS NULL), ',' ORDER BY joined_at) FROM members`: "m_1 Ann true,m_2 Bob false",
		`SELECT string_agg(name || ': ' || text, ',' ORDER BY number) FROM chat WHERE room = 'first'`:               "Bob: hello \ufffd,Ann: the other way",
		`SELECT count(*)::text FROM events WHERE superseded`:                                                        "2",
		`SELECT to_char(min(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM events`:                           "2025-06-15 15:06:41",
	} {
		var got string
		if err := a.pool.QueryRow(t.Context(), query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, want %q, %v", query, got, want, err)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
