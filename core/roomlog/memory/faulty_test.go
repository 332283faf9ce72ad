package memory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/memory"
)

func created(room string) core.Batch {
	return core.Batch{Members: 1, Events: []core.Event{{ID: core.NewEventID(), Epoch: 1, Number: 1, Body: core.Created{Room: room}}}}
}

// count returns how many events a room has.
func count(t *testing.T, l core.Log, room string) int {
	t.Helper()
	events, err := l.Read(t.Context(), room, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(events)
}

func TestFaultyUnavailable(t *testing.T) {
	f := memory.NewFaulty()
	f.Set(memory.Faults{BeforeAppend: memory.Unavailable})
	if err := f.Append(t.Context(), "a", core.Head{}, created("a")); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if n := count(t, f, "a"); n != 0 {
		t.Errorf("%d events were appended", n)
	}
	f.Set(memory.Faults{})
	if err := f.Append(t.Context(), "a", core.Head{}, created("a")); err != nil {
		t.Error(err)
	}
}

func TestFaultyReplyLost(t *testing.T) {
	f := memory.NewFaulty()
	f.Set(memory.Faults{AfterAppend: memory.ReplyLost})
	if err := f.Append(t.Context(), "a", core.Head{}, created("a")); !errors.Is(err, core.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if n := count(t, f, "a"); n != 1 {
		t.Errorf("%d events were appended", n)
	}
	// A refusal is no success whose reply could be lost.
	var c *core.Conflict
	if err := f.Append(t.Context(), "a", core.Head{}, created("a")); !errors.As(err, &c) {
		t.Errorf("got %v", err)
	}
}

func TestFaultyCompetitor(t *testing.T) {
	f := memory.NewFaulty()
	f.Set(memory.Faults{BeforeAppend: func(room string, _ core.Batch) error {
		f.Set(memory.Faults{})
		return f.Log.Append(t.Context(), room, core.Head{}, created(room))
	}})
	var c *core.Conflict
	if err := f.Append(t.Context(), "a", core.Head{}, created("a")); !errors.As(err, &c) || len(c.Missed) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestFaultyReads(t *testing.T) {
	f := memory.NewFaulty()
	f.Set(memory.Faults{BeforeRead: func(string) error { return core.ErrUnavailable }})
	_, load := f.Load(t.Context(), "a", 1)
	_, read := f.Read(t.Context(), "a", 0, 1)
	_, secret := f.Secret(t.Context(), "a", "pin")
	save := f.SaveSnapshot(t.Context(), core.NewRoom("a"))
	for _, err := range []error{load, read, secret, save} {
		if !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
}

func TestFaultyDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := memory.NewFaulty()
		f.Set(memory.Faults{AppendDelay: 2 * time.Second, ReplyDelay: 3 * time.Second})
		start := time.Now()
		if err := f.Append(t.Context(), "a", core.Head{}, created("a")); err != nil || time.Since(start) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		for _, test := range []struct {
			room  string
			limit time.Duration
			want  error
			count int
		}{
			{"b", time.Second, core.ErrUnavailable, 0},
			{"c", 4 * time.Second, core.ErrUnknown, 1},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), test.limit)
			defer cancel()
			start := time.Now()
			err := f.Append(ctx, test.room, core.Head{}, created(test.room))
			if !errors.Is(err, test.want) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != test.limit {
				t.Errorf("after %v: got %v, want %v", time.Since(start), err, test.want)
			}
			if n := count(t, f, test.room); n != test.count {
				t.Errorf("%d events in %s, want %d", n, test.room, test.count)
			}
		}
	})
}
