package core_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tandem.watch/tandem/core"
)

// outboxTaken returns all that is queued, joined.
func outboxTaken(o *core.Outbox) (string, bool) {
	frames, last := o.Take(nil)
	return string(bytes.Join(frames, []byte(" "))), last
}

func TestOutboxOrder(t *testing.T) {
	o := core.NewOutbox(100)
	for _, s := range []string{"a", "b", "c"} {
		if got := o.Push(core.ClassControl, "", []byte(s)); got != core.PushedQueued {
			t.Errorf("push %s: %v", s, got)
		}
	}
	<-o.Wake()
	if got, last := outboxTaken(o); got != "a b c" || last {
		t.Errorf("taken: %q, %v", got, last)
	}
	if got, _ := outboxTaken(o); got != "" {
		t.Errorf("taken again: %q", got)
	}
}

func TestOutboxReplacesState(t *testing.T) {
	o := core.NewOutbox(100)
	push := func(class core.Class, key, s string, want core.Pushed) {
		t.Helper()
		if got := o.Push(class, key, []byte(s)); got != want {
			t.Errorf("push %s: %v, want %v", s, got, want)
		}
	}
	push(core.ClassState, "clock", "clock1", core.PushedQueued)
	push(core.ClassControl, "", "event", core.PushedQueued)
	push(core.ClassState, "other", "other1", core.PushedQueued)
	push(core.ClassState, "clock", "clock2", core.PushedReplaced)
	push(core.ClassState, "", "nameless1", core.PushedQueued)
	push(core.ClassState, "", "nameless2", core.PushedQueued)
	if got, _ := outboxTaken(o); got != "clock2 event other1 nameless1 nameless2" {
		t.Errorf("taken: %q", got)
	}
	push(core.ClassState, "clock", "clock3", core.PushedQueued) // what is taken cannot be replaced
	if got, _ := outboxTaken(o); got != "clock3" {
		t.Errorf("taken: %q", got)
	}
}

func TestOutboxLimit(t *testing.T) {
	ten := []byte("0123456789")
	for class, want := range map[core.Class]core.Pushed{
		core.ClassControl: core.PushedOverflow, core.ClassBulk: core.PushedOverflow,
		core.ClassState: core.PushedDropped, core.ClassEphemeral: core.PushedDropped,
	} {
		o := core.NewOutbox(100)
		for range 10 {
			o.Push(core.ClassControl, "", ten)
		}
		if got := o.Push(class, "key", []byte("x")); got != want {
			t.Errorf("class %d beyond the limit: %v, want %v", class, got, want)
		}
		o.Take(nil)
		if got := o.Push(class, "key", []byte("x")); got != core.PushedQueued {
			t.Errorf("class %d after all was taken: %v", class, got)
		}
	}
	o := core.NewOutbox(100)
	for range 6 {
		o.Push(core.ClassControl, "", ten)
	}
	if got := o.Push(core.ClassEphemeral, "", []byte("x")); got != core.PushedDropped {
		t.Errorf("ephemeral in the upper half: %v", got)
	}
	if got := o.Push(core.ClassState, "key", []byte("x")); got != core.PushedQueued {
		t.Errorf("state in the upper half: %v", got)
	}
}

func TestOutboxFinish(t *testing.T) {
	o := core.NewOutbox(4)
	o.Push(core.ClassControl, "", []byte("full"))
	o.Finish([]byte("bye"))
	o.Finish([]byte("again"))
	if got := o.Push(core.ClassControl, "", []byte("x")); got != core.PushedClosed {
		t.Errorf("push after the end: %v", got)
	}
	<-o.Wake()
	if got, last := outboxTaken(o); got != "full bye" || !last {
		t.Errorf("taken: %q, %v", got, last)
	}
}

// A writer who takes whenever it is woken gets everything, in order.
func TestOutboxWakes(t *testing.T) {
	o := core.NewOutbox(1 << 20)
	const pushers, each = 4, 500
	var pushing sync.WaitGroup
	for p := range pushers {
		pushing.Go(func() {
			for i := range each {
				o.Push(core.ClassControl, "", fmt.Appendf(nil, "%d:%d", p, i))
			}
		})
	}
	go func() {
		pushing.Wait()
		o.Finish(nil)
	}()
	next := [pushers]int{}
	for range o.Wake() {
		frames, last := o.Take(nil)
		for _, f := range frames {
			var p, i int
			if _, err := fmt.Sscanf(string(f), "%d:%d", &p, &i); err != nil || next[p] != i {
				t.Fatalf("got %s, want %d of %d", f, next[p], p)
			}
			next[p]++
		}
		if last {
			break
		}
	}
	if want := [pushers]int{each, each, each, each}; next != want {
		t.Errorf("taken %v, want %v", next, want)
	}
}

// Whatever is pushed: what must arrive does, in order, or the push says so; the
// bytes that wait stay below the limit; of a key at most one frame waits.
func TestOutboxProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 64
		o := core.NewOutbox(limit)
		var want []string
		waiting := 0
		check := func() {
			frames, _ := o.Take(nil)
			var control []string
			size, keys := 0, map[byte]int{}
			for _, f := range frames {
				size += len(f)
				switch f[0] {
				case 'c':
					control = append(control, string(f))
				case 's':
					keys[f[1]]++
				}
			}
			if diff := cmp.Diff(want, control); diff != "" {
				t.Fatalf("what must arrive (-want +got):\n%s", diff)
			}
			if size > limit+10 { // a replacement may be a little longer
				t.Fatalf("%d bytes waited", size)
			}
			for k, n := range keys {
				if n > 1 {
					t.Fatalf("%d frames of key %c waited", n, k)
				}
			}
			want, waiting = nil, 0
		}
		for i := range rapid.IntRange(1, 100).Draw(t, "pushes") {
			pad := strings.Repeat("x", rapid.IntRange(0, 10).Draw(t, "size"))
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0, 1:
				f := fmt.Sprint("c", i, pad)
				if o.Push(core.ClassControl, "", []byte(f)) == core.PushedQueued {
					want = append(want, f)
				} else if waiting+len(f) <= limit/2 {
					t.Fatalf("an overflow with %d bytes waiting", waiting)
				}
				waiting += len(f)
			case 2:
				key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
				o.Push(core.ClassState, key, []byte("s"+key+pad[:min(4, len(pad))]))
				waiting += 6
			case 3:
				o.Push(core.ClassEphemeral, "", []byte("e"+pad))
				waiting += 11
			default:
				check()
			}
		}
		check()
	})
}

// A frame in segments is one frame: all of it is replaced, dropped or refused.
func TestOutboxSegments(t *testing.T) {
	o := core.NewOutbox(20)
	push := func(class core.Class, key string, want core.Pushed, segments ...string) {
		t.Helper()
		all := make([][]byte, len(segments))
		for i, s := range segments {
			all[i] = []byte(s)
		}
		if got := o.Push(class, key, all...); got != want {
			t.Errorf("push %q: %v, want %v", segments, got, want)
		}
	}
	push(core.ClassState, "beat", core.PushedQueued, "a1", "b1", "c1")
	push(core.ClassControl, "", core.PushedQueued, "x", "y")
	push(core.ClassState, "beat", core.PushedReplaced, "a22", "b22", "c22")
	if got, _ := outboxTaken(o); got != "a22 b22 c22 x y" {
		t.Errorf("taken: %q", got)
	}
	push(core.ClassControl, "", core.PushedQueued, "0123456789", "012345678")
	push(core.ClassControl, "", core.PushedOverflow, "x", "y")
	push(core.ClassState, "beat", core.PushedDropped, "x", "y", "z")
	push(core.ClassControl, "", core.PushedQueued, "x")
}
