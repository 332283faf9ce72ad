package logtest

import (
	"fmt"
	"sync"
	"testing"

	"tandem.watch/tandem/core"
)

// by makes events a seat's.
func by(b core.Batch, seat string) core.Batch {
	for i := range b.Events {
		b.Events[i].By = core.Ref{Seat: seat, Command: uint64(i) + 1, Sum: 7}
	}
	return b
}

// said is a word of a member.
func said(member, text string) core.Body { return core.Said{Member: member, Name: "Ann", Text: text} }

// testPlace: what commutes is appended after what it has missed. Stores that
// cannot do that have nothing to show.
func testPlace(t *testing.T, s Store) {
	placer, ok := s.(core.Placer)
	if !ok {
		return
	}
	past := []string{"chat", "joined"}
	r := create(t, s, "ABCD")
	late := &room{id: r.id, head: r.head, at: r.at - 60_000_000}

	// At the head it is an append.
	b := r.batch(1, say("at the head"))
	before, err := placer.Place(t.Context(), r.id, r.head, b, past)
	noError(t, err)
	sameEvents(t, before, nil)
	r.appended(b)
	r.check(t, s)

	// After others' words and joins: numbered anew, in their epoch, not before them.
	other := by(r.batch(1, say("\",\"number\":1,\"at\":5"), core.Joined{Member: "m_2"}), "m_9")
	other.Members = 2
	noError(t, s.Append(t.Context(), r.id, r.head, other))
	r.appended(other)
	b = by(late.batch(1, core.Joined{Member: "m_3", Name: "\"prev\":\"0\" ☃"}, said("m_3", "late")), "m_3")
	b.Secrets = []core.Secret{{Name: "seat:3", Member: "m_3", Value: []byte{3}}}
	missed := r.events[3:]
	before, err = placer.Place(t.Context(), r.id, late.head, b, past)
	noError(t, err)
	sameEvents(t, before, missed)
	b.Events = b.Follow(before)
	r.appended(b)
	r.check(t, s)
	checkSecret(t, s, r.id, "seat:3", &b.Secrets[0])
	if e := r.events[len(r.events)-1]; e.At < other.Events[1].At || e.Number != 8 {
		t.Errorf("placed as %+v", e)
	}

	// Nothing of its own seats may be among what it passes: a repeat, say.
	repeat := by(late.batch(1, said("m_7", "late")), "m_3")
	if _, err := placer.Place(t.Context(), r.id, late.head, repeat, past); err == nil {
		t.Error("a batch was placed after events of its own seat")
	}
	// Nor anything about the same members: two who join under one id, say.
	twin := late.batch(1, core.Joined{Member: "m_2"})
	if _, err := placer.Place(t.Context(), r.id, late.head, twin, past); err == nil {
		t.Error("a batch was placed after an event about its own member")
	}
	// Nor other kinds, nor what is of another history.
	if _, err := placer.Place(t.Context(), r.id, late.head, late.batch(1, said("m_7", "x")), []string{"chat"}); err == nil {
		t.Error("a batch was placed after a kind that it does not pass")
	}
	wrong := &room{id: r.id, head: late.head, at: r.at}
	wrong.head.ID++
	if _, err := placer.Place(t.Context(), r.id, wrong.head, wrong.batch(1, said("m_7", "x")), past); err == nil {
		t.Error("a batch was placed after a head of another history")
	}
	r.check(t, s)

	// The number of members is counted on: two joined, one leaves, none is left.
	last := &room{id: r.id, head: r.head, at: r.at}
	r.add(t, s, 3, said("m_9", "between"))
	gone := last.batch(0, core.Left{Member: "m_1"}, core.Left{Member: "m_2"}, core.Left{Member: "m_3"})
	before, err = placer.Place(t.Context(), r.id, last.head, gone, past)
	noError(t, err)
	gone.Events = gone.Follow(before)
	r.appended(gone)
	r.check(t, s)
	occupied, err := s.Occupied(t.Context())
	noError(t, err)
	if len(occupied) != 0 {
		t.Errorf("occupied: %v", occupied)
	}
}

// testPlaceAtOnce: many gateways place at the same time, none loses a round.
func testPlaceAtOnce(t *testing.T, s Store) {
	placer, ok := s.(core.Placer)
	if !ok {
		return
	}
	const gateways, each = 8, 20
	base := create(t, s, "ABCD")
	var all sync.WaitGroup
	for g := range gateways {
		all.Go(func() {
			r := &room{id: base.id, head: base.head, at: base.at, events: base.events[:3:3]}
			for n := range each {
				b := by(r.batch(1, said(fmt.Sprint("m_", g), fmt.Sprintf("%d/%d", g, n))), fmt.Sprint("m_", g))
				before, err := placer.Place(t.Context(), r.id, r.head, b, []string{"chat"})
				if err != nil {
					t.Errorf("gateway %d: %v", g, err)
					return
				}
				b.Events = b.Follow(before)
				r.appended(core.Batch{Events: append(before, b.Events...)})
			}
			got, err := s.Read(t.Context(), r.id, 0, len(r.events))
			if err != nil {
				t.Error(err)
				return
			}
			sameEvents(t, got, r.events)
		})
	}
	all.Wait()
	events, err := s.Read(t.Context(), base.id, 0, 1000)
	noError(t, err)
	if _, err := replay(base.id, events); err != nil || len(events) != 3+gateways*each {
		t.Errorf("%d events, %v", len(events), err)
	}
}
