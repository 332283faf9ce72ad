package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tandem.watch/tandem/core"
)

// TestDiskFull fills a real file system. It needs root, to make a small one.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); errors.Is(err, syscall.EPERM) {
		t.Skip("only root makes a small file system: TestDatabaseFull tests the rest")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "rooms.db")
	l := testLog(t, path)
	c := &chain{room: "a"}
	for round := range 3 {
		if err := c.append(t.Context(), l, "there is space"); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		ballast := filepath.Join(dir, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		failed := 0
		for n := 0; failed < 5; n++ {
			err := c.append(t.Context(), l, strings.Repeat("long ", 20_000))
			if err != nil && !errors.Is(err, core.ErrUnavailable) {
				t.Fatalf("round %d: got %v, want ErrUnavailable", round, err)
			}
			if err != nil {
				failed++
			}
			if n > 100 {
				t.Fatal("the disk does not fill up")
			}
		}
		c.check(t, l)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.append(t.Context(), l, "there is space"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = testLog(t, path)
	c.check(t, l)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
