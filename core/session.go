package core

import (
	"context"
	"time"

	"tandem.watch/tandem/protocol"
)

// Session is a connection's place in a room. Its methods are called by the
// transport that made it. They block only while the room has more to do than
// it can queue, so that a peer that asks too much is no longer read.
type Session struct {
	loop   *loop
	member string
	token  string
	conn   Conn
	// address is where the connection comes from, as limits count it.
	address string
	// returns says that the seat was there before, hears that Beats are told.
	returns, hears bool

	// owned by the room's goroutine
	index      int    // in loop.sessions; -1 when not there
	generation uint64 // of the seat when this session took it
}

// Member returns the session's member id.
func (s *Session) Member() string { return s.member }

// Do posts a command. The answer reaches the Conn as Acked or Refused. The
// error says that the session is over.
func (s *Session) Do(ctx context.Context, id uint64, c Command) error {
	p := &pending{by: Ref{Seat: s.member, Command: id, Sum: Sum(c)}, cmd: c}
	switch c := c.(type) {
	case Remove:
		if c.Ban {
			secret, err := s.loop.hub.opts.Log.Secret(ctx, s.loop.id, secretAddr+c.Member)
			if err != nil {
				return s.refuse(id, err)
			}
			if secret != nil {
				p.secrets = []Secret{{Name: secretBan + c.Member, Member: c.Member, Value: secret.Value}}
			}
		}
	case Say:
		if s.loop.hub.pressed.Load() >= fullForChat {
			return s.refuse(id, errLogFull)
		}
	case Unban:
		p.forget = []string{c.Member}
	}
	return s.post(ctx, p)
}

// Ask posts a command that has no id and so is never recognised as a repeat.
// done is told how it ended, on the room's goroutine: it must not block. If the
// command changed nothing, everybody is told otherwise, unless that is nil. The
// error returned says that the session is over.
func (s *Session) Ask(ctx context.Context, c Command, otherwise Message, done func(err error)) error {
	p := &pending{by: Ref{Seat: s.member, Sum: Sum(c)}, cmd: c}
	p.done = func(l *loop, _ uint64, err error) {
		if err == nil && !p.changes && otherwise != nil {
			l.broadcast(&Frame{Class: ClassControl, Message: otherwise})
		}
		done(publicError(err))
	}
	return s.loop.post(ctx, p)
}

// SetAccess changes settings as Do with ChangeSettings does; a PIN that is not
// nil becomes the room's, "" removes it. A repeated id counts as the same
// command whatever PIN it names: nothing of a PIN is kept in events.
func (s *Session) SetAccess(ctx context.Context, id uint64, c ChangeSettings, pin *string) error {
	p := &pending{}
	if pin != nil {
		has := *pin != ""
		c.PIN, c.Changed = &has, true
		secret := Secret{Name: secretPIN}
		if has {
			secret.Value = s.loop.hub.keys.hashPIN(s.loop.id, *pin)
		}
		p.secrets = []Secret{secret}
	}
	p.cmd, p.by = c, Ref{Seat: s.member, Command: id, Sum: Sum(c)}
	return s.post(ctx, p)
}

func (s *Session) post(ctx context.Context, p *pending) error {
	id := p.by.Command
	p.done = func(l *loop, number uint64, err error) {
		if err != nil {
			s.conn.Send([]*Frame{refusal(id, err)})
			return
		}
		s.conn.Send([]*Frame{{Class: ClassControl, Message: Acked{Command: id, Number: number}}})
	}
	return s.loop.post(ctx, p)
}

func (s *Session) refuse(id uint64, err error) error {
	s.conn.Send([]*Frame{refusal(id, err)})
	return nil
}

func refusal(id uint64, err error) *Frame {
	e, ok := publicError(err).(*protocol.Error) //nolint:errorlint // publicError returns it unwrapped
	if !ok {
		e = protocol.Errorf(protocol.CodeInternal, "a fault of the gateway")
	}
	answer := *e
	answer.ID = id
	return &Frame{Class: ClassControl, Message: Refused{Err: &answer}}
}

// React shows a reaction to everybody.
func (s *Session) React(ctx context.Context, reaction string) error {
	m := Reacted{Member: s.member, Reaction: reaction}
	return s.tell(ctx, m, note{Reacted: &m})
}

// Typing tells everybody whether the member types.
func (s *Session) Typing(ctx context.Context, on bool) error {
	m := TypingChanged{Member: s.member, On: on}
	return s.tell(ctx, m, note{Typing: &m})
}

func (s *Session) tell(ctx context.Context, m Message, n note) error {
	return s.loop.post(ctx, sessionPost{s, func(l *loop) {
		l.broadcast(&Frame{Class: ClassEphemeral, Message: m})
		l.tellOthers(n)
	}})
}

// Signal passes signalling to one member.
func (s *Session) Signal(ctx context.Context, to string, data []byte) error {
	return s.loop.post(ctx, sessionPost{s, func(l *loop) { l.signal(s, to, data) }})
}

// Relay passes on to everybody what only clients of a kind understand.
func (s *Session) Relay(ctx context.Context, kind string, data []byte) error {
	return s.tell(ctx, Relayed{From: s.member, Kind: kind, Data: data}, note{Relayed: &toldRelay{From: s.member, Kind: kind, Data: data}})
}

// RelayTo passes it on to one member. It is lost when that is not connected.
func (s *Session) RelayTo(ctx context.Context, to, kind string, data []byte) error {
	return s.loop.post(ctx, sessionPost{s, func(l *loop) {
		l.tellOne(s, to, Relayed{From: s.member, Kind: kind, Data: data})
	}})
}

// Beat tells everybody the timeline at once, if the member is the host.
func (s *Session) Beat(ctx context.Context) error {
	return s.loop.post(ctx, sessionPost{s, func(l *loop) { l.hostBeat(s, time.Now()) }})
}

// View shows the room, and how its members do, to a function that the room's
// goroutine calls: it must not block, and keep nothing. It waits for that, and
// returns false when the session is over.
func (s *Session) View(ctx context.Context, look func(r *Room, presence []Presence, now int64)) bool {
	seen := make(chan struct{})
	err := s.loop.post(ctx, sessionPost{s, func(l *loop) {
		look(l.room, l.everyone(), l.hub.opts.Clock.Now())
		close(seen)
	}})
	if err != nil {
		return false
	}
	select {
	case <-seen:
		return true
	case <-s.loop.gone:
		return false
	case <-ctx.Done():
		return false
	}
}

// Report says how the member's player does.
func (s *Session) Report(ctx context.Context, r Report) error {
	return s.loop.post(ctx, sessionPost{s, func(l *loop) { l.report(s, r) }})
}

// History sends older chat: at most limit lines before a number, 0 for the newest.
func (s *Session) History(ctx context.Context, before uint64, limit int) error {
	return s.loop.post(ctx, sessionPost{s, func(l *loop) {
		s.conn.Send([]*Frame{{Class: ClassBulk, Message: l.room.history(before, limit)}})
	}})
}

// Drop says that the connection is gone. The seat stays for the grace. It is
// called once, when nothing else will be called.
func (s *Session) Drop() {
	// The hub outlives its sessions' transports by a bounded time only; a loop
	// that is done has forgotten the session already.
	_ = s.loop.post(context.Background(), sessionPost{s, func(l *loop) { l.drop(s) }})
	s.loop.release()
}

// sessionPost is something to do for a session while the session has its seat.
type sessionPost struct {
	s  *Session
	do func(*loop)
}

func (p sessionPost) handle(l *loop) {
	if p.s.index >= 0 {
		p.do(l)
	}
}
