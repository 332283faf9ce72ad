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

// join enters a room: for the first time, again, or after another one.
func (p *peer) join(ctx context.Context, m *wire.Join) bool {
	_, joined := p.view()
	again := joined && m.RoomID == p.seat.room
	switch {
	case again && m.UserID != p.seat.member:
		return p.strike(protocol.CloseProtocol, "This connection has joined as another user")
	case joined && !again:
		if p.giveUp(ctx) != nil {
			return p.close(protocol.CloseUnavailable, 500)
		}
	case !joined:
		p.rise() // from a seat that was lost
	}
	s := &seat{p: p, room: m.RoomID, member: m.UserID}
	req := core.JoinRequest{
		Room: m.RoomID, Member: m.UserID, Name: m.Username, PIN: m.PIN, Address: p.address, Slow: true, Beats: true, Conn: s,
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
	p.seat, p.session, p.drift = s, session, drift{}
	p.service.enter(s)
	if v := s.see(); m.Username != "" && v.name != m.Username {
		_ = p.do(ctx, core.Rename{Name: m.Username}, nil, p.failed) // the next message finds the seat gone, if it is
	}
	return true
}

func asError(err error) (*protocol.Error, bool) {
	var e *protocol.Error
	ok := errors.As(err, &e)
	return e, ok
}
