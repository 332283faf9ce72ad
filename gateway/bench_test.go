//go:build linux

package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"tandem.watch/tandem/gateway"
	"tandem.watch/tandem/protocol"
)

// benchFlags lift the limits that the load would meet.
var benchFlags = []string{
	"--http-addr=127.0.0.1:0", "--https-addr=127.0.0.1:0", "--log-level=error", "--max-members=5000", "--max-rooms-per-ip=1000000", "--max-message-rate=1000000", "--max-command-rate=1000000", "--max-connects-per-ip=1000000",
}

// shapes are the rooms that fan-out is measured with.
var shapes = []struct{ rooms, members, window int }{
	{1, 10, 1}, {1, 100, 1}, {1, 1000, 1}, {1, 1000, 8}, {100, 10, 1},
}

// shapeName has rooms, members of each, and messages in flight in each.
func shapeName(rooms, members, window int) string {
	return fmt.Sprintf("rooms=%d/members=%d/inflight=%d", rooms, members, window)
}

// fill makes rooms on a gateway and seats members in them.
func (l *load) fill(rooms, members int) {
	l.b.Helper()
	for range rooms {
		id, seat := l.createRoom()
		r := &loadRoom{}
		l.rooms = append(l.rooms, r)
		for i := range members {
			hello := protocol.Hello{Version: protocol.Version, Room: id, Name: fmt.Sprintf("Member %d", i)}
			if i == 0 {
				hello.Resume = &protocol.Resume{Seat: seat}
			}
			text, err := protocol.Append(nil, &hello)
			if err != nil {
				l.b.Fatal(err)
			}
			l.connect(r, "/v1/ws", protocol.Subprotocol, text)
		}
	}
	l.settle(true)
}

func (l *load) createRoom() (id, seat string) {
	l.b.Helper()
	resp, err := http.Post("http://"+l.addr.String()+"/v1/rooms", "application/json", bytes.NewReader([]byte(`{"name":"Host"}`)))
	if err != nil {
		l.b.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ ID, Seat string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || resp.StatusCode != http.StatusCreated {
		l.b.Fatalf("creating a room: %s, %v", resp.Status, err)
	}
	return made.ID, made.Seat
}

// fillPlain does what fill does on the plain server.
func (l *load) fillPlain(rooms, members int) {
	l.b.Helper()
	for i := range rooms {
		r := &loadRoom{}
		l.rooms = append(l.rooms, r)
		for range members {
			l.connect(r, fmt.Sprintf("/%d", i), "", nil)
		}
	}
	l.settle(false)
}

// BenchmarkGateway is a whole gateway and its clients in this process: for
// allocations and profiles. One operation is one message in every room.
func BenchmarkGateway(b *testing.B) {
	for _, kind := range []string{"reaction", "chat"} {
		for _, s := range shapes[2:] {
			b.Run(kind+"/"+shapeName(s.rooms, s.members, s.window), func(b *testing.B) {
				l := newLoad(b, startGateway(b))
				l.fill(s.rooms, s.members)
				messages := reactions
				if kind == "chat" {
					messages = chats(map[*loadRoom]int{})
				}
				l.run(50, s.window, messages)
				l.latencies = latencies{}
				b.ReportAllocs()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				// An operation of several messages keeps them in flight together.
				deliveries := 0
				for b.Loop() {
					deliveries += l.run(s.window, s.window, messages)
				}
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(deliveries), "ns/delivery")
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(deliveries), "allocs/delivery")
			})
		}
	}
}

// startGateway runs a gateway in this process and returns its address.
func startGateway(b *testing.B) string {
	b.Helper()
	config, err := gateway.LoadConfig(append([]string{"--data-dir", b.TempDir()}, benchFlags...), nil)
	if err != nil {
		b.Fatal(err)
	}
	g, err := gateway.New(b.Context(), config, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		b.Fatal(err)
	}
	if err := g.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			b.Error(err)
		}
	})
	return g.Addr().String()
}

// side is a kind of message on a server of its own process, with what it has
// cost so far.
type side struct {
	name       string
	process    *process
	load       *load
	messages   func(*loadRoom) func([]byte) []byte
	latencies  latencies
	cpu, took  time.Duration
	deliveries int
}

func (s *side) run(messages, window int) {
	s.load.latencies = latencies{}
	begin, cpu := time.Now(), s.process.cpu()
	s.deliveries += s.load.run(messages, window, s.messages)
	s.took += time.Since(begin)
	s.cpu += s.process.cpu() - cpu
	for i, n := range s.load.latencies.count {
		s.latencies.count[i] += n
	}
	s.latencies.all += s.load.latencies.all
}

// perMillion is the CPU time of the server in seconds for a million deliveries.
func (s *side) perMillion() float64 { return s.cpu.Seconds() / float64(s.deliveries) * 1e6 }

func (s *side) report(b *testing.B) {
	b.ReportMetric(s.perMillion(), s.name+"-cpu-s/M")
	b.ReportMetric(float64(s.deliveries)/s.took.Seconds(), s.name+"-deliveries/s")
	b.ReportMetric(s.latencies.quantile(0.5), s.name+"-p50-µs")
	b.ReportMetric(s.latencies.quantile(0.99), s.name+"-p99-µs")
}

// BenchmarkProcess is what a delivery costs the gateway as a process of its
// own, pinned to one core and its clients to another: a reaction, which is
// told and forgotten, and a line of chat, which is on disk before it is told.
// A server that does nothing but broadcast (testdata/plain) takes its turn
// with them, so that a disturbance hits all three. One operation is a turn of
// each: about 20,000 deliveries, or 500 messages if those are fewer.
func BenchmarkProcess(b *testing.B) {
	tandem, plain := buildServer(b, "tandem.watch/tandem"), buildServer(b, "tandem.watch/tandem/gateway/testdata/plain")
	for _, s := range shapes {
		b.Run(shapeName(s.rooms, s.members, s.window), func(b *testing.B) {
			pinLoad(b)
			ours, theirs := startProcess(b, tandem, benchFlags...), startProcess(b, plain)
			l, p := newLoad(b, ours.addr), newLoad(b, theirs.addr)
			l.fill(s.rooms, s.members)
			p.fillPlain(s.rooms, s.members)
			sides := []*side{
				{name: "reaction", process: ours, load: l, messages: reactions},
				{name: "chat", process: ours, load: l, messages: chats(map[*loadRoom]int{})},
				{name: "plain", process: theirs, load: p, messages: plainMessages},
			}
			turn := max(1, 20_000/(s.rooms*s.members*s.window)) * s.window
			turn = min(turn, 500)
			for _, side := range sides {
				side.run(min(turn, 50), s.window)
				*side = side.fresh()
			}
			for b.Loop() {
				for _, side := range sides {
					side.run(turn, s.window)
				}
			}
			for _, side := range sides {
				side.report(b)
			}
			b.ReportMetric(sides[0].perMillion()/sides[2].perMillion(), "reaction/plain")
			b.ReportMetric(sides[1].perMillion()/sides[2].perMillion(), "chat/plain")
		})
	}
}

// fresh is a side before its first turn.
func (s *side) fresh() side {
	return side{name: s.name, process: s.process, load: s.load, messages: s.messages}
}

// BenchmarkIdle is the resident memory that a member costs the gateway's
// process who is connected, in a room of ten, and silent; and how fast they
// can come.
func BenchmarkIdle(b *testing.B) {
	tandem, plain := buildServer(b, "tandem.watch/tandem"), buildServer(b, "tandem.watch/tandem/gateway/testdata/plain")
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			var ours, theirs int
			var joining time.Duration
			for b.Loop() {
				p := startProcess(b, tandem, benchFlags...)
				l := newLoad(b, p.addr)
				before, begin := p.resident(), time.Now()
				l.fill(n/10, 10)
				joining += time.Since(begin) - 100*time.Millisecond // settle's last wait
				ours += p.resident() - before
				l.close()
				p.stop()

				p = startProcess(b, plain)
				l = newLoad(b, p.addr)
				before = p.resident()
				l.fillPlain(n/10, 10)
				theirs += p.resident() - before
				l.close()
				p.stop()
			}
			members := float64(b.N * n)
			b.ReportMetric(float64(ours)/members, "B/member")
			b.ReportMetric(float64(theirs)/members, "plain-B/member")
			b.ReportMetric(members/joining.Seconds(), "joins/s")
		})
	}
}
