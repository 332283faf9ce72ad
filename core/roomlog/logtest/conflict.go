package logtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog"
)

func testConflict(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	for i := range 10 {
		r.add(t, s, 1, say(fmt.Sprint(i)))
	}
	at := func(n int) core.Head {
		e := r.events[n-1]
		return core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID}
	}
	with := func(change func(*core.Head)) core.Head {
		h := r.head
		change(&h)
		return h
	}
	old := func(change func(*core.Head)) core.Head {
		h := at(5)
		change(&h)
		return h
	}
	for name, test := range map[string]struct {
		head   core.Head
		missed []core.Event
	}{
		"one behind":          {at(12), r.events[12:]},
		"many behind":         {at(1), r.events[1:]},
		"wrong id":            {with(func(h *core.Head) { h.ID++ }), nil},
		"wrong epoch":         {with(func(h *core.Head) { h.Epoch++ }), nil},
		"older epoch":         {with(func(h *core.Head) { h.Epoch = 0 }), nil},
		"behind, wrong id":    {old(func(h *core.Head) { h.ID++ }), nil},
		"behind, wrong epoch": {old(func(h *core.Head) { h.Epoch++ }), nil},
		"ahead, a hole":       {with(func(h *core.Head) { h.Number++ }), nil},
		"far ahead":           {with(func(h *core.Head) { h.Number += 1000 }), nil},
		"out of range":        {with(func(h *core.Head) { h.Number = math.MaxInt64 - 10 }), nil},
		"zero with an id":     {core.Head{ID: r.head.ID}, nil},
		"zero with an epoch":  {core.Head{Epoch: 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			x := &room{id: r.id, head: test.head, at: r.at}
			c := conflict(t, s, r.id, test.head, x.batch(1, say("late"), say("later")))
			sameEvents(t, c.Missed, test.missed)
			if (c.Missed == nil) != (test.missed == nil) {
				t.Errorf("missed is %#v", c.Missed)
			}
		})
	}
	r.check(t, s)
	r.add(t, s, 1, say("and on"))
	r.check(t, s)
}

// testCreatedTwice: a zero head is part of every history.
func testCreatedTwice(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	r.add(t, s, 1, say("hello"))
	again := newRoom(r.id)
	c := conflict(t, s, r.id, core.Head{}, again.batch(7, core.Created{Room: r.id}))
	sameEvents(t, c.Missed, r.events)
	r.check(t, s)
}

func testMissedTooMuch(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	behind := r.head
	bodies := make([]core.Body, roomlog.MaxMissed)
	for i := range bodies {
		bodies[i] = core.Noted{}
	}
	r.add(t, s, 1, bodies...)
	late := &room{id: r.id, head: behind, at: r.at}
	c := conflict(t, s, r.id, behind, late.batch(1, say("late")))
	sameEvents(t, c.Missed, r.events[3:])
	r.add(t, s, 1, say("one more"))
	c = conflict(t, s, r.id, behind, late.batch(1, say("late")))
	if c.Missed != nil {
		t.Errorf("missed %d events, want nil for more than %d", len(c.Missed), roomlog.MaxMissed)
	}
}

// testContext: with a context that has ended nothing happens.
func testContext(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	cause := errors.New("the test's")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	add(s.Append(ended, r.id, r.head, r.batch(1, say("never"))))
	_, err := s.Load(ended, r.id, 1)
	add(err)
	_, err = s.Read(ended, r.id, 0, 1)
	add(err)
	_, err = s.Secret(ended, r.id, "x")
	add(err)
	add(s.SaveSnapshot(ended, r.state(t, 3)))
	_, err = s.Occupied(ended)
	add(err)
	_, err = s.LatestTime(ended)
	add(err)
	_, err = s.Expire(ended, math.MaxInt64, 10)
	add(err)
	for i, err := range errs {
		if !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("call %d: got %v, want ErrUnavailable", i, err)
		}
		if !errors.Is(err, cause) {
			t.Errorf("call %d: %v hides its cause", i, err)
		}
	}
	r.check(t, s)
	checkLoad(t, s, r, 0, 0)
	r.add(t, s, 1, say("and on"))
	r.check(t, s)
}
