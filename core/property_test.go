package core

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever happens to commands on their way, and in whatever order gateways
// append, all replicas come to the same room, each command is done once, and
// every answer to it is the same.
func TestEveryReplicaComesToTheSame(t *testing.T) {
	var seen simSights
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, rapid.IntRange(1, 4).Draw(t, "replicas"), &seen)
		for _, s := range drawProgram(t) {
			w.run(s)
		}
		w.settle()
		w.repeatEverything()
		w.eachOnce()
		w.allEqual()
	})
	if t.Failed() {
		return
	}
	t.Logf("%d batches were placed", seen.placed) // too seldom to demand it
	for what, n := range map[string]int{
		"conflicts": seen.conflicts, "lost replies": seen.lost, "repeats": seen.repeats, "stale ids": seen.stale,
		"reused ids": seen.reused, "refusals": seen.forbidden, "released gates": seen.releases, "elections": seen.elections,
		"empty rooms": seen.empty, "restarts": seen.restarts, "batches": seen.batches,
	} {
		if n == 0 {
			t.Errorf("no %s: the programs try too little", what)
		}
	}
}

// settle appends what is in flight, and lets every replica read the log.
func (w *simWorld) settle() {
	for _, p := range w.replicas {
		for p.flight != nil {
			w.commit(p, arrives)
		}
	}
	for _, p := range w.replicas {
		w.catchUp(p, len(w.events))
	}
}

// repeatEverything sends every command once more to every gateway.
func (w *simWorld) repeatEverything() {
	for _, p := range w.replicas {
		w.catchUp(p, len(w.events))
		for _, q := range w.requests {
			if w.landed[q.by] > 0 {
				w.deliver(p, q)
			}
		}
		if p.flight != nil && len(p.flight.events) > 0 {
			w.t.Fatalf("repeating what is done makes events: %+v", p.flight.events)
		}
		w.commit(p, arrives)
	}
}

// eachOnce reads the log: each command's events are there once, side by side,
// and their last number is what the command was acknowledged with.
func (w *simWorld) eachOnce() {
	type id struct {
		seat    string
		command uint64
	}
	last := map[id]uint64{}
	for i, e := range w.events {
		if e.Number != uint64(i)+1 {
			w.t.Fatalf("entry %d of the log has the number %d", i, e.Number)
		}
		if e.By.Command == 0 {
			continue
		}
		key := id{e.By.Seat, e.By.Command}
		if before, ok := last[key]; ok && before != e.Number-1 {
			w.t.Fatalf("the events of %+v are at %d and again at %d", key, before, e.Number)
		}
		last[key] = e.Number
	}
	for by, n := range w.landed {
		if n != 1 {
			w.t.Fatalf("%+v was done %d times", by, n)
		}
		if last[id{by.Seat, by.Command}] != w.answers[by] {
			w.t.Fatalf("the last event of %+v is %d, the answer %d", by, last[id{by.Seat, by.Command}], w.answers[by])
		}
	}
}

// allEqual compares every replica, and what the stored log adds up to, and
// every snapshot with the rest of the log, with the room.
func (w *simWorld) allEqual() {
	for i, p := range w.replicas {
		if diff := cmp.Diff(w.oracle, p.room, sameRoom); diff != "" {
			w.t.Fatalf("replica %d differs (-want +got):\n%s", i, diff)
		}
	}
	for number := range w.states {
		p := &simReplica{}
		w.restart(p, number)
		w.catchUp(p, len(w.events))
		if !bytes.Equal(w.encode(p.room), w.states[len(w.states)-1]) {
			w.t.Fatalf("the snapshot of %d and the rest of the log add up to another room", number)
		}
	}
}

// A copy goes its own way: neither hears of what happens to the other.
func TestClonesGoTheirOwnWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, 1, &simSights{})
		for _, s := range drawProgram(t) {
			w.run(s)
		}
		w.settle()
		middle := &simReplica{}
		w.restart(middle, rapid.IntRange(2, len(w.states)-1).Draw(t, "number"))
		at, copied := middle.room.Number, middle.room.Clone()
		w.catchUp(middle, len(w.events))
		if !bytes.Equal(w.encode(copied), w.states[at]) {
			t.Fatalf("the copy made at %d followed the room", at)
		}
		again := &simReplica{room: copied.Clone()}
		w.catchUp(again, len(w.events))
		if !bytes.Equal(w.encode(copied), w.states[at]) {
			t.Fatalf("the room at %d followed its copy", at)
		}
		if diff := cmp.Diff(middle.room, again.room, sameRoom); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Events come back from storage as they went there, and stay the same bytes.
func TestStoredEventsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, 2, &simSights{})
		for _, s := range drawProgram(t) {
			w.run(s)
		}
		for i, data := range w.stored {
			e, err := DecodeEvent(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(w.events[i], e); diff != "" {
				t.Fatal(diff)
			}
			if again, err := EncodeEvent(e); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%v\n%s\n%s", err, data, again)
			}
		}
	})
}
