package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"tandem.watch/tandem/internal/testenv"
	"tandem.watch/tandem/tls/storage/postgres"
	"tandem.watch/tandem/tls/storage/storagetest"
)

func open(t *testing.T, url string, lease time.Duration) *postgres.Storage {
	t.Helper()
	s, err := postgres.Open(url, slog.New(slog.DiscardHandler), lease)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestStorage(t *testing.T) {
	db := testenv.StartPostgres(t)
	storagetest.Run(t, func(t *testing.T) (certmagic.Storage, certmagic.Storage) {
		url := db.URL()
		return open(t, url, 0), open(t, url, 0)
	})
	// Five gateways that start together make the tables once.
	t.Run("Together", func(t *testing.T) {
		url := db.URL()
		var all sync.WaitGroup
		for range 5 {
			s := open(t, url, 0)
			all.Go(func() {
				if err := s.Store(t.Context(), "k", []byte("v")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
	t.Run("Lease", func(t *testing.T) { lease(t, db) })
	t.Run("Fence", func(t *testing.T) { fence(t, db) })
}

// A lock lives as long as its holder, and no more than its lease longer.
func lease(t *testing.T, db *testenv.Postgres) {
	const short = 2 * time.Second
	url := db.URL()
	a, b := open(t, url, short), open(t, url, short)
	if err := a.Lock(t.Context(), "l"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*short)
	defer cancel()
	if err := b.Lock(ctx, "l"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a holder that lives lost its lock: %v", err)
	}
	if err := a.Unlock(t.Context(), "l"); err != nil {
		t.Fatal(err)
	}
	if err := b.Lock(t.Context(), "l"); err != nil {
		t.Fatal(err)
	}
	if err := b.Unlock(t.Context(), "l"); err != nil {
		t.Fatal(err)
	}
}

// Who was away for longer than its lease writes nothing more, and does not let
// go of what is another's now.
func fence(t *testing.T, db *testenv.Postgres) {
	const (
		short = 2 * time.Second
		name  = "issue_cert_a.example"
		key   = "certificates/ca/a.example/a.example.key"
	)
	url := db.URL()
	a, b := open(t, url, short), open(t, url, short)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	must(a.Lock(ctx, name))
	must(a.Store(ctx, key, []byte("of a")))
	// As if a had been paused: its lease ends, and b takes the lock.
	database := url[len("postgres://tandem@"+db.Addr()+"/"):]
	database = database[:len(database)-len("?sslmode=disable")]
	db.Exec(database, "UPDATE tls_locks SET expires = clock_timestamp() - interval '1 second', token = token + 1000")
	must(b.Lock(ctx, name))
	must(b.Store(ctx, key, []byte("of b")))
	if err := a.Store(ctx, key, []byte("late")); !errors.Is(err, postgres.ErrLockLost) {
		t.Errorf("a late write: %v", err)
	}
	if err := a.Delete(ctx, "certificates/ca/a.example"); !errors.Is(err, postgres.ErrLockLost) {
		t.Errorf("a late delete: %v", err)
	}
	if err := a.Unlock(ctx, name); !errors.Is(err, postgres.ErrLockLost) {
		t.Errorf("a late unlock: %v", err)
	}
	waiting, cancel := context.WithTimeout(ctx, short)
	defer cancel()
	if err := a.Lock(waiting, name); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the late unlock freed another's lock: %v", err)
	}
	got, err := b.Load(ctx, key)
	if err != nil || string(got) != "of b" {
		t.Errorf("%q, %v", got, err)
	}
	must(a.Store(ctx, "certificates/ca/other.example/x", []byte("another name is another's business")))
	must(b.Unlock(ctx, name))
}

// A database that is away, or frozen, is an error soon, and no harm after.
func TestAway(t *testing.T) {
	db := testenv.StartPostgres(t)
	s := open(t, db.URL(), 0)
	if err := s.Store(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	for what, f := range map[string]struct{ off, on func() }{"away": {db.Stop, db.Restart}, "frozen": {db.Freeze, db.Thaw}} {
		f.off()
		begin := time.Now()
		if _, err := s.Load(t.Context(), "k"); err == nil {
			t.Errorf("%s: no error", what)
		}
		if d := time.Since(begin); d > 30*time.Second {
			t.Errorf("%s: an error after %v", what, d)
		}
		f.on()
		deadline := time.Now().Add(30 * time.Second)
		for {
			got, err := s.Load(t.Context(), "k")
			if err == nil && string(got) == "v" {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s, and back: %q, %v", what, got, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func TestWrongURL(t *testing.T) {
	_, err := postgres.Open("postgres://user:hunter2@:bad:port/x", slog.New(slog.DiscardHandler), 0)
	if err == nil {
		t.Fatal("no error")
	}
	if text := err.Error(); strings.Contains(text, "hunter2") {
		t.Errorf("the password is told: %s", text)
	}
}
