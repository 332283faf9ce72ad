package legacy

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/gateway/ws"
	"tandem.watch/tandem/internal/wsframe"
	"tandem.watch/tandem/protocol"
	wire "tandem.watch/tandem/protocol/legacy"
)

// peer is the gateway's end of one connection: it takes what the extension says.
// Its fields belong to the goroutine that reads, but for those that say otherwise.
type peer struct {
	// static after construction
	service *Service
	conn    *ws.Conn
	address string
	shared  bool // the address may be many clients'
	logger  *slog.Logger
	clock   *clock
	record  *transcript // nil unless messages are logged

	rate    *rate.Limiter // of messages
	logged  *rate.Limiter // of those that are kept
	strikes *rate.Limiter // of those that are refused
	// again is of JOINs where the peer is in a room, excess of signalling that is
	// over the rate, passedOn of bytes that go to everybody.
	again, excess, passedOn *rate.Limiter

	seat    *seat         // nil before the first JOIN
	session *core.Session // its own
	drift   drift
	last    lastControl
	passes  uint64 // the gate that was passed for a member that sees nothing of it

	pings    map[string]time.Time // sent and not answered
	pinged   int
	lastPing time.Time
	lastTold int64 // when core was last told of the player, in µs
	received time.Time
	began    time.Time
	messages int
}

func (s *Service) newPeer(c *ws.Conn, address string, shared bool) *peer {
	l := s.opts.Limits.WithDefaults()
	p := &peer{
		service: s, conn: c, address: address, shared: shared, clock: &clock{}, began: time.Now(),
		logger:  s.opts.Logger.With("transport", "websocket", "dialect", "legacy"),
		rate:    rate.NewLimiter(rate.Limit(l.MessagesPerSecond), l.Burst),
		logged:  rate.NewLimiter(rate.Limit(l.CommandsPerSecond), l.CommandBurst),
		strikes: rate.NewLimiter(rate.Every(10*time.Second), l.Strikes),
		again:   rate.NewLimiter(rate.Every(joinEvery), joinBurst),
		excess:  rate.NewLimiter(rate.Limit(l.MessagesPerSecond), 4*l.Burst), passedOn: newRelayLimiter(),
		pings: map[string]time.Time{},
	}
	if debugging(p.logger) {
		p.record = newTranscript(p.logger)
	}
	p.ping()
	return p
}

// now is cluster time in microseconds.
func (p *peer) now() int64 { return p.service.opts.Clock.Now() }

// Seated implements ws.Peer: the extension may wait for a room.
func (p *peer) Seated() bool { return true }

// heavy is how many bytes weigh as much as a message by itself.
const heavy = 4 << 10

func (p *peer) allow(bytes int) bool {
	return p.rate.AllowN(time.Now(), min(1+bytes/heavy, p.rate.Burst()))
}

// Receive implements ws.Peer.
func (p *peer) Receive(ctx context.Context, data []byte, at int64) bool {
	p.messages++
	p.received = time.Now()
	if p.record != nil {
		p.record.in(data)
	}
	p.ping()
	if _, joined := p.view(); !joined {
		p.rise() // from a seat that the room has given up
	}
	allowed := p.allow(len(data))
	if !allowed && !p.excess.AllowN(p.received, min(1+len(data)/heavy, p.excess.Burst())) {
		return p.tooFast()
	}
	m, err := wire.Decode(data)
	if !allowed {
		// Others make the extension signal, whenever they join: it is not its fault.
		if _, ok := m.(*wire.Signal); ok && err == nil {
			return p.open()
		}
		return p.tooFast()
	}
	if err != nil {
		return p.strike(protocol.CloseProtocol, message(err))
	}
	return p.handle(ctx, m, at)
}

// Control implements ws.Peer.
func (p *peer) Control() bool {
	p.messages++
	return p.allow(0) || p.tooFast()
}

// Reject implements ws.Peer.
func (p *peer) Reject(e *protocol.Error) bool { return p.strike(protocol.CloseProtocol, e.Message) }

func (p *peer) tooFast() bool {
	return p.strike(protocol.CloseRateLimited, "Too many messages; slow down")
}

// strike answers with an error, and closes when there were too many.
func (p *peer) strike(code protocol.CloseCode, why string) bool {
	p.fail(why)
	if !p.strikes.Allow() {
		return p.close(code, 5000)
	}
	return true
}

func (p *peer) close(code protocol.CloseCode, afterMs int64) bool {
	p.conn.Close(core.Bye{Code: code, AfterMs: afterMs})
	return false
}

// End implements ws.Peer.
func (p *peer) End(code protocol.CloseCode) {
	attrs := []any{"code", int(code), "reason", code.String(), "messages", p.messages, "duration", time.Since(p.began).Round(time.Millisecond)}
	if p.seat != nil {
		attrs = append(attrs, "room", p.seat.room, "member", p.seat.member)
	}
	p.rise()
	p.logger.Info("session ended", attrs...)
}

// rise gives the seat back to the room, which waits for the member.
func (p *peer) rise() {
	if p.seat == nil {
		return
	}
	p.seat.retire()
	p.service.leave(p.seat)
	p.session.Drop()
	p.seat, p.session = nil, nil
}

// message is what a person is told of an error.
func message(err error) string {
	var e *protocol.Error
	switch {
	case !errors.As(err, &e):
		return "Not done; try again"
	case e.Code == protocol.CodePINRequired || e.Code == protocol.CodePINInvalid:
		return "Invalid or missing PIN"
	default:
		return e.Message
	}
}

// fail tells the client of an error. Any goroutine may call it.
func (p *peer) fail(why string) { p.tell(0, failure(why)) }

// tell sends a message with instant as its eventTimestamp. Any goroutine may
// call it.
func (p *peer) tell(instant int64, m wire.ServerMessage) {
	payload, hole, err := wire.Append(nil, m)
	if err != nil {
		p.logger.Error("message not encoded", "error", err)
		return
	}
	if hole != 0 {
		copy(payload[hole:], wire.AppendInstant(nil, p.clock.shows(instant)))
	}
	frame := wsframe.AppendText(make([]byte, 0, len(payload)+10), len(payload))
	p.push(core.ClassControl, "", append(frame, payload...))
}

// push sends a frame. Any goroutine may call it.
func (p *peer) push(class core.Class, key string, segments ...[]byte) {
	if p.record != nil {
		p.record.out(segments...)
	}
	p.conn.Push(class, key, segments...)
}

// How often the round trip is measured: a few times at once, then now and then
// when the client says something, which it does every 15 s.
const (
	firstPings = 5
	pingEvery  = 10 * time.Second
	pingFirst  = 400 * time.Millisecond
	maxPings   = 8
)

// ping measures the round trip if it is time to.
func (p *peer) ping() {
	now, every := time.Now(), pingEvery
	if p.pinged < firstPings {
		every = pingFirst
	}
	if p.pinged > 0 && now.Sub(p.lastPing) < every {
		return
	}
	if len(p.pings) >= maxPings {
		clear(p.pings)
	}
	p.pinged++
	p.lastPing = now
	id := strconv.Itoa(p.pinged)
	p.pings[id] = now
	p.conn.Ping(id)
}

// Pong implements ws.Ponger.
func (p *peer) Pong(id string) {
	if sent, ok := p.pings[id]; ok {
		delete(p.pings, id)
		p.clock.pong(time.Since(sent))
	}
}
