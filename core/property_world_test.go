package core

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"tandem.watch/tandem/protocol"
)

// simWorld is one room as several gateways have it: a log that they share, and a
// simReplica each, which is as stale as it likes to be.
type simWorld struct {
	t   *rapid.T
	now int64
	// events is the log, as decoded events and as what was stored.
	events []Event
	stored [][]byte
	// oracle applies every event at once; states are its snapshots by number.
	oracle *Room
	states [][]byte

	replicas []*simReplica
	requests []*simRequest
	// landed counts how often each command's events were appended; answers has
	// the number of the last of them.
	landed  map[Ref]int
	answers map[Ref]uint64
	// lastID is each member's last command id.
	lastID map[string]uint64
	joined int
	ids    EventID
	seen   *simSights
}

// simSights counts what happened, so that a run in which nothing did is noticed.
type simSights struct {
	conflicts, placed, lost, repeats, stale, reused, forbidden, releases, elections, empty, restarts, batches int
}

// simRequest is a command on its way, any number of times.
type simRequest struct {
	by      Ref
	command Command
	hints   Hints
}

// simReplica is one gateway's copy of the room.
type simReplica struct {
	room *Room
	// skew is how wrong its clock is, in microseconds.
	skew   int64
	flight *simFlight
}

// simFlight is a batch that was decided and not yet appended.
type simFlight struct {
	base    Head
	work    *Room
	results []simResult
	events  []Event
	// decided is each event's time before the batch was placed.
	decided []int64
}

type simResult struct {
	request *simRequest
	// answer is the number that the command is acknowledged with.
	answer uint64
	done   bool
	events int
	err    error
}

func newWorld(t *rapid.T, replicas int, seen *simSights) *simWorld {
	w := &simWorld{
		t: t, now: stageStart, oracle: NewRoom("room"), states: [][]byte{nil},
		landed: map[Ref]int{}, answers: map[Ref]uint64{}, lastID: map[string]uint64{}, joined: 1, seen: seen,
	}
	for i := range replicas {
		w.replicas = append(w.replicas, &simReplica{room: NewRoom("room"), skew: int64(i%3-1) * 1_500_000})
	}
	create := Create{Settings: Settings{GuestControl: true}, Media: Media{Kind: MediaClip}, Member: "m0", Name: "m0"}
	w.deliver(w.replicas[0], &simRequest{command: create})
	w.commit(w.replicas[0], arrives)
	w.issue("m0", simStep{Command: Say{Text: "first"}})
	return w
}

// deliver lets a replica decide a request, as part of the batch in flight.
func (w *simWorld) deliver(p *simReplica, q *simRequest) {
	if p.flight == nil {
		p.flight = &simFlight{base: p.room.LogHead(), work: p.room.Clone()}
	}
	f := p.flight
	now := w.now + p.skew
	before := w.encode(f.work)
	d, err := Decide(f.work, q.by, q.command, now, q.hints)
	if !bytes.Equal(before, w.encode(f.work)) {
		w.t.Fatalf("deciding %#v changed the room", q.command)
	}
	r := simResult{request: q, done: d.Done != 0, answer: d.Done, events: len(d.Bodies), err: err}
	if err != nil && (d.Done != 0 || len(d.Bodies) > 0) {
		w.t.Fatalf("%#v is refused (%v) and done: %+v", q.command, err, d)
	}
	for _, b := range d.Bodies {
		w.ids++
		e := Event{
			ID: w.ids, Prev: f.work.Head, Epoch: 1, Number: f.work.Number + 1, At: max(now, f.work.At), By: q.by, Body: b,
		}
		if err := f.work.Apply(e); err != nil {
			w.t.Fatalf("what was decided does not apply: %v", err)
		}
		f.events, f.decided = append(f.events, e), append(f.decided, e.At)
		r.answer = e.Number
	}
	f.results = append(f.results, r)
}

// simFate is what becomes of an append.
type simFate int

const (
	arrives   simFate = iota // it is appended, and the gateway is told
	replyLost                // it is appended, and the gateway is not told
	neverSent                // it is not appended, and the gateway gives up
)

// commit appends a replica's batch by compare-and-swap. On a conflict the
// simReplica catches up and decides everything again; it appends when it is asked
// for the next time.
func (w *simWorld) commit(p *simReplica, as simFate) {
	f := p.flight
	if f == nil {
		return
	}
	if as == neverSent {
		p.flight = nil
		return
	}
	// A batch without events is checked against the head as well: a refusal that
	// a stale replica decided is none.
	if f.base != w.oracle.LogHead() && w.place(f) {
		w.seen.placed++
		w.catchUp(p, len(w.events)) // beside the batch, which is not in the log yet
		f.work = p.room.Clone()
		for _, e := range f.events {
			if err := f.work.Apply(e); err != nil {
				w.t.Fatalf("what was placed does not apply: %v", err)
			}
		}
	}
	if f.base != w.oracle.LogHead() {
		w.seen.conflicts++
		w.catchUp(p, len(w.events))
		p.flight = nil
		for _, r := range f.results {
			w.deliver(p, r.request)
		}
		return
	}
	if len(f.results) > 1 {
		w.seen.batches++
	}
	events, decided := f.events, f.decided
	for _, r := range f.results {
		w.append(r, events[:r.events], decided[:r.events])
		events, decided = events[r.events:], decided[r.events:]
		if as == arrives {
			w.answered(r)
		}
	}
	p.flight = nil
	if as == replyLost {
		w.seen.lost++
		return
	}
	p.room = f.work
	w.check(p)
}

// place makes a batch that commutes follow what it has missed, as a log that is a
// Placer does.
func (w *simWorld) place(f *simFlight) bool {
	b := Batch{Events: f.events}
	missed := w.events[min(f.base.Number, uint64(len(w.events))):]
	if len(f.events) == 0 || f.base.Number == 0 || !b.Passes(missed, b.PastKinds()) {
		return false
	}
	for _, r := range f.results {
		if r.err != nil || r.done || r.events == 0 {
			return false // not decided by the batch's events
		}
	}
	f.events, f.base = b.Follow(missed), w.oracle.LogHead()
	for i := range f.results {
		f.results[i].answer += uint64(len(missed))
	}
	return true
}

// append adds one command's events to the log, and holds the room against the
// invariants after it.
func (w *simWorld) append(r simResult, events []Event, decided []int64) {
	if len(events) == 0 {
		return
	}
	if by := r.request.by; by.Command != 0 {
		w.landed[by]++
		w.answers[by] = events[len(events)-1].Number
	}
	host := w.oracle.Host
	for i, e := range events {
		data, err := EncodeEvent(e)
		if err != nil {
			w.t.Fatalf("event %d: %v", e.Number, err)
		}
		if set, ok := e.Body.(TimelineSet); ok && set.Cause == CauseRelease {
			w.seen.releases++
			if w.oracle.Gate == nil {
				w.t.Fatalf("event %d releases a gate that is not open", e.Number)
			}
		}
		before := w.oracle.Clone()
		if err := w.oracle.Apply(e); err != nil {
			w.t.Fatalf("event %d: %v", e.Number, err)
		}
		w.events, w.stored = append(w.events, e), append(w.stored, data)
		w.states = append(w.states, w.encode(w.oracle))
		if err := errors.Join(sound(w.oracle), follows(before, w.oracle, e, decided[i])); err != nil {
			w.t.Fatalf("after event %d, %#v:\n%v", e.Number, e.Body, err)
		}
	}
	if err := settled(w.oracle); err != nil {
		w.t.Fatalf("after %#v of %q:\n%v", r.request.command, r.request.by.Seat, err)
	}
	if host != "" && w.oracle.Member(host) == nil {
		w.seen.elections++
	}
	if len(w.oracle.Members()) == 0 {
		w.seen.empty++
	}
}

// answered is what the sender of a request gets to hear in the end.
func (w *simWorld) answered(r simResult) {
	by := r.request.by
	if by.Command == 0 {
		return
	}
	first, done := w.answers[by]
	switch {
	case r.err == nil && (!done || r.answer != first):
		w.t.Fatalf("%+v is acknowledged with %d; its last event is %d", by, r.answer, first)
	case r.err == nil && r.done:
		w.seen.repeats++
	case r.err != nil && done && w.remembers(by):
		w.t.Fatalf("%+v was done at %d, and its repeat is refused: %v", by, first, r.err)
	case r.err != nil:
		w.count(by, r.err)
	}
}

func (w *simWorld) count(by Ref, err error) {
	var refusal *protocol.Error
	if !errors.As(err, &refusal) {
		w.t.Fatalf("%+v is refused with %v, which has no code", by, err)
	}
	switch refusal.Code {
	case protocol.CodeCommandStale:
		w.seen.stale++
	case protocol.CodeCommandReused:
		w.seen.reused++
	case protocol.CodeForbidden:
		w.seen.forbidden++
	}
}

// remembers says whether a seat is there, and has not done so much since that
// the answer has been forgotten.
func (w *simWorld) remembers(by Ref) bool {
	later := 0
	for other, number := range w.answers {
		if other.Seat == by.Seat && number > w.answers[by] {
			later++
		}
	}
	return w.oracle.Member(by.Seat) != nil && later < protocol.MaxInFlight
}

// catchUp applies the next events from the log, decoded from what was stored.
func (w *simWorld) catchUp(p *simReplica, most int) {
	for _, data := range w.stored[p.room.Number:min(len(w.stored), int(p.room.Number)+most)] {
		e, err := DecodeEvent(data)
		if err == nil {
			err = p.room.Apply(e)
		}
		if err != nil {
			w.t.Fatalf("catching up: %v", err)
		}
	}
	w.check(p)
}

// restart replaces a replica by what it would read from a snapshot.
func (w *simWorld) restart(p *simReplica, number int) {
	w.seen.restarts++
	p.flight = nil
	if number %= len(w.states); number == 0 {
		p.room = NewRoom("room")
		return
	}
	room, err := DecodeRoom(w.states[number])
	if err != nil {
		w.t.Fatalf("snapshot %d: %v\n%s", number, err, w.states[number])
	}
	p.room = room
	w.check(p)
}

// check holds a replica against what the log adds up to at its number.
func (w *simWorld) check(p *simReplica) {
	if p.room.Number == 0 {
		return
	}
	if got, want := w.encode(p.room), w.states[p.room.Number]; !bytes.Equal(got, want) {
		w.t.Fatalf("a replica at event %d differs:\n got %s\nwant %s", p.room.Number, got, want)
	}
}

func (w *simWorld) encode(r *Room) []byte {
	data, err := EncodeRoom(r)
	if err != nil {
		w.t.Fatalf("snapshot: %v", err)
	}
	return data
}

// newMember is a member that was never there before.
func (w *simWorld) newMember() string {
	w.joined++
	return fmt.Sprintf("m%d", w.joined-1)
}

// gates lists the numbers of all gates that ever were.
func (w *simWorld) gates() []uint64 {
	var gates []uint64
	for _, e := range w.events {
		if _, ok := e.Body.(GateOpened); ok {
			gates = append(gates, e.Number)
		}
	}
	return slices.Clip(gates)
}
