package v1

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"tandem.watch/tandem/protocol"
)

// Refusal says why something of a stranger's or a member's was not taken.
type Refusal string

// Every refusal.
const (
	RefusedOrigin     Refusal = "origin"              // a page of another site
	RefusedUpgrade    Refusal = "upgrade"             // no handshake of the transport
	RefusedAttempts   Refusal = "attempts"            // too many new sessions of one address
	RefusedAddress    Refusal = "address_sessions"    // too many open sessions of one address
	RefusedFull       Refusal = "sessions"            // as many sessions as there may be
	RefusedConnection Refusal = "connections"         // too many QUIC connections of one address
	RefusedDatagram   Refusal = "datagram"            // a datagram that is none of the protocol's
	RefusedFast       Refusal = "datagram_rate"       // too many datagrams
	ValidatedAddress  Refusal = "address_unconfirmed" // a QUIC packet sent back for its address to be shown
)

// Refusals lists every refusal, for metrics.
func Refusals() []Refusal {
	return []Refusal{
		RefusedOrigin, RefusedUpgrade, RefusedAttempts, RefusedAddress, RefusedFull, RefusedConnection,
		RefusedDatagram, RefusedFast, ValidatedAddress,
	}
}

// Counters count why sessions ended, and what did not become one. Every count
// exists from the start, at zero. Safe for use by several goroutines.
type Counters struct {
	logger *slog.Logger

	// static after construction
	closed  map[protocol.CloseCode]*atomic.Uint64
	refused map[Refusal]*tally
}

type tally struct {
	n   atomic.Uint64
	log *rate.Limiter
}

// NewCounters returns counters that name refusals in a log: each kind now and
// then, with its count, since a flood of them must not become one of lines.
func NewCounters(logger *slog.Logger) *Counters {
	c := &Counters{logger: logger, closed: map[protocol.CloseCode]*atomic.Uint64{}, refused: map[Refusal]*tally{}}
	for code := range protocol.CloseCodes() {
		c.closed[code] = new(atomic.Uint64)
	}
	for _, why := range Refusals() {
		c.refused[why] = &tally{log: rate.NewLimiter(rate.Every(10*time.Second), 1)}
	}
	return c
}

// Close counts a session that ended.
func (c *Counters) Close(code protocol.CloseCode) {
	if n := c.closed[code]; n != nil {
		n.Add(1)
	}
}

// Refuse counts a refusal.
func (c *Counters) Refuse(why Refusal) {
	t := c.refused[why]
	if t == nil {
		return
	}
	if n := t.n.Add(1); t.log.Allow() {
		c.logger.Info("refused", "reason", string(why), "count", n)
	}
}

// Closed is how many sessions ended with a code.
func (c *Counters) Closed(code protocol.CloseCode) uint64 {
	if n := c.closed[code]; n != nil {
		return n.Load()
	}
	return 0
}

// Refused is how much was refused for a reason.
func (c *Counters) Refused(why Refusal) uint64 {
	if t := c.refused[why]; t != nil {
		return t.n.Load()
	}
	return 0
}
