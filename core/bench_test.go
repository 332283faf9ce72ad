package core_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/memory"
	v1 "tandem.watch/tandem/gateway/v1"
)

// benchText makes an event of chat of about 200 bytes on the wire.
var benchText = strings.Repeat("words ", 4)

// benchConn is a peer that encodes what it is sent and keeps nothing. It is
// called by the room's goroutine; the benchmark reads it when the room rests.
type benchConn struct {
	encoding core.Encoding
	tally    *tally
}

// tally counts what the conns of a benchmark are sent. bytes belongs to the
// room's goroutine; done says that want frames have come.
type tally struct {
	frames, want int
	bytes        int64
	done         chan struct{}
}

func (c *benchConn) Send(frames []*core.Frame) {
	for _, f := range frames {
		b, err := f.Encode(c.encoding)
		if err != nil {
			panic(err)
		}
		c.tally.bytes += int64(len(b))
		if c.tally.frames++; c.tally.frames == c.tally.want {
			c.tally.done <- struct{}{}
		}
	}
}

func (*benchConn) Close(core.Bye) {}

// benchRoom is a room on a hub of its own, with a log in memory.
type benchRoom struct {
	b        *testing.B
	hub      *core.Hub
	id       string
	tally    *tally
	encoding core.Encoding
	host     *core.Session
	sessions []*core.Session
	command  uint64
	joined   int
}

func newBenchRoom(b *testing.B, members int) *benchRoom {
	b.Helper()
	hub, err := core.NewHub(core.Options{
		Log: memory.New(), Clock: core.NewLocalClock(0), Secrets: [][]byte{make([]byte, 16)},
		Logger: slog.New(slog.DiscardHandler), MaxMembers: 2000, Grace: time.Hour,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = hub.Shutdown(context.Background()) })
	made, err := hub.Create(b.Context(), core.CreateRequest{Name: "Member 0", Media: core.Media{Kind: core.MediaClip}})
	if err != nil {
		b.Fatal(err)
	}
	r := &benchRoom{
		b: b, hub: hub, id: made.Room, tally: &tally{done: make(chan struct{}, 1)},
		encoding: &v1.WebSocket{JSON: &v1.JSON{}},
	}
	r.host = r.join(&core.Resume{Token: made.Seat})
	for range members - 1 {
		r.join(nil)
	}
	return r
}

func (r *benchRoom) join(resume *core.Resume) *core.Session {
	r.b.Helper()
	r.joined++
	s, err := r.hub.Join(r.b.Context(), core.JoinRequest{
		Room: r.id, Name: fmt.Sprintf("Member %d", len(r.sessions)), Resume: resume, Address: fmt.Sprintf("address %d", r.joined),
		Conn: &benchConn{encoding: r.encoding, tally: r.tally},
	})
	if err != nil {
		r.b.Fatal(err)
	}
	r.sessions = append(r.sessions, s)
	return s
}

// expect makes ready to wait until the room has sent this many frames. The
// room rests: the next post publishes it to the room's goroutine.
func (r *benchRoom) expect(frames int) { r.tally.frames, r.tally.want = 0, frames }

func (r *benchRoom) do(c core.Command) {
	r.command++
	if err := r.host.Do(r.b.Context(), r.command, c); err != nil {
		r.b.Fatal(err)
	}
}

// BenchmarkFanOut is one message on its way from a member to all members of
// its room, encoded for WebSocket, with one message in flight. A command's
// events are in the (memory) log before they are told.
func BenchmarkFanOut(b *testing.B) {
	for _, kind := range []struct {
		name   string
		answer int // frames to the sender alone
		send   func(*benchRoom)
	}{
		{"reaction", 0, func(r *benchRoom) { _ = r.host.React(r.b.Context(), "\U0001F389") }},
		{"chat", 1, func(r *benchRoom) { r.do(core.Say{Text: benchText}) }},
		{"timeline", 1, func(r *benchRoom) { r.do(core.Seek{Position: float64(r.command)}) }},
	} {
		for _, n := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/sessions=%d", kind.name, n), func(b *testing.B) {
				r := newBenchRoom(b, n)
				// A room that has been in use: its history and its events of late are full.
				for range 1100 {
					r.expect(n + kind.answer)
					kind.send(r)
					<-r.tally.done
				}
				b.ReportAllocs()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for b.Loop() {
					r.expect(n + kind.answer)
					kind.send(r)
					<-r.tally.done
				}
				runtime.ReadMemStats(&after)
				deliveries := float64(b.N) * float64(n)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/deliveries, "ns/delivery")
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/deliveries, "allocs/delivery")
			})
		}
	}
}

// BenchmarkJoin is a member who comes into a room of some members and leaves
// again; everybody hears of both. The metric ns/join is the coming alone.
func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{10, 100, 300} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			r := newBenchRoom(b, n)
			b.ReportAllocs()
			var joining time.Duration
			for b.Loop() {
				begin := time.Now()
				s := r.join(nil)
				joining += time.Since(begin)
				r.sessions = r.sessions[:n]
				// Each of the others hears that it has left, and the member itself too,
				// with its answer.
				r.expect(n + 2)
				if err := s.Do(b.Context(), 1, core.Leave{}); err != nil {
					b.Fatal(err)
				}
				<-r.tally.done
				s.Drop()
			}
			b.ReportMetric(float64(joining.Nanoseconds())/float64(b.N), "ns/join")
		})
	}
}

// benchMembers is the default bound of a room.
const benchMembers = 300

// benchState is a room's state with members, a full history, and answers to
// commands, as after an evening.
type benchState struct {
	b       *testing.B
	room    *core.Room
	seats   []string
	command uint64
}

func newBenchState(b *testing.B, members int) *benchState {
	s := &benchState{b: b, room: core.NewRoom("bench")}
	for i := range members {
		s.seats = append(s.seats, fmt.Sprintf("m_%010d", i))
	}
	s.apply(core.Ref{}, core.Create{Settings: core.Settings{GuestControl: true}, Media: core.Media{Kind: core.MediaClip}, Member: s.seats[0], Name: "Member 0"})
	for i, seat := range s.seats[1:] {
		s.apply(core.Ref{}, core.Join{Member: seat, Name: fmt.Sprintf("Member %d", i+1)})
	}
	for range max(core.MaxChat, 64*members) {
		s.apply(s.next(), core.Say{Text: benchText})
	}
	return s
}

// next refers to the next command, of the members in turn.
func (s *benchState) next() core.Ref {
	s.command++
	return core.Ref{Seat: s.seats[int(s.command)%len(s.seats)], Command: s.command, Sum: uint32(s.command)}
}

func (s *benchState) decide(by core.Ref, c core.Command) []core.Body {
	d, err := core.Decide(s.room, by, c, s.room.At+1, core.Hints{Lead: 100 * time.Millisecond})
	if err != nil {
		s.b.Fatal(err)
	}
	return d.Bodies
}

func (s *benchState) event(by core.Ref, body core.Body) core.Event {
	return core.Event{
		ID: core.EventID(s.room.Number + 1), Prev: s.room.Head, Epoch: 1, Number: s.room.Number + 1, At: s.room.At + 1, By: by, Body: body,
	}
}

func (s *benchState) apply(by core.Ref, c core.Command) {
	for _, body := range s.decide(by, c) {
		if err := s.room.Apply(s.event(by, body)); err != nil {
			s.b.Fatal(err)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, bm := range []struct {
		name    string
		command core.Command
	}{{"say", core.Say{Text: benchText}}, {"seek", core.Seek{Position: 600}}} {
		b.Run(bm.name, func(b *testing.B) {
			s := newBenchState(b, benchMembers)
			by := s.next()
			b.ReportAllocs()
			for b.Loop() {
				s.decide(by, bm.command)
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for _, bm := range []struct {
		name string
		body core.Body
	}{
		{"said", core.Said{Member: "m_0000000000", Name: "Member 0", Text: benchText}},
		{"timeline", core.TimelineSet{Cause: core.CauseSeek, Position: 600, Rate: 1, Playing: true}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			s := newBenchState(b, benchMembers)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.room.Apply(s.event(s.next(), bm.body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCloneRoom(b *testing.B) {
	s := newBenchState(b, benchMembers)
	b.ReportAllocs()
	for b.Loop() {
		s.room.Clone()
	}
}

func BenchmarkSum(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		core.Sum(core.Say{Text: benchText})
	}
}

func BenchmarkEncodeEvent(b *testing.B) {
	s := newBenchState(b, 1)
	e := s.event(s.next(), core.Said{Member: s.seats[0], Name: "Member 0", Text: benchText})
	data, err := core.EncodeEvent(e)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = core.EncodeEvent(e)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = core.DecodeEvent(data)
		}
	})
}

// BenchmarkFrame is the encoding of one event, once for all who hear it.
func BenchmarkFrame(b *testing.B) {
	s := newBenchState(b, 1)
	e := s.event(s.next(), core.Said{Member: s.seats[0], Name: "Member 0", Text: benchText})
	encoding := &v1.WebSocket{JSON: &v1.JSON{}}
	b.ReportAllocs()
	for b.Loop() {
		f := core.Frame{Message: core.Happened{Epoch: 1, First: e.Number, Last: e.Number, Events: []core.Event{e}}}
		if _, err := f.Encode(encoding); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOutbox is frames into an outbox and out again, some at a time.
func BenchmarkOutbox(b *testing.B) {
	frame := make([]byte, 200)
	for _, n := range []int{1, 8} {
		b.Run(fmt.Sprintf("frames=%d", n), func(b *testing.B) {
			o := core.NewOutbox(1 << 20)
			var taken [][]byte
			b.ReportAllocs()
			for b.Loop() {
				for range n {
					o.Push(core.ClassControl, "", frame)
				}
				<-o.Wake()
				taken, _ = o.Take(taken[:0])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/frame")
		})
	}
	b.Run("state", func(b *testing.B) { // superseded in place
		o := core.NewOutbox(1 << 20)
		b.ReportAllocs()
		for b.Loop() {
			o.Push(core.ClassState, "clock", frame)
		}
	})
}
