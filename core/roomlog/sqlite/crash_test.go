package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/sqlite"
)

// crashPath, in the environment, makes the test binary the process that is
// killed.
const crashPath = "ROOMLOG_CRASH_PATH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		storm(path)
		return
	}
	os.Exit(m.Run())
}

// crashRooms is how many rooms the storm appends to.
const crashRooms = 20

// storm appends without end, and says of each append that it succeeded, after
// it did: room, number, id.
func storm(path string) {
	log, err := sqlite.Open(context.Background(), path, quiet)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var out sync.Mutex
	var all sync.WaitGroup
	for i := range crashRooms {
		all.Go(func() {
			room := fmt.Sprint("room-", i)
			head, b := core.Head{}, created(room)
			if stored, err := log.Load(context.Background(), room, 1); err == nil {
				last := stored.Events[len(stored.Events)-1]
				head, b = headOf(last), after(last, "again")
			}
			for {
				second := after(b.Events[len(b.Events)-1], "the same batch").Events[0]
				b.Events = append(b.Events, second)
				if err := log.Append(context.Background(), room, head, b); err != nil {
					fmt.Println("error", err)
					return
				}
				out.Lock()
				for _, e := range b.Events {
					fmt.Println(room, e.Number, uint64(e.ID))
				}
				out.Unlock()
				head, b = headOf(second), after(second, "x")
			}
		})
	}
	all.Wait()
}

// TestKilled kills a process in the middle of a storm of appends, again and
// again: every acknowledged event is there once, in its place.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	acknowledged := map[string]map[uint64]core.EventID{}
	for round := range 5 {
		n := stormAndKill(t, path, 200+round*137, acknowledged)
		t.Logf("round %d: %d appends were acknowledged", round, n)
		log := open(t, path)
		checkAcknowledged(t, log, acknowledged)
		if err := log.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// stormAndKill kills a storm once it has acknowledged some events, and adds all
// that it did.
func stormAndKill(t *testing.T, path string, enough int, acknowledged map[string]map[uint64]core.EventID) (n int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // the last line may be half of one
		}
		if err != nil {
			t.Fatal(err)
		}
		var room string
		var number, id uint64
		if _, err := fmt.Sscan(line, &room, &number, &id); err != nil {
			t.Fatalf("the process said %q", strings.TrimSpace(line))
		}
		if acknowledged[room] == nil {
			acknowledged[room] = map[uint64]core.EventID{}
		}
		if other, ok := acknowledged[room][number]; ok {
			t.Errorf("event %d of %s was acknowledged twice, as %d and %d", number, room, other, id)
		}
		acknowledged[room][number] = core.EventID(id)
		if n++; n == enough {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	if n < enough {
		t.Fatalf("the process ended after %d events", n)
	}
	return n
}

// checkAcknowledged compares a log with what was acknowledged. It may have
// more: what was not acknowledged any more. But whole batches only.
func checkAcknowledged(t *testing.T, log core.Log, acknowledged map[string]map[uint64]core.EventID) {
	t.Helper()
	for _, room := range slices.Sorted(maps.Keys(acknowledged)) {
		stored, err := log.Load(t.Context(), room, 1)
		if err != nil {
			t.Errorf("%s: %v", room, err)
			continue
		}
		state := core.NewRoom(room)
		for _, e := range stored.Events {
			if err := state.Apply(e); err != nil {
				t.Errorf("%s: %v", room, err)
			}
		}
		for number, id := range acknowledged[room] {
			if number > uint64(len(stored.Events)) {
				t.Errorf("event %d of %s is lost", number, room)
			} else if stored.Events[number-1].ID != id {
				t.Errorf("event %d of %s is another one", number, room)
			}
		}
		if len(stored.Events)%2 != 0 {
			t.Errorf("%s has half of a batch", room)
		}
	}
}

// TestCopiedWhileOpen opens a copy of the files of a log that is open, as a
// machine finds them that lost its power between two appends.
func TestCopiedWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	log := open(t, path)
	b := created("a")
	head := core.Head{}
	for n := range 300 {
		if err := log.Append(t.Context(), "a", head, b); err != nil {
			t.Fatal(err)
		}
		last := b.Events[0]
		head = headOf(last)
		if n%100 == 0 {
			fresh := filepath.Join(t.TempDir(), "rooms.db")
			for _, suffix := range []string{"", "-wal"} {
				copyFile(t, path+suffix, fresh+suffix)
			}
			stored, err := open(t, fresh).Load(t.Context(), "a", 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := stored.Events[len(stored.Events)-1]; got.ID != last.ID {
				t.Errorf("the copy ends at %d instead of %d", got.Number, last.Number)
			}
		}
		b = after(last, strings.Repeat("x", n))
	}
}

// copyFile copies in another process: closing the file in this one would end
// SQLite's own locks on it.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
