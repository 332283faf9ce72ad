package core

import (
	"context"
	"sync"
	"time"
)

// timers does what is due.
func (l *loop) timers() {
	now := time.Now()
	l.expire(now)
	if g := l.room.Gate; g != nil && l.asked != g.Number && l.hub.opts.Clock.Now() >= l.gateDue(g) {
		l.asked = g.Number
		l.enqueue(&pending{cmd: OpenGate{Gate: g.Number}, done: func(l *loop, _ uint64, _ error) {
			// If the gate is still there, the log was away, or a departure has put
			// its opening off.
			l.asked = 0
		}})
	}
	if len(l.vitals.dirty) > 0 && !now.Before(l.vitals.next) {
		l.tellVitals()
	}
	if l.beats.due(now) {
		l.beat(now)
	}
	if l.snapshot.due(l, now) {
		if l.rank() == 0 {
			l.saveSnapshot()
		} else {
			l.snapshot.begin(l.room) // another gateway's turn
		}
	}
	if l.catching.behind && !l.catching.under && !now.Before(l.catching.retry) {
		l.catchUp()
	}
}

// gateDue is when this gateway opens a gate: one after the other, should those
// before it not do it.
func (l *loop) gateDue(g *Gate) int64 {
	return g.due() + int64(l.rank())*stepIn.Microseconds()
}

// untilNext is how long until something is due.
func (l *loop) untilNext() time.Duration {
	next := l.hub.opts.SnapshotEvery
	now := time.Now()
	if len(l.expiries) > 0 {
		next = min(next, l.expiries[0].at.Sub(now))
	}
	if g := l.room.Gate; g != nil && l.asked != g.Number {
		next = min(next, time.Duration(l.gateDue(g)-l.hub.opts.Clock.Now())*time.Microsecond)
	}
	if len(l.vitals.dirty) > 0 {
		next = min(next, l.vitals.next.Sub(now))
	}
	if l.beats.listeners > 0 {
		next = min(next, l.beats.next().Sub(now))
	}
	if !l.idle.IsZero() {
		next = min(next, l.idle.Add(l.hub.opts.Unload).Sub(now))
	}
	if l.catching.behind && !l.catching.under {
		next = min(next, l.catching.retry.Sub(now))
	}
	if len(l.pending) > 0 && l.flight == nil {
		if settled := l.hub.peers.settling(); settled.After(now) {
			next = min(next, settled.Sub(now))
		}
	}
	return max(next, time.Millisecond)
}

// snapshotState says what of the room the log has as a snapshot.
type snapshotState struct {
	number uint64
	at     time.Time
	saving sync.WaitGroup
}

func (s *snapshotState) begin(r *Room) { s.number, s.at = r.Number, time.Now() }

func (s *snapshotState) wait() { s.saving.Wait() }

func (s *snapshotState) due(l *loop, now time.Time) bool {
	n := l.room.Number - s.number
	return n >= uint64(l.hub.opts.SnapshotEvents) || n > 0 && now.Sub(s.at) >= l.hub.opts.SnapshotEvery //nolint:gosec // positive
}

// saveSnapshot saves the room as it is, beside the loop. A snapshot that could
// not be saved costs a longer load, nothing else.
func (l *loop) saveSnapshot() {
	if l.snapshot.number == l.room.Number {
		return
	}
	l.snapshot.begin(l.room)
	r := l.room.Clone()
	l.snapshot.saving.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), l.hub.opts.Patience)
		defer cancel()
		if err := l.hub.opts.Log.SaveSnapshot(ctx, r); err != nil {
			l.logger.Warn("snapshot not saved", "number", r.Number, "error", err)
		}
	})
}
