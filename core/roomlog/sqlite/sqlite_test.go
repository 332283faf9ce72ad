package sqlite_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"tandem.watch/tandem/core/roomlog/logtest"
	"tandem.watch/tandem/core/roomlog/sqlite"
)

// store is a log that the suite can close and open again.
type store struct {
	*sqlite.Log
	path string
}

func (s store) Reopen(t *testing.T) logtest.Store {
	t.Helper()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return open(t, s.path)
}

func open(t testing.TB, path string) store {
	t.Helper()
	log, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return store{log, path}
}

func TestContract(t *testing.T) {
	logtest.Run(t, func(t *testing.T) logtest.Store { return open(t, filepath.Join(t.TempDir(), "rooms.db")) })
}

func BenchmarkAppend(b *testing.B) {
	logtest.Bench(b, func(b *testing.B) logtest.Store { return open(b, filepath.Join(b.TempDir(), "rooms.db")) })
}
