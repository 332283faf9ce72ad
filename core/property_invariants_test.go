package core

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tandem.watch/tandem/protocol"
)

// faults collects what is wrong.
type faults []error

func (f *faults) unless(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

// sound checks what holds after every single event.
func sound(r *Room) error {
	var f faults
	f.unless(len(r.order) == len(r.byID), "%d members in order, %d by id", len(r.order), len(r.byID))
	for _, m := range r.order {
		f.unless(r.byID[m.ID] == m, "member %q is not found by its id", m.ID)
		f.unless((m.Role == RoleHost) == (m.ID == r.Host), "member %q is %s, and the host is %q", m.ID, m.Role, r.Host)
		f.unless(slices.Contains([]Role{RoleGuest, RoleModerator, RoleHost}, m.Role), "member %q is %q", m.ID, m.Role)
		f.unless(m.Generation >= 1, "member %q has the generation %d", m.ID, m.Generation)
		f.unless(m.JoinedAt <= r.At, "member %q joins in the future", m.ID)
		f.unless(len(m.Answers) <= maxAnswers, "member %q has %d answers", m.ID, len(m.Answers))
		for i, a := range m.Answers {
			f.unless(a.Command <= m.LastCommand, "member %q: answer %d is beyond its last command", m.ID, a.Command)
			f.unless(a.Number <= r.Number && (i == 0 || a.Number > m.Answers[i-1].Number), "member %q: answers out of order", m.ID)
		}
	}
	f.unless(r.Host == "" || r.byID[r.Host] != nil, "the host %q is no member", r.Host)
	f.unless(len(r.Chat) <= MaxChat, "%d lines of chat", len(r.Chat))
	f.unless(len(r.Banned) <= MaxBanned, "%d banned", len(r.Banned))
	f.unless(len(r.Queue) <= protocol.MaxQueue, "%d items are queued", len(r.Queue))
	for i, q := range r.Queue {
		f.unless(q.ID >= 1 && q.ID <= r.Number && r.queued(q.ID) == i, "the item %d of %d events is queued at %d and %d", q.ID, r.Number, i, r.queued(q.ID))
	}
	f.unless(r.MediaNumber <= r.Number, "the media are of event %d of %d", r.MediaNumber, r.Number)
	f.timeline(r)
	f.gate(r)
	return errors.Join(f...)
}

func (f *faults) timeline(r *Room) {
	t := r.Timeline
	f.unless(t.Position >= 0 && t.Position <= protocol.MaxPosition, "position %v", t.Position)
	f.unless(t.Rate >= protocol.MinRate && t.Rate <= protocol.MaxRate, "rate %v", t.Rate)
	f.unless(t.Number >= 1 && t.Number <= r.Number, "the timeline's number is %d of %d", t.Number, r.Number)
	later := t.PositionAt(r.At + 1_000_000)
	f.unless(!math.IsNaN(later) && !math.IsInf(later, 0) && later >= t.Position, "it runs from %v to %v", t.Position, later)
}

func (f *faults) gate(r *Room) {
	g := r.Gate
	if g == nil {
		return
	}
	f.unless(!r.Timeline.Playing, "it plays while the gate is open")
	f.unless(len(g.Waiting) <= MaxGate, "the gate waits for %d", len(g.Waiting))
	f.unless(g.Number > r.Timeline.Number && g.Number <= r.Number, "the gate's number is %d of %d", g.Number, r.Number)
	for i, id := range g.Waiting {
		f.unless(r.byID[id] != nil, "the gate waits for %q, who is not there", id)
		f.unless(!slices.Contains(g.Waiting[:i], id), "the gate waits for %q twice", id)
	}
	for i, id := range g.Ready {
		f.unless(slices.Contains(g.Waiting, id), "the gate has %q, who was not waited for", id)
		f.unless(!slices.Contains(g.Ready[:i], id), "the gate has %q twice", id)
	}
	f.unless((g.QuorumAt != 0) == (len(g.Ready) >= g.Needed()), "%d of %d are ready, quorum at %d", len(g.Ready), len(g.Waiting), g.QuorumAt)
}

// settled checks what holds after every command: its events together.
func settled(r *Room) error {
	var f faults
	f.unless((r.Host != "") == (len(r.order) > 0), "%d members, and the host is %q", len(r.order), r.Host)
	f.unless(len(r.order) > 0 || (!r.Timeline.Playing && r.Gate == nil), "an empty room plays on")
	f.unless(r.Gate == nil || !r.Gate.Complete(), "everybody is ready, and the gate is open")
	return errors.Join(f...)
}

// follows checks an event, decided at an instant, against the room before and
// after it.
func follows(before, after *Room, e Event, decided int64) error {
	var f faults
	f.unless(e.Number == before.Number+1 && e.Prev == before.Head, "event %d does not follow event %d", e.Number, before.Number)
	f.unless(e.At >= before.At, "time runs back by %d µs", before.At-e.At)
	f.unless(after.At == e.At && after.Number == e.Number && after.Head == e.ID, "the room's head is %+v", after.LogHead())
	f.unless(after.Access >= before.Access, "access runs back")
	if set, ok := e.Body.(TimelineSet); ok {
		f.unless(set.At >= decided, "the timeline starts %d µs before its event", decided-set.At)
	}
	if opened, ok := e.Body.(GateOpened); ok {
		f.unless(opened.Deadline <= e.At+GateWaitSlow.Microseconds(), "the gate's deadline is %d µs away", opened.Deadline-e.At)
	}
	return errors.Join(f...)
}
