package legacy

import (
	"context"
	"errors"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
	wire "tandem.watch/tandem/protocol/legacy"
)

// leavePatience is how long the way into another room waits for the log to have
// the end of the one before.
const leavePatience = 5 * time.Second

// How often the others are told that a member has joined once more: each time
// all of them renew their WebRTC towards it.
const (
	joinBurst = 5
	joinEvery = 3 * time.Second
)

// join enters a room: for the first time, again, or after another one.
func (p *peer) join(ctx context.Context, m *wire.Join) bool {
	_, joined := p.view()
	again := joined && m.RoomID == p.seat.room
	switch {
	case again && m.UserID != p.seat.member:
		return p.strike(protocol.CloseProtocol, "This connection has joined as another user")
	case joined && !p.again.AllowN(p.received, 1):
		if again {
			return p.show(ctx, m)
		}
		return p.tooFast()
	case joined && !again:
		if p.giveUp(ctx) != nil {
			return p.close(protocol.CloseUnavailable, 500)
		}
	case !joined:
		p.rise() // from a seat that was lost
	}
	s := &seat{p: p, room: m.RoomID, member: m.UserID}
	req := core.JoinRequest{
		Room: m.RoomID, Member: m.UserID, Name: m.Username, PIN: m.PIN, Address: p.address, Shared: p.shared, Slow: true, Beats: true, Conn: s,
		Found: &core.Founding{
			// What page they are at is told when they are there.
			Settings: core.Settings{GuestControl: true}, Media: core.Media{Kind: core.MediaFile, Title: "Netflix"},
			Allow: func() error { return p.service.allowRoom(p.address) },
		},
	}
	if req.Name == "" {
		req.Name = nameless
	}
	if again {
		req.Again = p.session
		p.seat.renewing(true)
	}
	session, err := p.service.opts.Hub.Join(ctx, req)
	if err != nil {
		if again {
			p.seat.renewing(false)
		}
		if _, ok := asError(err); !ok {
			return p.close(protocol.CloseUnavailable, 1000)
		}
		return p.strike(protocol.CloseRefused, message(err))
	}
	p.rise()
	s.session = session
	p.seat, p.session, p.drift, p.last = s, session, drift{}, lastControl{}
	p.service.enter(s)
	p.call(ctx, m.Username)
	return true
}

// call gives the member the name that it joins with.
func (p *peer) call(ctx context.Context, name string) {
	if v := p.seat.see(); name != "" && v.name != name {
		_ = p.do(ctx, core.Rename{Name: name}, nil, p.failed) // the next message finds the seat gone, if it is
	}
}

// show answers a JOIN of who is in the room, and tells nobody else.
func (p *peer) show(ctx context.Context, m *wire.Join) bool {
	patience, cancel := context.WithTimeout(ctx, leavePatience)
	defer cancel()
	p.session.View(patience, func(r *core.Room, _ []core.Presence, now int64) {
		p.tell(0, p.service.encoding.state(r, now))
	})
	p.call(ctx, m.Username)
	return p.open()
}

func asError(err error) (*protocol.Error, bool) {
	var e *protocol.Error
	ok := errors.As(err, &e)
	return e, ok
}
