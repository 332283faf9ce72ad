package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/archive/archivetest"
)

// TestDiskFull fills a real file system. It needs root, to make a small one.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); errors.Is(err, syscall.EPERM) {
		t.Skip("only root makes a small file system")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	a := testArchive(t, filepath.Join(dir, "archive.db"))
	ballast := filepath.Join(dir, "ballast")
	var want []core.Event
	piece := func(n int) []core.Event {
		var head core.Head
		if len(want) > 0 {
			head = archivetest.HeadOf(want[len(want)-1])
		}
		return archivetest.History(head, archivetest.Say(n)...)
	}
	put := func(n int) error {
		events := piece(n)
		err := a.Store(t.Context(), []core.Piece{{Room: "a", Events: events}})
		if err == nil {
			want = append(want, events...)
		}
		return err
	}
	for range 2 {
		if err := put(100); err != nil {
			t.Fatal(err)
		}
		_ = os.WriteFile(ballast, make([]byte, 4<<20), 0o600)
		if err := put(5000); !errors.Is(err, core.ErrUnavailable) {
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(100); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Read(t.Context(), "a", 0, 10_000); err != nil || len(got) != 300 {
		t.Errorf("%d events, %v", len(got), err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
