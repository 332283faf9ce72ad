package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/core/roomlog/sqlite"
	"tandem.watch/tandem/protocol"
)

// A ban that was lifted at once leaves nothing behind.
func TestBanIsLiftedAtOnce(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		w.log.Set(memory.Faults{AppendDelay: 50 * time.Millisecond})
		_ = ann.Send(&protocol.Say{Command: ann.id(), Text: "slow"})
		time.Sleep(10 * time.Millisecond) // it is being appended: the next two go together
		ban := &protocol.Remove{Command: ann.id(), Member: ben.member, Ban: true}
		unban := &protocol.Unban{Command: ann.id(), Member: ben.member}
		_ = ann.Send(ban)
		_ = ann.Send(unban)
		ann.answer(ban.ID)
		if ack, ok := ann.answer(unban.ID).(*protocol.Ack); !ok {
			t.Fatalf("the ban was not lifted: %+v", ack)
		}
		w.log.Set(memory.Faults{})
		ben.wantClosed(protocol.CloseBanned)
		if left, err := w.rooms.Secret(t.Context(), ann.room, "ban:"+ben.member); left != nil || err != nil {
			t.Errorf("the log has %v of the ban, %v", left, err)
		}
		w.join(ann.room, "Ben", office)
		ann.saw("joined Ben", "chat Ann slow", "left Ben banned", "unbanned Ben", "joined Ben")
		if got := ann.view.Room.Banned; len(got) != 0 {
			t.Errorf("still banned: %+v", got)
		}
	})
}

// Of two who were banned at one address, each keeps it out until both bans are
// lifted, in whatever order.
func TestBansOfOneAddress(t *testing.T) {
	for name, order := range map[string][]int{"the first first": {0, 1}, "the second first": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				two := []*peer{w.join(ann.room, "Ben", office), w.join(ann.room, "Cem", office)}
				for _, c := range two {
					ann.do(&protocol.Remove{Command: ann.id(), Member: c.member, Ban: true})
				}
				door := w.dial(office)
				for _, i := range order {
					door.wantHello(protocol.Hello{Room: ann.room, Name: "Dan"}, protocol.CodeBanned)
					ann.do(&protocol.Unban{Command: ann.id(), Member: two[i].member})
				}
				door.hello(protocol.Hello{Room: ann.room, Name: "Dan"})
			})
		})
	}
}

// Events and snapshots tell nothing of PINs and tokens: neither themselves, nor
// hashes, nor anything that another PIN would make another.
func TestLogKeepsSecretsApart(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		pins := []string{"pin-4711", "pin-0815"}
		var sums []uint32
		for i, pin := range pins {
			ann := w.enter(w.create(`{"name":"Ann","pin":"pin-before"}`), "Ann")
			ben := w.dial(office)
			ben.hello(protocol.Hello{Room: ann.room, Name: "Ben", PIN: "pin-before"})
			set := &protocol.ChangeSettings{Command: ann.id(), PIN: &pins[i]}
			ann.do(set)
			secret, err := w.rooms.Secret(t.Context(), ann.room, "pin")
			if err != nil || secret == nil {
				t.Fatalf("the PIN's secret is %v, %v", secret, err)
			}
			w.stop() // which saves a snapshot
			w.start()

			stored, err := w.rooms.Load(t.Context(), ann.room, 1000)
			if err != nil || stored.Room == nil {
				t.Fatalf("the log has the snapshot %v, %v", stored.Room, err)
			}
			kept, err := core.EncodeRoom(stored.Room)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range stored.Events {
				data, err := core.EncodeEvent(e)
				if err != nil {
					t.Fatal(err)
				}
				kept = append(kept, data...)
				if e.By.Seat == ann.member && e.By.Command == set.ID {
					sums = append(sums, e.By.Sum)
				}
			}
			hashes := [][]byte{secret.Value}
			for _, c := range []*peer{ann, ben} {
				sum := sha256.Sum256([]byte(c.seat))
				hashes = append(hashes, sum[:], []byte(c.seat))
			}
			secrets := []string{pin, "pin-before", ann.seat, ben.seat}
			for _, h := range hashes {
				secrets = append(secrets, hex.EncodeToString(h[:4]), base64.StdEncoding.EncodeToString(h[:6]), base64.URLEncoding.EncodeToString(h[:6]))
			}
			for _, s := range secrets {
				if bytes.Contains(kept, []byte(s)) {
					t.Errorf("the log has %q in %s", s, kept)
				}
			}
		}
		if len(sums) != 2 || sums[0] != sums[1] {
			t.Errorf("setting two PINs has the fingerprints %v, want the same twice", sums)
		}
	})
}

// Coming back again and again from one address is limited, in that room.
func TestReturnsAreLimited(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		for range 4 {
			ann.drop()
			ann = ann.resume()
		}
		ben.settle()
		number := ben.view.Number
		hello := protocol.Hello{Room: ann.room, Name: "Ann", Resume: &protocol.Resume{Seat: ann.seat}}
		again := w.dial(home)
		e := again.wantHello(hello, protocol.CodeRateLimited)
		if e.RetryAfterMs < 1 || e.RetryAfterMs > 1001 {
			t.Errorf("retry after %d ms, want at most a second", e.RetryAfterMs)
		}
		again.wantHello(protocol.Hello{Room: ann.room, Name: "Eve"}, protocol.CodeRateLimited) // new members count alike
		if ben.settle(); ben.view.Number != number {
			t.Errorf("what was refused brought the log from %d to %d", number, ben.view.Number)
		}
		ben.drop()
		ben.resume()  // another address
		w.host("Eve") // another room
		time.Sleep(time.Duration(e.RetryAfterMs) * time.Millisecond)
		again.hello(hello)
	}, "--max-sessions-per-ip", "5")
}

// waiting is how many connections are open that are no sessions.
func (w *world) waiting() int {
	synctest.Wait()
	w.g.conns.counter.mu.Lock()
	defer w.g.conns.counter.mu.Unlock()
	return w.g.conns.counter.total
}

// Who asks for the clip and does not read it is cut off.
func TestSlowReaderOfTheClip(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		c, err := w.net.Dial(t.Context(), home)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetReadBuffer(4 << 10)
		if _, err := io.WriteString(c, strings.Repeat("GET /clip.webm HTTP/1.1\r\nHost: tandem.test\r\n\r\n", 20)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		if n := w.waiting(); n != 1 {
			t.Errorf("%d connections are open after 59 s, want 1", n)
		}
		time.Sleep(2 * time.Second)
		if n := w.waiting(); n != 0 {
			t.Errorf("%d connections are open after a minute", n)
		}
		if rest, _ := io.ReadAll(c); len(rest) > 8<<10 {
			t.Errorf("%d bytes came, want what had been sent", len(rest))
		}
	})
}

// Connections that are not, or not yet, sessions are bounded by address, but
// for those of proxies.
func TestConnectionsAreLimited(t *testing.T) {
	for _, c := range []struct {
		name, proxies string
		extra         time.Duration // how long one too many is held
	}{
		{"of a client", "", 0},
		{"of a proxy", cafe, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				if n := w.waiting(); n != 0 {
					t.Errorf("%d connections are counted, want no sessions to be", n)
				}
				for range 102 {
					conn := w.open(cafe, "")
					defer conn.Close()
				}
				synctest.Wait()
				extra := w.open(cafe, "")
				defer extra.Close()
				if took := closedAfter(extra); took != c.extra {
					t.Errorf("one too many is closed after %v, want %v", took, c.extra)
				}
				w.join(ann.room, "Ben", office) // others are not concerned
				time.Sleep(5 * time.Second)     // and those that say nothing have gone
				w.join(ann.room, "Cem", cafe)
				if n := w.waiting(); n != 0 {
					t.Errorf("%d connections are counted at the end", n)
				}
			}, "--max-sessions-per-ip", "2", "--trusted-proxies", c.proxies)
		})
	}
}

// Pages of allowed origins may make rooms and read the answers; others may not.
func TestPagesOfOtherOrigins(t *testing.T) {
	for _, c := range []struct {
		origin  string
		allowed bool
	}{{"https://site.example", true}, {"https://evil.example", false}, {"null", false}} {
		t.Run(c.origin, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				made := w.create(`{"name":"Ann"}`)
				call := func(method, path, body string) response {
					r := w.request(method, path, body)
					r.Header.Set("Origin", c.origin)
					if method == http.MethodOptions {
						r.Header.Set("Access-Control-Request-Method", http.MethodPost)
						r.Header.Set("Access-Control-Request-Headers", "content-type")
					}
					got, want := w.call(home, r), ""
					if c.allowed {
						want = c.origin
					}
					h := got.Header
					if h.Get("Access-Control-Allow-Origin") != want || h.Get("Access-Control-Allow-Credentials") != "" || !slices.Contains(h.Values("Vary"), "Origin") {
						t.Errorf("%s %s: the headers are %v, want the origin %q to be allowed", method, path, h, want)
					}
					return got
				}
				asked := call(http.MethodOptions, "/v1/rooms", "")
				post := call(http.MethodPost, "/v1/rooms", `{"name":"Ann"}`)
				call(http.MethodPost, "/v1/rooms", `{}`) // a refusal is to be read, too
				call(http.MethodGet, "/v1/rooms/"+made.ID, "")
				if !c.allowed {
					refusalOf(t, post, http.StatusForbidden, protocol.CodeForbidden)
					return
				}
				h := asked.Header
				if asked.Status != http.StatusNoContent || !strings.Contains(h.Get("Access-Control-Allow-Methods"), http.MethodPost) ||
					h.Get("Access-Control-Allow-Headers") != "Content-Type, Authorization" {
					t.Errorf("what is asked before is answered %d %v", asked.Status, h)
				}
				if post.Status != http.StatusCreated {
					t.Errorf("making a room is answered %d %s", post.Status, post.Body)
				}
			}, "--allowed-origins", "https://site.example")
		})
	}
}

// Who does not get the data folder makes no secret in it: two that start there
// at once cannot end with different ones.
func TestSecretIsMadeUnderTheLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	logger := slog.New(slog.DiscardHandler)
	config := load(t, []string{"--data-dir", dir}, nil)
	other, err := sqlite.Open(t.Context(), filepath.Join(dir, "tandem.db"), logger) // and has no secret yet
	if err != nil {
		t.Fatal(err)
	}
	if g, err := New(t.Context(), config, logger); err == nil {
		_ = g.log.Close(t.Context())
		t.Error("a second gateway has the folder too")
	}
	path := filepath.Join(dir, "secret")
	for _, name := range []string{path, path + ".new"} {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var made []string
	for range 2 {
		g, err := New(t.Context(), config, logger)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.log.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		secret, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, string(secret))
	}
	if made[0] != made[1] {
		t.Error("the next start has another secret")
	}
}
