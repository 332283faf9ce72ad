package legacy

import (
	"context"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
	wire "tandem.watch/tandem/protocol/legacy"
)

// handle does what a message asks for.
func (p *peer) handle(ctx context.Context, m wire.ClientMessage, at int64) bool {
	switch m := m.(type) {
	case *wire.Ping:
		p.clock.heard(m.Timestamp, at)
		p.tell(0, wire.Pong{Timestamp: p.now() / 1000})
		return true
	case *wire.Join:
		p.clock.heard(m.Timestamp, at)
		return p.kept() && p.join(ctx, m) || p.open()
	case *wire.Leave:
		return p.leave(ctx, m)
	}
	v, joined := p.view()
	if !joined {
		return p.early(m)
	}
	err := p.inRoom(ctx, m, at, v)
	if err != nil {
		return p.close(protocol.CloseUnavailable, 500) // the room is being moved
	}
	return p.open()
}

// open says whether the connection is: what was done may have closed it.
func (p *peer) open() bool { return p.conn.Open() }

// kept says whether the peer may ask for what is kept for ever. If not it has
// been told so.
func (p *peer) kept() bool {
	if p.logged.Allow() {
		return true
	}
	p.tooFast()
	return false
}

// view is what is known of the room that the peer is in.
func (p *peer) view() (v view, joined bool) {
	if p.seat == nil {
		return view{}, false
	}
	v = p.seat.see()
	return v, v.joined
}

// early answers what comes before a room was joined. Reports are what the
// extension sends by itself, twice a second: they are passed over.
func (p *peer) early(m wire.ClientMessage) bool {
	switch m.(type) {
	case *wire.PositionUpdate, *wire.HostHeartbeat, *wire.Ready, *wire.Other:
		return true
	default:
		return p.strike(protocol.CloseProtocol, "Join a room first")
	}
}

// inRoom does what a member asks for. An error says that the seat is gone.
func (p *peer) inRoom(ctx context.Context, m wire.ClientMessage, at int64, v view) error {
	switch m := m.(type) {
	case *wire.PlayPause:
		return p.playPause(ctx, m, at, v)
	case *wire.Seek:
		return p.seek(ctx, m, v)
	case *wire.URLChange:
		return p.goTo(ctx, m, v)
	case *wire.Ready:
		return p.ready(ctx, m, v)
	case *wire.HostHeartbeat:
		return p.heartbeat(ctx, m, at, v)
	case *wire.PositionUpdate:
		return p.position(ctx, m, at, v)
	case *wire.UpdateUsername:
		return p.rename(ctx, m.Username)
	case *wire.ToggleGuestControl:
		return p.toggle(ctx, *m.Enabled, v)
	case *wire.TransferHost:
		if v.host != p.seat.member {
			return nil
		}
		return p.do(ctx, core.Transfer{Member: m.TargetUserID}, nil, p.failed)
	case *wire.RequestSync:
		now := p.now()
		position, playing := p.seat.where(now)
		p.tell(0, wire.SyncAnswer{FromUserID: wire.Server, CurrentTime: &position, IsPlaying: playing, URL: v.url, Timestamp: now / 1000})
		return nil
	case *wire.SyncResponse:
		return p.syncResponse(ctx, m, at, v)
	case *wire.Signal:
		data, err := toSignal(m)
		if err != nil {
			return nil //nolint:nilerr // JSON was decoded from JSON
		}
		return p.session.Signal(ctx, m.To, data)
	case *wire.Other:
		return p.other(ctx, m, at)
	default:
		return nil
	}
}

// do asks the room for something that is kept. If that changes nothing, everybody
// of this dialect is told otherwise, unless it is nil. failed is told if it
// failed, on the room's goroutine.
func (p *peer) do(ctx context.Context, c core.Command, otherwise core.Message, failed func(error)) error {
	if !p.kept() {
		return nil
	}
	return p.session.Ask(ctx, c, otherwise, func(err error) {
		if err != nil {
			failed(err)
		}
	})
}

// failed tells the client why something was not done.
func (p *peer) failed(err error) { p.fail(message(err)) }

func (p *peer) rename(ctx context.Context, name string) error {
	if name == "" {
		name = nameless
	}
	same := wire.UsernameUpdated{UserID: p.seat.member, Username: username(name), Timestamp: p.now() / 1000}
	return p.do(ctx, core.Rename{Name: name}, p.relayed(same), p.failed)
}

func (p *peer) toggle(ctx context.Context, on bool, v view) error {
	if v.host != p.seat.member {
		return nil
	}
	same := wire.GuestControl{Enabled: on, Timestamp: p.now() / 1000}
	return p.do(ctx, core.ChangeSettings{GuestControl: &on}, p.relayed(same), p.failed)
}

// leave gives up the peer's own seat, and nobody else's.
func (p *peer) leave(ctx context.Context, m *wire.Leave) bool {
	_, joined := p.view()
	if joined && (m.UserID != "" && m.UserID != p.seat.member || m.RoomID != "" && m.RoomID != p.seat.room) {
		return p.strike(protocol.CloseProtocol, "This connection has joined as another user")
	}
	if joined {
		_ = p.giveUp(ctx) // the room is gone, or the member is
	}
	return p.close(protocol.CloseNormal, 0)
}

// giveUp leaves the room, and waits until it is done.
func (p *peer) giveUp(ctx context.Context) error {
	p.seat.retire() // it is told nothing of its own end
	done := make(chan struct{})
	err := p.session.Ask(ctx, core.Leave{}, nil, func(error) { close(done) })
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, leavePatience)
		defer cancel()
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
	p.rise()
	return err
}

func code(err error) protocol.ErrorCode {
	e, ok := asError(err)
	if !ok {
		return ""
	}
	return e.Code
}
