package core

import (
	"context"
	"slices"
	"time"

	"tandem.watch/tandem/protocol"
)

// seat is what the loop knows of a member beside the log. Without a session
// the member is away.
type seat struct {
	session *Session
	status  Report
	// told is what everybody was last told of the status.
	told Presence
	// toldAt is when everybody was last told at once.
	toldAt time.Time
	// until is when the grace of an absent member ends; zero while it is here.
	until time.Time
	// away says that its gateway, another one, has told that its connection is
	// gone.
	away bool
}

// expiry is when an absent member's seat is given up.
type expiry struct {
	member     string
	generation uint64
	at         time.Time
}

// departure is a session whose seat is gone.
type departure struct {
	session *Session
	code    protocol.CloseCode
}

// enter commits a join or a return, and seats the session. It waits for the
// answer.
func (l *loop) enter(ctx context.Context, s *Session, resume *Resume, p *pending) error {
	s.index = -1
	answer := make(chan error, 1)
	p.done = func(l *loop, _ uint64, err error) {
		if err == nil && ctx.Err() != nil {
			// Whoever asked has given up. The seat is left to its grace.
			err = ctx.Err()
		}
		if err == nil {
			err = l.sit(s, resume)
		}
		answer <- err
	}
	if err := l.post(ctx, p); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return publicError(err)
	case <-l.gone:
		// It may have been answered while ending.
		select {
		case err := <-answer:
			return publicError(err)
		default:
			return publicError(ErrUnavailable)
		}
	}
}

// sit gives a committed seat its session, and the session its welcome.
func (l *loop) sit(s *Session, resume *Resume) error {
	st := l.seats[s.member]
	if st == nil { // removed by a command of the same batch
		return protocol.Errorf(protocol.CodeSeatUnknown, "this seat is no longer in the room")
	}
	if old := st.session; old != nil {
		l.unseat(old)
		old.conn.Close(Bye{Code: protocol.CloseReplaced})
	} else if s.returns {
		l.broadcast(&Frame{Class: ClassControl, Message: PresenceChanged{Members: []Presence{{Member: s.member}}}})
		l.flush()
	}
	*st = seat{session: s, told: Presence{Member: s.member}}
	s.index, s.generation = len(l.sessions), l.room.Member(s.member).Generation
	l.sessions = append(l.sessions, s)
	l.beats.listen(s)
	l.leads = leads{} // at once: the next start must not be too early for it
	s.conn.Send(l.welcome(s, resume))
	l.tellSeats(s.member)
	return nil
}

// welcome returns what a session is told first: what fits into one message,
// then the rest.
func (l *loop) welcome(s *Session, resume *Resume) []*Frame {
	presence, members := l.presence(), l.room.Members()
	missed, resumed := l.since(resume)
	listed, left := 0, protocol.MaxMessage-welcomeReserve
	if !resumed {
		listed, left = fitting(members, weighMember, left-weighRoom(l.room))
	}
	first, _ := fitting(presence, weighPresence, left)
	w := Welcomed{
		Member: s.member, Seat: s.token, Room: l.room, Listed: listed, Resumed: resumed, Now: l.hub.opts.Clock.Now(), Presence: presence[:first],
	}
	frames := []*Frame{{Class: ClassControl, Message: w}}
	for page := range slices.Chunk(presence[first:], protocol.MembersPage) {
		frames = append(frames, &Frame{Class: ClassControl, Message: PresenceChanged{Members: page}})
	}
	if resumed {
		for _, h := range split(missed) {
			h.Room = l.room
			frames = append(frames, &Frame{Class: ClassControl, Message: h})
		}
		return frames
	}
	for page := range slices.Chunk(members[listed:], protocol.MembersPage) {
		frames = append(frames, &Frame{Class: ClassBulk, Message: MemberPage{Members: page}})
	}
	return frames
}

// since returns what somebody who comes back has missed. ok is false when that
// is not known any more: then it gets a snapshot.
func (l *loop) since(r *Resume) (missed []Event, ok bool) {
	if r == nil || r.Number == 0 || r.Epoch != l.room.Epoch || r.Number > l.room.Number {
		return nil, false
	}
	n := int(l.room.Number - r.Number) //nolint:gosec // at most maxRecent, or refused
	if n > len(l.recent) {
		return nil, false
	}
	missed = l.recent[len(l.recent)-n:]
	weight := 0
	for _, e := range missed {
		if weight += weigh(e); weight > maxMissed {
			return nil, false // a snapshot is smaller
		}
	}
	return missed, true
}

// maxMissed bounds, in bytes, the events that somebody who comes back is sent:
// a part of what an outbox holds.
const maxMissed = 512 << 10

// unseat takes a session off the list of those who are told.
func (l *loop) unseat(s *Session) {
	if s.index < 0 {
		return
	}
	l.beats.leave(s)
	last := len(l.sessions) - 1
	moved := l.sessions[last]
	l.sessions[s.index], moved.index = moved, s.index
	l.sessions[last] = nil
	l.sessions = l.sessions[:last]
	s.index = -1
}

// drop is the end of a session's connection. Its member is away from now on.
func (l *loop) drop(s *Session) {
	l.unseat(s)
	st := l.seats[s.member]
	if st == nil || st.session != s {
		return
	}
	*st = seat{}
	l.leads.stale = true
	l.expect(s.member)
	l.broadcast(&Frame{Class: ClassControl, Message: PresenceChanged{Members: []Presence{{Member: s.member, Away: true}}}})
	l.tellSeats(s.member)
}

// expect gives an absent member its grace.
func (l *loop) expect(member string) { l.expectUntil(member, time.Now().Add(l.hub.opts.Grace)) }

func (l *loop) expectUntil(member string, until time.Time) {
	m, st := l.room.Member(member), l.seats[member]
	if m == nil || st == nil {
		return
	}
	st.until = until
	i := len(l.expiries)
	for i > 0 && l.expiries[i-1].at.After(until) {
		i--
	}
	l.expiries = slices.Insert(l.expiries, i, expiry{member: member, generation: m.Generation, at: until})
}

// expire gives up the seats whose grace is over.
func (l *loop) expire(now time.Time) {
	for len(l.expiries) > 0 && !l.expiries[0].at.After(now) {
		x := l.expiries[0]
		l.expiries = l.expiries[1:]
		if st := l.seats[x.member]; st == nil || st.session != nil || st.until.IsZero() || st.until.After(now) {
			continue // it is here, or has dropped again since
		}
		if wait := l.hub.peers.noDepartures(now); wait.After(now) {
			l.expectUntil(x.member, wait)
			continue
		}
		l.enqueue(&pending{
			cmd: Depart{Member: x.member, Generation: x.generation},
			done: func(l *loop, _ uint64, _ error) {
				// Still here and away: the log was unavailable, or the seat was taken
				// over by a connection that did not last. It gets another grace.
				if st := l.seats[x.member]; st != nil && st.session == nil && !st.until.IsZero() {
					l.expect(x.member)
				}
			},
		})
	}
}

// closeReplaced closes the sessions whose seats another gateway's connections
// have taken over, as its events say.
func (l *loop) closeReplaced(events []Event) {
	for _, e := range events {
		b, ok := e.Body.(Seated)
		if !ok {
			continue
		}
		st := l.seats[b.Member]
		if st == nil || st.session == nil || st.session.generation >= b.Generation {
			continue
		}
		old := st.session
		l.unseat(old)
		*st = seat{}
		old.conn.Close(Bye{Code: protocol.CloseReplaced})
	}
}

// closeDeparted closes the sessions whose seats are gone, after they have been
// told so.
func (l *loop) closeDeparted() {
	for _, d := range l.departed {
		l.unseat(d.session)
		d.session.conn.Close(Bye{Code: d.code})
	}
	l.departed = nil
}

func closeCode(reason LeaveReason) protocol.CloseCode {
	switch reason {
	case LeftRemoved:
		return protocol.CloseRemoved
	case LeftBanned:
		return protocol.CloseBanned
	case LeftExpired:
		return protocol.CloseExpired
	case LeftSelf:
	}
	return protocol.CloseNormal
}

// signal passes signalling on to a member. It is lost when that is away, or so
// far behind that it could be closed for what others send it.
func (l *loop) signal(from *Session, to string, data []byte) {
	l.tellOne(from, to, Signalled{From: from.member, To: to, Data: data})
}

func (l *loop) tellOne(from *Session, to string, m Message) {
	st := l.seats[to]
	if st == nil {
		from.conn.Send([]*Frame{refusal(0, notHere(to))})
		return
	}
	if st.session != nil {
		st.session.conn.Send([]*Frame{{Class: ClassEphemeral, Message: m}})
	} else if seat := l.room.Member(to); seat != nil && l.elsewhere(seat) {
		switch m := m.(type) {
		case Signalled:
			l.tellOthers(note{Signal: &toldSignal{From: m.From, To: to, Data: m.Data}})
		case Relayed:
			l.tellOthers(note{Relayed: &toldRelay{From: m.From, To: to, Kind: m.Kind, Data: m.Data}})
		default:
		}
	}
}

// doorState is what is checked before somebody enters.
type doorState struct {
	title       string
	pin, locked bool
	access      uint64
	members     int
	banned      []string
}

// door asks the room's goroutine for what is checked before somebody enters.
func (l *loop) door(ctx context.Context) (doorState, error) {
	return ask(ctx, l, func(l *loop) doorState {
		r := l.room
		d := doorState{title: r.Settings.Title, pin: r.Settings.PIN, locked: r.Settings.Locked, access: r.Access, members: len(r.Members())}
		for _, b := range r.Banned {
			d.banned = append(d.banned, b.Member)
		}
		return d
	})
}
