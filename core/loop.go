package core

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"tandem.watch/tandem/protocol"
)

// loop is a room in memory, with the goroutine that owns it.
type loop struct {
	// static after construction
	hub    *Hub
	id     string
	logger *slog.Logger
	inbox  chan posted   // what sessions post
	landed chan *flight  // the end of the append under way
	ear    *ear          // what other gateways tell
	loaded chan struct{} // closed when loading is over
	quit   chan struct{} // closed by stop
	gone   chan struct{} // closed when run has ended

	// set before loaded is closed
	loadErr   error
	following Following // nil without a Feed

	// guarded by hub.mu
	refs    int
	stopped bool

	// owned by run
	room     *Room // what the log holds
	ahead    *Room // and what it will hold when the flight has landed
	recent   []Event
	seats    map[string]*seat
	sessions []*Session
	pending  []*pending
	flight   *flight
	out      []*Frame // to everybody, at the end of this turn
	departed []departure
	expiries []expiry // in the order of their deadlines
	asked    uint64   // the gate whose opening is among pending or in flight
	leads    leads
	vitals   vitals
	beats    beats
	idle     time.Time // since when nobody is here; zero when somebody is
	snapshot snapshotState
	catching catching
	failed   bool
}

// posted is something that a room's goroutine is asked to do.
type posted interface{ handle(*loop) }

type postedFunc func(*loop)

func (f postedFunc) handle(l *loop) { f(l) }

// Bounds of a loop.
const (
	// inboxSize and maxPending bound what waits; beyond, posting blocks.
	inboxSize  = 256
	maxPending = 4 * maxBatch
	// maxTurn bounds what is handled before everybody is told.
	maxTurn = 256
	// maxRecent is how many events at least are kept for those who come back; at
	// most twice as many.
	maxRecent = 1000
)

func newLoop(h *Hub, id string) *loop {
	return &loop{
		hub: h, id: id, logger: h.opts.Logger.With("room", id),
		inbox: make(chan posted, inboxSize), landed: make(chan *flight, 1), ear: newEar(),
		loaded: make(chan struct{}), quit: make(chan struct{}), gone: make(chan struct{}),
		seats: map[string]*seat{}, catching: catching{done: make(chan *caught, 1)},
	}
}

// post hands something to the room's goroutine. It waits while the inbox is full.
func (l *loop) post(ctx context.Context, p posted) error {
	select {
	case l.inbox <- p:
		return nil
	case <-l.gone:
		return protocol.Errorf(protocol.CodeUnavailable, "the room is being moved; connect again")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop asks the loop to end. Its caller holds hub.mu.
func (l *loop) stop() {
	if !l.stopped {
		l.stopped = true
		close(l.quit)
	}
}

func (l *loop) run() {
	defer close(l.gone)
	if l.loadErr = l.load(); l.loadErr != nil {
		l.hub.abandon(l)
		close(l.loaded)
		return
	}
	close(l.loaded)
	l.tellOthers(note{Ask: true})
	l.turns()
	if l.following != nil {
		l.following.Stop()
	}
	l.snapshot.wait()
}

func (l *loop) turns() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if l.failed {
			l.end(protocol.CloseUnavailable)
			return
		}
		l.launch()
		l.flush()
		if l.retired() {
			l.end(protocol.CloseUnavailable)
			return
		}
		timer.Reset(l.untilNext())
		inbox := l.inbox
		if len(l.pending) >= maxPending {
			inbox = nil // whoever posts waits
		}
		select {
		case p := <-inbox:
			p.handle(l)
			l.drain()
		case f := <-l.landed:
			l.land(f)
		case <-l.ear.ready:
			l.hear()
		case c := <-l.catching.done:
			l.catch(c)
		case <-timer.C:
		case <-l.quit:
			l.wind()
			return
		}
		l.timers()
	}
}

// drain handles what else has arrived, so that it goes out in one write.
func (l *loop) drain() {
	for range maxTurn {
		if len(l.pending) >= maxPending {
			return
		}
		select {
		case p := <-l.inbox:
			p.handle(l)
		default:
			return
		}
	}
}

// wind is the end on a stopping gateway: what was asked is done and answered,
// then everybody is sent away.
func (l *loop) wind() {
	for range 64 {
		if l.failed {
			break
		}
		l.drain()
		l.launch()
		switch {
		case l.flight != nil:
			l.land(<-l.landed)
			continue
		case l.catching.under:
			l.catch(<-l.catching.done)
			continue
		}
		break
	}
	l.flush()
	l.saveSnapshot()
	l.end(protocol.CloseRestart)
}

// end closes every session; their seats stay.
func (l *loop) end(code protocol.CloseCode) {
	if l.flight != nil {
		l.land(<-l.landed)
	}
	if l.catching.under {
		<-l.catching.done
		l.catching.under = false
	}
	for _, p := range l.pending {
		if done := l.doneBefore(p); done != 0 {
			p.answer(l, done, nil)
		} else {
			p.answer(l, 0, ErrUnavailable)
		}
	}
	l.pending = nil
	l.flush()
	l.hub.abandon(l)
	for _, s := range l.sessions {
		s.index = -1
		// Spread over a second, so that they do not all come back at once.
		s.conn.Close(Bye{Code: code, AfterMs: rand.Int64N(1000)})
	}
	l.sessions = nil
}

// fail gives the room up: its sessions come back to a loop that loads it anew.
func (l *loop) fail(why string, err error) {
	l.logger.Error("room given up", "why", why, "error", err)
	l.failed = true
}

// retired says that nobody is here any more and the loop has left the hub.
func (l *loop) retired() bool {
	if len(l.sessions) > 0 || l.needed() || len(l.pending) > 0 || l.flight != nil || l.catching.under || len(l.inbox) > 0 {
		l.idle = time.Time{}
		return false
	}
	if l.idle.IsZero() {
		l.idle = time.Now()
	}
	if time.Since(l.idle) < l.hub.opts.Unload {
		return false
	}
	if !l.hub.retire(l) {
		l.idle = time.Now() // somebody is on the way in, or not yet out
		return false
	}
	if l.rank() == 0 {
		l.saveSnapshot()
	}
	return true
}

// needed says whether there are seats that no other gateway looks after.
func (l *loop) needed() bool {
	return slices.ContainsFunc(l.room.Members(), func(m *Member) bool { return !l.elsewhere(m) })
}

// room returns the state that s adds up to. It may be s's own.
func (s Stored) room(id string) (*Room, error) {
	room := s.Room
	if room == nil {
		room = NewRoom(id)
	}
	for _, e := range s.Events {
		if e.Number <= room.Number {
			continue
		}
		if err := room.Apply(e); err != nil {
			return nil, err
		}
	}
	return room, nil
}

// take makes committed events part of the room, and tells everybody.
func (l *loop) take(events []Event) {
	for _, e := range events {
		lost := l.wronglyGone(e)
		if err := l.room.Apply(e); err != nil {
			l.fail("the log's events do not follow each other", err)
			return
		}
		l.takeSeat(e)
		if lost != nil {
			l.rejoin(lost)
		}
	}
	if l.recent = append(l.recent, events...); len(l.recent) >= 2*maxRecent {
		l.recent = keepLast(l.recent, maxRecent) // seldom, since it moves them all
	}
	for _, h := range split(events) {
		h.Room = l.room
		l.broadcast(&Frame{Class: ClassControl, Message: h})
	}
	// Who is told an answer has seen what it did.
	l.flush()
}

// takeSeat keeps the seats in step with the members.
func (l *loop) takeSeat(e Event) {
	switch b := e.Body.(type) {
	case Joined:
		l.seats[b.Member] = &seat{}
		l.leads.stale = true
		if b.Gateway == l.self() {
			l.expect(b.Member) // until its session is seated, in this same turn
		}
	case Seated:
		l.reseated(b)
	case Left:
		if s := l.seats[b.Member]; s != nil {
			delete(l.seats, b.Member)
			l.leads.stale = true
			if s.session != nil && b.Reason != LeftExpired {
				l.departed = append(l.departed, departure{s.session, closeCode(b.Reason)})
			}
		}
	default:
	}
}

// broadcast tells everybody at the end of this turn.
func (l *loop) broadcast(f *Frame) { l.out = append(l.out, f) }

func (l *loop) flush() {
	if len(l.out) == 0 {
		return
	}
	for _, s := range l.sessions {
		s.conn.Send(l.out)
	}
	clear(l.out)
	l.out = l.out[:0]
}

// split makes messages of events, each well below the largest that a client takes.
func split(events []Event) []Happened {
	const most = protocol.MaxMessage * 3 / 4
	var all []Happened
	for len(events) > 0 {
		n, weight := 0, 0
		for n < len(events) && (n == 0 || weight+weigh(events[n]) <= most) {
			weight += weigh(events[n])
			n++
		}
		all = append(all, Happened{Epoch: events[n-1].Epoch, First: events[0].Number, Last: events[n-1].Number, Events: events[:n:n]})
		events = events[n:]
	}
	return all
}

// history returns lines of chat before a number; 0 is the newest.
func (r *Room) history(before uint64, limit int) ChatHistory {
	end := len(r.Chat)
	if before != 0 {
		end, _ = slices.BinarySearchFunc(r.Chat, before, func(c ChatLine, n uint64) int {
			return int(int64(c.Number) - int64(n)) //nolint:gosec // numbers are far below 2^63
		})
	}
	start, weight := end, 0
	for start > 0 && end-start < limit {
		weight += weighLine(r.Chat[start-1])
		if weight > protocol.MaxMessage*3/4 {
			break
		}
		start--
	}
	return ChatHistory{Lines: slices.Clone(r.Chat[start:end]), More: start > 0}
}
