package gateway

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/internal/testenv"
	"tandem.watch/tandem/protocol"
)

// slowest bounds how long a line of chat may take while Postgres is in trouble.
// They take a few milliseconds.
const slowest = 2 * time.Second

// chatter is a room that somebody talks in without a pause.
type chatter struct {
	room  string
	lines []string
	worst time.Duration
}

// chat talks until the context ends.
func (r *real) chat(ctx context.Context, made createdRoom) (*chatter, error) {
	c, err := testclient.DialWebSocket(ctx, strings.Replace(r.url, "http", "ws", 1)+"/v1/ws", testclient.Options{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	wait := context.WithoutCancel(ctx)
	if _, err := c.Join(wait, protocol.Hello{Room: made.ID, Name: "Ann", Resume: &protocol.Resume{Seat: made.Seat}}); err != nil {
		return nil, err
	}
	talk := &chatter{room: made.ID}
	for id := uint64(1); ctx.Err() == nil; id++ {
		text, began := fmt.Sprint("line ", id), time.Now()
		if err := c.Send(&protocol.Say{Command: protocol.Command{ID: id}, Text: text}); err != nil {
			return talk, err
		}
		if _, err := testclient.Await(wait, c, func(a *protocol.Ack) bool { return a.ID == id }); err != nil {
			return talk, fmt.Errorf("after line %d: %w", id, err)
		}
		talk.lines, talk.worst = append(talk.lines, text), max(talk.worst, time.Since(began))
		time.Sleep(5 * time.Millisecond)
	}
	return talk, nil
}

// TestPostgresInTrouble: whatever Postgres does, rooms do not notice, and
// afterwards the archive holds exactly what the log holds.
func TestPostgresInTrouble(t *testing.T) {
	for name, trouble := range map[string]func(*testing.T, *testenv.Postgres, string){
		"killed": func(_ *testing.T, p *testenv.Postgres, _ string) {
			for range 3 {
				time.Sleep(300 * time.Millisecond)
				p.Kill()
				time.Sleep(300 * time.Millisecond)
				p.Restart()
			}
		},
		"frozen": func(_ *testing.T, p *testenv.Postgres, _ string) {
			p.Freeze()
			time.Sleep(3 * time.Second)
			p.Thaw()
		},
		"slow": func(_ *testing.T, p *testenv.Postgres, _ string) {
			for range 15 { // it runs a tenth of the time
				p.Freeze()
				time.Sleep(180 * time.Millisecond)
				p.Thaw()
				time.Sleep(20 * time.Millisecond)
			}
		},
		"away all the time": func(_ *testing.T, p *testenv.Postgres, _ string) {
			p.Stop()
			time.Sleep(3 * time.Second)
		},
		"full": func(t *testing.T, p *testenv.Postgres, dir string) {
			ballast := filepath.Join(dir, "ballast")
			if err := os.WriteFile(ballast, make([]byte, 1<<30), 0o600); err == nil {
				t.Error("the file system does not fill up")
			}
			time.Sleep(3 * time.Second)
			if err := os.Remove(ballast); err != nil {
				t.Error(err)
			}
			p.Kill() // it may have given itself up
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := smallFolder(t, "400m")
			p := testenv.StartPostgresIn(t, dir, "-c", "max_wal_size=32MB", "-c", "min_wal_size=32MB")
			url := p.URL()
			r := startReal(t, "--data-dir", t.TempDir(), "--postgres-url", url, "--room-ttl", "1h", "--max-command-rate", "10000", "--max-message-rate", "10000")
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			talks := make([]*chatter, 4)
			for i := range talks {
				made := r.create("Ann")
				all.Go(func() {
					var err error
					if talks[i], err = r.chat(ctx, made); err != nil {
						t.Error(err)
					}
				})
			}
			trouble(t, p, dir)
			cancel()
			all.Wait()
			if t.Failed() {
				return
			}
			p.Restart()
			for _, c := range talks { // whoever talked has gone
				r.await("empty", func() bool {
					events, err := r.g.log.Read(t.Context(), c.room, uint64(len(c.lines)), 10_000)
					if err != nil || len(events) == 0 {
						return false
					}
					_, gone := events[len(events)-1].Body.(core.Left)
					return gone
				})
			}
			r.await("archived", func() bool { return len(unarchived(t, r.g)) == 0 })
			lines := 0
			for _, c := range talks {
				if c.worst > slowest {
					t.Errorf("a line took %v", c.worst)
				}
				lines += len(c.lines)
				r.compare(c)
			}
			t.Logf("%d lines, the slowest in %v", lines, max(talks[0].worst, talks[1].worst, talks[2].worst, talks[3].worst))
			r.stop()
		})
	}
}

// unarchived are the rooms with events that are not archived. Members who have
// gone depart meanwhile.
func unarchived(t *testing.T, g *Gateway) []core.Unarchived {
	t.Helper()
	list, err := g.log.(core.Backlog).Unarchived(t.Context(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// compare compares a room's archive with its log, and with what was said.
func (r *real) compare(c *chatter) {
	r.t.Helper()
	archived, err := r.g.archive.Read(r.t.Context(), c.room, 0, 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	var said []string
	for i, e := range archived {
		if e.Number != uint64(i+1) {
			r.t.Fatalf("event %d is archived after %d others", e.Number, i)
		}
		if b, ok := e.Body.(core.Said); ok {
			said = append(said, b.Text)
		}
	}
	if diff := cmp.Diff(c.lines, said); diff != "" {
		r.t.Errorf("what is archived was not said:\n%s", diff)
	}
	log, err := r.g.log.Read(r.t.Context(), c.room, 0, 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff(archived[max(0, len(archived)-len(log)):], log); diff != "" {
		r.t.Errorf("the archive differs from the log:\n%s", diff)
	}
}

// smallFolder is a folder on a file system of a size. It needs root.
func smallFolder(t *testing.T, size string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tandem-small-") //nolint:usetesting // closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=755,size="+size); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		_ = os.RemoveAll(dir)
	})
	return dir
}
