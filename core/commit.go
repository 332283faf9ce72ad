package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// pending is a command that waits for its turn.
type pending struct {
	by  Ref
	cmd Command
	// secrets are written, and those of forget removed, together with the
	// command's events.
	secrets []Secret
	forget  []string
	// done is told the answer, on the room's goroutine. May be nil.
	done  func(l *loop, number uint64, err error)
	since time.Time
	// changes says that it was decided to have events.
	changes bool
	// again: it was refused on what the log had left behind, and decided anew.
	again bool
}

func (p *pending) handle(l *loop) { l.enqueue(p) }

func (p *pending) answer(l *loop, number uint64, err error) {
	if p.done != nil {
		p.done(l, number, err)
	}
}

// answered is a command of a flight with what it came to.
type answered struct {
	p      *pending
	number uint64
	err    error
	// final: it was done, and is in the log, before this batch.
	final bool
	// tentative: decided after commands of the same batch, and only as good as
	// their append.
	tentative bool
}

// flight is the one append that is under way.
type flight struct {
	head     Head // that the batch was decided against
	commands []answered
	batch    Batch
	// before is what the log has between head and batch; see Placer.
	before []Event
	err    error
}

// maxBatch bounds the commands of one append.
const maxBatch = 256

// extend stamps bodies as the events that follow r, and applies them.
func (r *Room) extend(by Ref, bodies []Body, now int64) ([]Event, error) {
	events := make([]Event, 0, len(bodies))
	for _, b := range bodies {
		e := Event{
			ID: NewEventID(), Prev: r.Head, Epoch: max(1, r.Epoch), Number: r.Number + 1, At: max(now, r.At), By: by, Body: b,
		}
		if err := r.Apply(e); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// enqueue takes a command into the next batch.
func (l *loop) enqueue(p *pending) {
	if p.since.IsZero() {
		p.since = time.Now()
	}
	l.pending = append(l.pending, p)
}

// launch decides what waits, and appends it as one batch. One append is in
// flight at a time; what arrives meanwhile becomes the next batch.
func (l *loop) launch() {
	for l.flight == nil && len(l.pending) > 0 && !l.catching.under && !time.Now().Before(l.hub.peers.settling()) {
		f := l.decideBatch()
		if len(f.batch.Events) == 0 {
			l.answer(f)
			continue
		}
		l.fly(f)
	}
}

// fly appends a batch, beside the loop.
func (l *loop) fly(f *flight) {
	l.flight = f
	go func() { // owned by run, which does not end while a flight is out
		ctx, cancel := context.WithTimeout(l.hub.ctx, l.hub.opts.Patience)
		defer cancel()
		f.before, f.err = commit(ctx, l.hub.opts.Log, l.id, f.head, f.batch)
		l.landed <- f
	}()
}

func (l *loop) decideBatch() *flight {
	f := &flight{head: l.room.LogHead()}
	now := l.hub.opts.Clock.Now()
	n := min(len(l.pending), maxBatch)
	for _, p := range l.pending[:n] {
		a := answered{p: p, tentative: len(f.batch.Events) > 0}
		if done := l.doneBefore(p); done != 0 {
			a.number, a.tentative, a.final = done, false, true
		} else if time.Since(p.since) > l.hub.opts.Patience {
			a.err = ErrUnavailable
		} else {
			a.number, a.err = l.decideOne(f, p, now)
		}
		f.commands = append(f.commands, a)
	}
	l.pending = slices.Delete(l.pending, 0, n)
	f.batch.Members = len(l.ahead.Members())
	return f
}

// doneBefore returns what a command was answered with if it is in the log; 0 if
// it is not. Such an answer holds whatever the log does now.
func (l *loop) doneBefore(p *pending) uint64 {
	m := l.room.Member(p.by.Seat)
	if m == nil || p.by.Command == 0 {
		return 0
	}
	done, _ := m.answered(p.by)
	return done
}

// decideOne decides a command on the state that the batch so far leads to.
func (l *loop) decideOne(f *flight, p *pending, now int64) (number uint64, err error) {
	d, err := Decide(l.ahead, p.by, p.cmd, now, l.hints())
	if err != nil {
		return 0, err
	}
	if d.Done != 0 {
		return d.Done, nil
	}
	if p.changes = len(d.Bodies) > 0; !p.changes {
		return l.ahead.Number, nil
	}
	lifted := "" // whose ban falls out of the list if another is added
	if len(l.ahead.Banned) == MaxBanned {
		lifted = l.ahead.Banned[0].Member
	}
	events, err := l.ahead.extend(p.by, d.Bodies, now)
	if err != nil {
		return 0, err
	}
	f.batch.Events = append(f.batch.Events, events...)
	for _, e := range events {
		left, ok := e.Body.(Left)
		if !ok {
			continue
		}
		f.batch.forget(left.Member)
		if left.Reason == LeftBanned && lifted != "" {
			f.batch.forget(lifted) // nobody could lift it any more
		}
	}
	f.batch.forget(p.forget...)
	f.batch.Secrets = append(f.batch.Secrets, p.secrets...)
	return l.ahead.Number, nil
}

// forget drops the secrets of members: those that the log has, and those that
// the batch would have written.
func (b *Batch) forget(members ...string) {
	b.Forget = append(b.Forget, members...)
	b.Secrets = slices.DeleteFunc(b.Secrets, func(s Secret) bool {
		return s.Member != "" && slices.Contains(members, s.Member)
	})
}

// land takes the end of a flight.
func (l *loop) land(f *flight) {
	l.flight = nil
	var conflict *Conflict
	switch {
	case f.err == nil:
		f.shift()
		l.reconsider(f)
		if !l.takeNew(append(slices.Clip(f.before), f.batch.Follow(f.before)...)) {
			l.catchUp()
		}
		l.closeReplaced(f.before)
		l.align()
	case errors.As(f.err, &conflict) && (len(conflict.Missed) > 0 || l.following != nil && !l.catching.refused):
		// Somebody else was first: see what they did, and decide again.
		if len(conflict.Missed) == 0 {
			l.catching.refused = true
			l.catchUp()
		} else if !l.takeNew(conflict.Missed) {
			l.catchUp()
		}
		l.closeReplaced(conflict.Missed)
		l.align()
		again := make([]*pending, 0, len(f.commands)+len(l.pending))
		for _, a := range f.commands {
			again = append(again, a.p)
		}
		l.pending = append(again, l.pending...)
		l.closeDeparted()
		return
	case errors.As(f.err, &conflict):
		// The log does not know our history: it has forgotten the room.
		l.fail("the log holds another history of this room", f.err)
		f.fail(ErrUnavailable)
	case errors.Is(f.err, ErrUnavailable), errors.Is(f.err, ErrUnknown):
		l.logger.Warn("commands not committed", "commands", len(f.commands), "error", f.err)
		l.ahead = l.room.Clone()
		f.fail(f.err)
		if errors.Is(f.err, ErrUnknown) {
			l.catching.behind, l.catching.retry = true, time.Now().Add(catchRetry)
		}
	default:
		l.fail("the log refused an append", f.err)
		f.fail(f.err)
	}
	l.answer(f)
}

// reconsider has commands decided again that were refused without what the log
// had before the batch: they may be right after it.
func (l *loop) reconsider(f *flight) {
	if len(f.before) == 0 {
		return
	}
	var again []*pending
	f.commands = slices.DeleteFunc(f.commands, func(a answered) bool {
		if a.err == nil || a.final || a.p.again {
			return false
		}
		a.p.again = true
		again = append(again, a.p)
		return true
	})
	l.pending = append(again, l.pending...)
}

// shift numbers the answers anew: the batch came after what was not known of.
func (f *flight) shift() {
	for i := range f.commands {
		if c := &f.commands[i]; c.err == nil && c.number > f.head.Number {
			c.number += uint64(len(f.before))
		}
	}
}

// fail turns the answers that depended on the append into err: what was done,
// and what was refused because of what would have been done before it.
func (f *flight) fail(err error) {
	for i := range f.commands {
		c := &f.commands[i]
		if !c.final && (c.err == nil || c.tentative) {
			c.err = err
		}
	}
}

func (l *loop) answer(f *flight) {
	for _, a := range f.commands {
		a.p.answer(l, a.number, a.err)
	}
	l.closeDeparted()
}

// commit appends a batch, tries again while the log is unavailable, and finds
// out what became of an append whose answer was lost. It returns what the log
// has between head and batch, if it can place what commutes. Its errors are
// Append's; it returns ErrUnknown only when ctx ended before it could tell.
func commit(ctx context.Context, log Log, room string, head Head, b Batch) (before []Event, err error) {
	pause := 20 * time.Millisecond
	unknown := false
	past := b.PastKinds()
	placer, _ := log.(Placer)
	for {
		err = nil
		if unknown {
			var done bool
			if before, done, err = landed(ctx, log, room, head, b); done {
				return before, nil
			}
			unknown = err != nil
		}
		if !unknown {
			if placer != nil && past != nil {
				before, err = placer.Place(ctx, room, head, b, past)
			} else {
				err = log.Append(ctx, room, head, b)
			}
			var conflict *Conflict
			switch {
			case err == nil:
				return before, nil
			case errors.As(err, &conflict):
				if before, done := b.among(conflict.Missed); done {
					return before, nil
				}
				return nil, err
			case errors.Is(err, ErrUnknown):
				unknown = true
			case !errors.Is(err, ErrUnavailable) && ctx.Err() == nil:
				return nil, err
			}
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, 500*time.Millisecond)
		case <-ctx.Done():
			if unknown {
				return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
			}
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// landed says whether a batch, which is in the log whole or not at all, is, and
// what is before it.
func landed(ctx context.Context, log Log, room string, head Head, b Batch) (before []Event, done bool, err error) {
	events, err := log.Read(ctx, room, head.Number, maxCatch)
	if err != nil {
		return nil, false, err
	}
	before, done = b.among(events)
	return before, done, nil
}

// among finds the batch among events that follow its head.
func (b Batch) among(events []Event) (before []Event, found bool) {
	i := slices.IndexFunc(events, func(e Event) bool { return e.ID == b.Events[0].ID })
	if i < 0 {
		return nil, false
	}
	return events[:i], true
}
