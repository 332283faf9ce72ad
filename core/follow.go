package core

import (
	"context"
	"time"
)

// catching is the reading of what a room has missed. Owned by run.
type catching struct {
	under bool         // a read is under way
	done  chan *caught // has room for it
	// behind: something was missed, and is to be read again at retry.
	behind bool
	retry  time.Time
	// refused: the log refused an append without saying what was missed.
	refused bool
	// low counts how often in a row the log stood at lowHead, behind the room.
	low     int
	lowHead Head
}

// caught is what a read has brought.
type caught struct {
	after  uint64
	events []Event
	err    error
}

const (
	// maxCatch is how many events are read at once.
	maxCatch = 1000
	// catchRetry is after how long a read that failed is made again.
	catchRetry = time.Second
	// maxLow is how often the log may seem to be behind the room before that is
	// believed: heads are read beside the appends.
	maxLow = 2
)

// self is this gateway's name among those that share the log; "" alone.
func (l *loop) self() string { return l.hub.peers.self }

// hear takes what the other gateways have told.
func (l *loop) hear() {
	h := l.ear.take()
	behind := h.missed
	for len(h.events) > 0 && !l.failed {
		n := 1 // as long as they follow each other
		for n < len(h.events) && h.events[n].Number == h.events[n-1].Number+1 {
			n++
		}
		behind = !l.takeNew(h.events[:n]) || behind
		h.events = h.events[n:]
	}
	if h.headed && !l.failed {
		behind = l.compare(h.head) || behind
	}
	if h.peers {
		l.reviewSeats()
	}
	if h.reseat {
		l.reseat()
	}
	for _, n := range h.notes {
		l.told(n)
	}
	if behind {
		l.catchUp()
	}
	l.closeDeparted()
}

// takeNew takes those of some consecutive events that the room does not have.
// It returns false when there is a hole before them.
func (l *loop) takeNew(events []Event) bool {
	for len(events) > 0 && events[0].Number <= l.room.Number {
		if known := l.known(events[0].Number); known != 0 && known != events[0].ID {
			l.fail("the log holds another history of this room", nil)
			return true
		}
		events = events[1:]
	}
	if len(events) == 0 {
		return true
	}
	if events[0].Number > l.room.Number+1 {
		return false
	}
	l.take(events)
	if l.flight == nil && !l.failed {
		for _, e := range events {
			if l.ahead.Apply(e) != nil {
				break
			}
		}
		l.align()
	}
	return true
}

// known returns the id of an event that the room has, 0 if it is too old.
func (l *loop) known(number uint64) EventID {
	back := l.room.Number - number
	if back >= uint64(len(l.recent)) {
		return 0
	}
	return l.recent[uint64(len(l.recent))-1-back].ID
}

// align makes the state that is decided on that of the log, unless it is.
func (l *loop) align() {
	if l.ahead.LogHead() != l.room.LogHead() {
		l.ahead = l.room.Clone()
	}
}

// compare looks at where the log stands. It returns whether there is more than
// the room has.
func (l *loop) compare(head Head) (behind bool) {
	have := l.room.LogHead()
	switch {
	case head == have:
		l.catching.low, l.catching.behind = 0, false
	case head.Number > have.Number:
		l.catching.low = 0
		return true
	case head.Number == have.Number:
		l.fail("the log holds another history of this room", nil)
	case l.flight != nil:
		// Where it stood before our append, perhaps.
	case l.catching.low == 0 || head != l.catching.lowHead:
		l.catching.low, l.catching.lowHead = 1, head
	default:
		if l.catching.low++; l.catching.low >= maxLow {
			l.catching.low = 0
			l.giveBack(head)
		}
	}
	return false
}

// giveBack appends again, unchanged, what the log has lost of the room's newest
// events. If somebody else has appended something else since, that stays.
func (l *loop) giveBack(head Head) {
	if head.Number == 0 {
		l.fail("the log has forgotten this room", nil)
		return
	}
	back := l.room.Number - head.Number
	if l.known(head.Number) != head.ID || back >= uint64(len(l.recent)) {
		l.fail("the log holds another history of this room", nil)
		return
	}
	l.logger.Warn("the log has lost events of this room, which are given back", "from", head.Number+1, "to", l.room.Number)
	lost := l.recent[uint64(len(l.recent))-back:]
	b := Batch{Events: lost, Members: len(l.room.Members())}
	for _, s := range l.sessions {
		if s.token == "" {
			continue
		}
		b.Secrets = append(b.Secrets, Secret{Name: seatSecret(s.token), Member: s.member, Value: []byte(s.member)})
	}
	l.fly(&flight{head: head, batch: b})
}

// catchUp reads what the room has missed, beside the loop.
func (l *loop) catchUp() {
	l.catching.behind = true
	if l.catching.under || l.failed {
		return
	}
	l.catching.under = true
	after := l.room.Number
	go func() { // owned by run, which does not end while a read is out
		ctx, cancel := context.WithTimeout(l.hub.ctx, l.hub.opts.Patience)
		defer cancel()
		events, err := l.hub.opts.Log.Read(ctx, l.id, after, maxCatch)
		l.catching.done <- &caught{after, events, err}
	}()
}

// catch takes what a read has brought.
func (l *loop) catch(c *caught) {
	l.catching.under = false
	switch {
	case c.err != nil:
		l.catching.retry = time.Now().Add(catchRetry)
		return
	case len(c.events) == 0 && l.catching.refused && l.room.Number == c.after:
		// Refused at a head after which there is nothing: it is no head of the log's.
		l.fail("the log holds another history of this room", nil)
	case len(c.events) > 0 && !l.takeNew(c.events):
		l.fail("the log has forgotten events that this room lacks", nil)
	}
	l.catching.behind, l.catching.refused = false, false
	if len(c.events) == maxCatch {
		l.catchUp()
	}
	l.closeDeparted()
}
