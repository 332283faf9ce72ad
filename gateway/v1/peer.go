package v1

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
)

// Limits bound what one peer may do. Zero values mean the defaults named.
type Limits struct {
	// MessagesPerSecond and Burst bound its messages: 60 and 180.
	MessagesPerSecond float64
	Burst             int
	// CommandsPerSecond and CommandBurst bound the commands among them, which
	// are kept: 15 and 90, at least as many as a client may have unanswered, and
	// so repeats at once when it comes back.
	CommandsPerSecond float64
	CommandBurst      int
	// Strikes is how many refusable messages (no JSON, wrong types, too many)
	// are answered with errors before the session is closed: 50, and one more
	// every 10 s.
	Strikes int
	// Hellos is how many refused hellos are answered before that: 10.
	Hellos int
}

// WithDefaults returns l with its zero values replaced.
func (l Limits) WithDefaults() Limits {
	if l.MessagesPerSecond == 0 {
		l.MessagesPerSecond = 60
	}
	if l.Burst == 0 {
		l.Burst = 180
	}
	if l.CommandsPerSecond == 0 {
		l.CommandsPerSecond = 15
	}
	l.CommandBurst = max(l.CommandBurst, protocol.MaxInFlight)
	if l.Strikes == 0 {
		l.Strikes = 50
	}
	if l.Hellos == 0 {
		l.Hellos = 10
	}
	return l
}

// Peer is the gateway's end of one session: it takes what the client says. Its
// methods belong to the goroutine that reads the connection.
type Peer struct {
	hub     *core.Hub
	clock   core.Clock
	conn    core.Conn
	address string
	limits  Limits
	rate    *rate.Limiter
	logged  *rate.Limiter // of what is kept for ever
	logger  *slog.Logger

	session  *core.Session
	room     string
	strikes  *rate.Limiter
	hellos   int
	messages int
	began    time.Time
}

// NewPeer returns the peer of a connection. address is what limits count it
// as; it is not logged.
func NewPeer(hub *core.Hub, clock core.Clock, conn core.Conn, address string, limits Limits, logger *slog.Logger) *Peer {
	limits = limits.WithDefaults()
	return &Peer{
		hub: hub, clock: clock, conn: conn, address: address, limits: limits,
		rate:    rate.NewLimiter(rate.Limit(limits.MessagesPerSecond), limits.Burst),
		logged:  rate.NewLimiter(rate.Limit(limits.CommandsPerSecond), limits.CommandBurst),
		strikes: rate.NewLimiter(rate.Every(10*time.Second), limits.Strikes),
		logger:  logger, began: time.Now(),
	}
}

// Seated says whether the peer has been welcomed.
func (p *Peer) Seated() bool { return p.session != nil }

// Receive takes one message, received at cluster time at. When it returns
// false the connection has been closed and is not to be read any more.
func (p *Peer) Receive(ctx context.Context, data []byte, at int64) bool {
	p.messages++
	if !p.allow(len(data)) {
		return p.strike(protocol.CloseRateLimited, p.tooFast(data))
	}
	m, err := protocol.DecodeClient(data)
	if err != nil {
		var e *protocol.Error
		if !errors.As(err, &e) {
			e = protocol.Errorf(protocol.CodeInternal, "a fault of the gateway")
		}
		if e.Code == protocol.CodeUnsupportedVersion {
			p.answer(e)
			return p.close(protocol.CloseVersion, 0)
		}
		return p.strike(protocol.CloseProtocol, e)
	}
	if p.session == nil {
		hello, ok := m.(*protocol.Hello)
		if !ok {
			return p.strike(protocol.CloseProtocol, protocol.Errorf(protocol.CodeHelloExpected, "the first message is hello"))
		}
		return p.hello(ctx, hello)
	}
	if !p.affords(m) {
		return p.strike(protocol.CloseRateLimited, p.tooFast(data))
	}
	return p.handle(ctx, m, at)
}

// affords says whether the peer may ask for what costs more than a message.
func (p *Peer) affords(m protocol.ClientMessage) bool {
	switch m.(type) {
	case protocol.CommandMessage:
		return p.logged.Allow()
	case *protocol.GetHistory:
		const lines = 10 // a page of them is as much as this many messages
		return p.rate.AllowN(time.Now(), min(lines, p.limits.Burst))
	default:
		return true
	}
}

// heavy is how many bytes weigh as much as a message by itself: what a peer
// may send at once must not fill the outbox of somebody that it is meant for.
const heavy = 4 << 10

func (p *Peer) allow(bytes int) bool {
	return p.rate.AllowN(time.Now(), min(1+bytes/heavy, p.limits.Burst))
}

// Control counts a control frame of the transport, such as a ping. It returns
// as Receive does.
func (p *Peer) Control() bool {
	p.messages++
	return p.allow(0) || p.strike(protocol.CloseRateLimited, p.tooFast(nil))
}

// Reject counts what the transport found to be no message at all.
func (p *Peer) Reject(e *protocol.Error) bool { return p.strike(protocol.CloseProtocol, e) }

// End is called once, when the connection is gone. code is how it ended.
func (p *Peer) End(code protocol.CloseCode) {
	if p.session != nil {
		p.session.Drop()
	}
	attrs := []any{"code", int(code), "reason", code.String(), "messages", p.messages, "duration", time.Since(p.began).Round(time.Millisecond)}
	if p.session != nil {
		attrs = append(attrs, "room", p.room, "member", p.session.Member())
	}
	p.logger.Info("session ended", attrs...)
}

func (p *Peer) hello(ctx context.Context, m *protocol.Hello) bool {
	id := m.Room
	if code, ok := protocol.ParseRoomCode(id); ok {
		id = code
	}
	req := core.JoinRequest{Room: id, Name: m.Name, PIN: m.PIN, Address: p.address, Conn: p.conn}
	if r := m.Resume; r != nil {
		req.Resume = &core.Resume{Token: r.Seat, Epoch: r.Epoch, Number: r.Number}
	}
	session, err := p.hub.Join(ctx, req)
	if err == nil {
		p.session, p.room = session, id
		return true
	}
	var e *protocol.Error
	if !errors.As(err, &e) {
		return p.close(protocol.CloseUnavailable, 1000)
	}
	p.answer(e)
	if p.hellos++; p.hellos >= p.limits.Hellos {
		return p.close(protocol.CloseRefused, 0)
	}
	return true
}

func (p *Peer) handle(ctx context.Context, m protocol.ClientMessage, at int64) bool {
	var err error
	switch m := m.(type) {
	case *protocol.Hello:
		return p.strike(protocol.CloseProtocol, protocol.Errorf(protocol.CodeHelloRepeated, "this session has said hello already"))
	case *protocol.Probe:
		p.conn.Send([]*core.Frame{{
			Class: core.ClassState, Key: "clock", Message: core.ClockRead{T1: m.T1, T2: at, T3: p.clock.Now()},
		}})
	case *protocol.React:
		err = p.session.React(ctx, m.Reaction)
	case *protocol.Typing:
		err = p.session.Typing(ctx, m.On)
	case *protocol.Signal:
		err = p.session.Signal(ctx, m.To, m.Data)
	case *protocol.Status:
		err = p.session.Report(ctx, core.Report{
			Buffering: m.Buffering, OffsetMs: m.OffsetMs, RTT: ms(m.RTTMs), PlayLatency: ms(m.PlayLatencyMs), SeekLatency: ms(m.SeekLatencyMs),
		})
	case *protocol.GetHistory:
		limit := m.Limit
		if limit == 0 {
			limit = protocol.MaxHistory / 2
		}
		err = p.session.History(ctx, m.Before, limit)
	case *protocol.ChangeSettings:
		err = p.session.SetAccess(ctx, m.ID, core.ChangeSettings{
			GuestControl: m.GuestControl, Locked: m.Locked, Title: m.Title,
		}, m.PIN)
	case protocol.CommandMessage:
		err = p.session.Do(ctx, m.CommandID(), command(m))
	}
	if err != nil {
		return p.close(protocol.CloseUnavailable, 500)
	}
	return true
}

// command turns a client's command into core's. Settings have their own way.
func command(m protocol.CommandMessage) core.Command {
	switch m := m.(type) {
	case *protocol.Play:
		return core.Play{Position: m.Position, Wait: m.Wait}
	case *protocol.Pause:
		return core.Pause{Position: m.Position}
	case *protocol.Seek:
		return core.Seek{Position: m.Position, Play: m.Play, Wait: m.Wait}
	case *protocol.Rate:
		return core.SetRate{Rate: m.Rate}
	case *protocol.SetMedia:
		return core.SetMedia{Media: Media(m.Media)}
	case *protocol.Enqueue:
		return core.Enqueue{Media: Media(m.Media), Next: m.Next}
	case *protocol.Unqueue:
		return core.Unqueue{Item: m.Item}
	case *protocol.Move:
		return core.Move{Item: m.Item, Before: m.Before}
	case *protocol.Next:
		return core.Next{After: m.After, Item: m.Item, Play: m.Play, Wait: m.Wait}
	case *protocol.Ready:
		return core.Ready{Gate: m.Gate}
	case *protocol.Say:
		return core.Say{Text: m.Text}
	case *protocol.Rename:
		return core.Rename{Name: m.Name}
	case *protocol.Transfer:
		return core.Transfer{Member: m.Member}
	case *protocol.SetRole:
		return core.GiveRole{Member: m.Member, Role: core.Role(m.Role)}
	case *protocol.Remove:
		return core.Remove{Member: m.Member, Ban: m.Ban}
	case *protocol.Unban:
		return core.Unban{Member: m.Member}
	case *protocol.Leave:
		return core.Leave{}
	default:
		return nil
	}
}

// tooFast is the answer to a message over the rate, with the command's id if it
// was one: a client that waits for its answer must hear that it was not done.
func (p *Peer) tooFast(data []byte) *protocol.Error {
	e := &protocol.Error{Code: protocol.CodeRateLimited, Message: "too many messages; slow down", RetryAfterMs: 1000}
	if m, err := protocol.DecodeClient(data); err == nil {
		if c, ok := m.(protocol.CommandMessage); ok {
			e.ID = c.CommandID()
		}
	}
	return e
}

// strike answers with an error, and closes when there were too many.
func (p *Peer) strike(code protocol.CloseCode, e *protocol.Error) bool {
	p.answer(e)
	if !p.strikes.Allow() {
		return p.close(code, 5000)
	}
	return true
}

func (p *Peer) answer(e *protocol.Error) {
	p.conn.Send([]*core.Frame{{Class: core.ClassControl, Message: core.Refused{Err: e}}})
}

func (p *Peer) close(code protocol.CloseCode, afterMs int64) bool {
	p.conn.Close(core.Bye{Code: code, AfterMs: afterMs})
	return false
}

func ms(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
