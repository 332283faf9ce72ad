package legacy

import (
	"context"

	"golang.org/x/time/rate"

	"tandem.watch/tandem/core"
	wire "tandem.watch/tandem/protocol/legacy"
)

// What one connection may have passed on to everybody, in bytes: it costs its
// sender one message, and the room as many as it has members.
const (
	relayBytesPerSecond = 16 << 10
	relayBurst          = 64 << 10
)

func newRelayLimiter() *rate.Limiter { return rate.NewLimiter(relayBytesPerSecond, relayBurst) }

// relay passes a message on to one member of this dialect.
func (p *peer) relay(ctx context.Context, to string, m wire.ServerMessage) error {
	return p.session.RelayTo(ctx, to, relayKind, p.relayed(m).Data)
}

// relayed is a message for the members of this dialect.
func (p *peer) relayed(m wire.ServerMessage) core.Relayed {
	payload, _, err := wire.Append(nil, m)
	if err != nil { // of values that were decoded, or are our own
		p.logger.Error("message not encoded", "error", err)
	}
	return core.Relayed{From: p.seat.member, Kind: relayKind, Data: payload}
}

// other passes on to all what the gateway does not know.
func (p *peer) other(ctx context.Context, m *wire.Other, at int64) error {
	r := p.relayed(wire.Relayed{
		Kind: m.Kind, UserID: p.seat.member, NodeID: p.service.encoding.node, Timestamp: at / 1000, Fields: m.Fields,
	})
	if !p.passedOn.AllowN(p.received, len(r.Data)) {
		p.tooFast()
		return nil
	}
	return p.session.Relay(ctx, relayKind, r.Data)
}

// syncResponse has one member told where another is, which it goes to as if it
// had been told by the room. From whom may not control the room it is where the
// room is.
func (p *peer) syncResponse(ctx context.Context, m *wire.SyncResponse, at int64, v view) error {
	answer := wire.SyncAnswer{
		FromUserID: p.seat.member, To: m.To, CurrentTime: m.CurrentTime, IsPlaying: m.IsPlaying,
		RespectAutoPlay: m.RespectAutoPlay, Timestamp: at / 1000,
	}
	if m.URL != "" {
		answer.URL = &m.URL
	}
	if !v.guests && v.host != p.seat.member {
		if v.elsewhere {
			return nil // the room is nowhere that they could go to
		}
		position, playing := v.position(p.now())
		answer.CurrentTime, answer.IsPlaying, answer.URL = &position, playing, v.url
	}
	return p.relay(ctx, m.To, answer)
}
