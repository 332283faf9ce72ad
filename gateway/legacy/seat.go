package legacy

import (
	"context"
	"math"
	"sync"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
	wire "tandem.watch/tandem/protocol/legacy"
)

// seat is a member's place in a room: the core.Conn that its room knows. One
// connection has one after the other.
type seat struct {
	// static after construction
	p            *peer
	room, member string
	// session is set once, before the service knows the seat.
	session *core.Session

	// guarded by mu
	mu   sync.Mutex
	view view
	// held is a start that is sent when it is due, by timer.
	held  *record
	timer *time.Timer
	// done says that the seat is no longer the connection's: nothing more is told.
	done bool
	// again says that the connection is taking the seat anew, closed with what it
	// was closed meanwhile.
	again  bool
	closed *core.Bye
	// reported is what the member last said of its player.
	reported report
}

// view is what a seat keeps of its room.
type view struct {
	joined bool
	host   string
	name   string // the member's own
	guests bool   // may control playback
	media  core.Media
	url    *string // where the extension may go; nil when that is nowhere
	// elsewhere says that the room watches what the extension cannot show.
	elsewhere bool
	timeline  core.Timeline
	by        string // who has set it, as far as the seat has heard; "" is unknown
	gate      uint64 // the open gate's number; 0 when there is none
}

// report is what a member said of its player.
type report struct {
	position float64
	playing  bool
	at       int64 // cluster time in µs; 0 when it has said nothing
}

// position is where the timeline is, and whether it moves.
func (v *view) position(now int64) (position float64, playing bool) {
	return v.timeline.PositionAt(now), v.timeline.Playing && v.timeline.At <= now
}

// Send implements core.Conn.
func (s *seat) Send(frames []*core.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	for _, f := range frames {
		switch m := f.Message.(type) {
		case core.Welcomed:
			s.look(m.Room)
		case core.Happened:
			s.look(m.Room)
			s.listen(m.Events)
		case core.Beat:
			if s.view.elsewhere {
				continue
			}
		}
		b, err := f.Encode(s.p.service.encoding)
		if err != nil {
			s.p.service.opts.Logger.Error("message not encoded", "error", err)
			s.p.conn.Close(core.Bye{Code: protocol.CloseInternal, AfterMs: 1000})
			return
		}
		for len(b) > 0 {
			var r record
			r, b = nextRecord(b)
			s.take(f.Class, f.Key, r)
		}
	}
}

func (s *seat) look(r *core.Room) {
	before := s.view
	s.view = view{
		joined: true, host: r.Host, guests: r.Settings.GuestControl, timeline: r.Timeline, by: before.by,
		media: before.media, url: before.url, elsewhere: before.elsewhere,
	}
	if !before.joined || !before.media.Equal(r.Media) { // an address is looked into once
		s.view.media, s.view.url, s.view.elsewhere = r.Media, watchPage(r.Media), elsewhere(r.Media)
	}
	if m := r.Member(s.member); m != nil {
		s.view.name = m.Name
	}
	if r.Gate != nil {
		s.view.gate = r.Gate.Number
	}
}

// listen finds out who has set the timeline.
func (s *seat) listen(events []core.Event) {
	for _, e := range events {
		if _, ok := e.Body.(core.TimelineSet); ok {
			s.view.by = e.By.Seat
		}
	}
}

// take sends a record, or holds it until it is due.
func (s *seat) take(class core.Class, key string, r record) {
	if !r.isFor(s.member) {
		return
	}
	if r.timeline {
		s.release()
	}
	if len(r.frame) == 0 {
		return
	}
	if r.due != 0 {
		ahead := time.Duration(r.due-s.p.now())*time.Microsecond - s.p.clock.oneWay()
		if ahead > 0 {
			s.hold(&r, ahead)
			return
		}
	}
	s.push(class, key, r)
}

// hold keeps a start until it is due. It ends with the seat, or with the next
// timeline.
func (s *seat) hold(r *record, ahead time.Duration) {
	s.held = r
	s.timer = time.AfterFunc(ahead, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.held == r && !s.done {
			s.held = nil
			s.push(core.ClassControl, "", *r)
		}
	})
}

// release forgets a start that is being held.
func (s *seat) release() {
	if s.held != nil {
		s.timer.Stop()
		s.held = nil
	}
}

// push sends a record, its instant translated.
func (s *seat) push(class core.Class, key string, r record) {
	if r.hole == 0 {
		s.p.push(class, key, r.frame)
		return
	}
	own := wire.AppendInstant(make([]byte, 0, wire.InstantWidth), s.p.clock.shows(r.instant))
	s.p.push(class, key, r.frame[:r.hole], own, r.frame[r.hole+wire.InstantWidth:])
}

// tell sends the member a message of its own, with instant as its
// eventTimestamp.
func (s *seat) tell(instant int64, m wire.ServerMessage) { s.p.tell(instant, m) }

// truth tells the member alone where the room is: it has done what the room has
// not.
func (s *seat) truth() {
	now := s.p.now()
	position, playing := s.where(now)
	control := wire.Pause
	if playing {
		control = wire.Play
	}
	s.tell(now, wire.Playback{UserID: wire.Server, Control: control, CurrentTime: &position, Timestamp: now / 1000})
}

// where is where the member ought to be, and whether it ought to play: where the
// room is, or, if the room watches something else, where it is.
func (s *seat) where(now int64) (position float64, playing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view.elsewhere {
		own := core.Timeline{Position: s.reported.position, Playing: s.reported.playing, Rate: 1, At: s.reported.at}
		return own.PositionAt(now), own.Playing
	}
	return s.view.position(now)
}

// see returns what is known of the room.
func (s *seat) see() view {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

// Close implements core.Conn: the room has given up the seat. A connection that
// is closed comes back and joins again; who was removed keeps it instead, and is
// told.
func (s *seat) Close(bye core.Bye) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	if s.again {
		s.closed = &bye
		return
	}
	s.close(bye)
}

func (s *seat) close(bye core.Bye) {
	s.end()
	switch bye.Code {
	case protocol.CloseRemoved:
		s.p.fail("You were removed from the room")
	case protocol.CloseBanned:
		s.p.fail("You are banned from this room")
	default:
		s.p.conn.Close(bye)
	}
}

// end is the seat's: nothing more is told of its room.
func (s *seat) end() {
	s.release()
	s.done, s.view.joined = true, false
}

// retire ends the seat without a word.
func (s *seat) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// renewing begins, and ends, the time in which the connection takes the seat
// anew. When that failed, what has become of the seat meanwhile takes effect.
func (s *seat) renewing(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = on
	if !on && s.closed != nil && !s.done {
		s.close(*s.closed)
	}
}

// Probe implements core.Prober.
func (s *seat) Probe(ctx context.Context) bool { return s.p.conn.Probe(ctx) }

// report keeps what the member said of its player, and returns how far it is off
// the timeline, in ms; nil when they do not both play.
func (s *seat) report(r report) (offset *float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reported = r
	position, playing := s.view.position(r.at)
	if !r.playing || !playing {
		return nil
	}
	off := math.Round((r.position-position)*1e6) / 1e3
	return &off
}

// lastReport is what the member last said of its player.
func (s *seat) lastReport() report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reported
}
