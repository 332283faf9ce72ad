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
	commands []answered
	batch    Batch
	err      error
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
	for l.flight == nil && len(l.pending) > 0 {
		f := l.decideBatch()
		if len(f.batch.Events) == 0 {
			l.answer(f)
			continue
		}
		l.flight = f
		head := l.room.LogHead()
		go func() { // owned by run, which does not end while a flight is out
			ctx, cancel := context.WithTimeout(l.hub.ctx, l.hub.opts.Patience)
			defer cancel()
			f.err = commit(ctx, l.hub.opts.Log, l.id, head, f.batch)
			l.landed <- f
		}()
	}
}

func (l *loop) decideBatch() *flight {
	f := &flight{}
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
		l.take(f.batch.Events)
	case errors.As(f.err, &conflict) && len(conflict.Missed) > 0:
		// Somebody else was first: see what they did, and decide again.
		l.take(conflict.Missed)
		l.closeReplaced(conflict.Missed)
		l.ahead = l.room.Clone()
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
	default:
		l.fail("the log refused an append", f.err)
		f.fail(f.err)
	}
	l.answer(f)
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
// out what became of an append whose answer was lost. Its errors are Append's;
// it returns ErrUnknown only when ctx ended before it could tell.
func commit(ctx context.Context, log Log, room string, head Head, b Batch) error {
	pause := 20 * time.Millisecond
	unknown := false
	for {
		var err error
		if unknown {
			var done bool
			if done, err = landed(ctx, log, room, head, b); done {
				return nil
			}
			unknown = err != nil
		}
		if !unknown {
			err = log.Append(ctx, room, head, b)
			var conflict *Conflict
			switch {
			case err == nil:
				return nil
			case errors.As(err, &conflict):
				if len(conflict.Missed) > 0 && conflict.Missed[0].ID == b.Events[0].ID {
					return nil
				}
				return err
			case errors.Is(err, ErrUnknown):
				unknown = true
			case !errors.Is(err, ErrUnavailable) && ctx.Err() == nil:
				return err
			}
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, 500*time.Millisecond)
		case <-ctx.Done():
			if unknown {
				return fmt.Errorf("%w: %w", ErrUnknown, err)
			}
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// landed says whether a batch, which is in the log whole or not at all, is.
func landed(ctx context.Context, log Log, room string, head Head, b Batch) (bool, error) {
	events, err := log.Read(ctx, room, head.Number, 1)
	if err != nil {
		return false, err
	}
	return len(events) > 0 && events[0].ID == b.Events[0].ID, nil
}
