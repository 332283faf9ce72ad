package gateway

import (
	"fmt"
	"testing"
	"time"

	"tandem.watch/tandem/protocol"
)

// lead is how far ahead of its event the newest timeline starts.
func (c *peer) lead(m protocol.CommandMessage) time.Duration {
	c.w.t.Helper()
	now := time.Now().UnixMicro()
	c.do(m)
	c.settle()
	if !c.view.Room.Timeline.Playing {
		c.w.t.Fatalf("the timeline is %+v", c.view.Room.Timeline)
	}
	return time.Duration(c.view.Room.Timeline.At-now) * time.Microsecond
}

func (c *peer) report(s protocol.Status) {
	c.w.t.Helper()
	if err := c.Send(&s); err != nil {
		c.w.t.Fatal(err)
	}
	c.settle()
}

func TestScheduledStart(t *testing.T) {
	for _, c := range []struct {
		name        string
		reports     []protocol.Status
		start, seek time.Duration
	}{
		{"nothing is known", []protocol.Status{{}, {}}, 165 * time.Millisecond, 105 * time.Millisecond},
		{"near and quick", []protocol.Status{{RTTMs: 2, PlayLatencyMs: 5, SeekLatencyMs: 20}, {RTTMs: 1, PlayLatencyMs: 5, SeekLatencyMs: 10}}, 60 * time.Millisecond, 60 * time.Millisecond},
		{"the slowest counts", []protocol.Status{
			{RTTMs: 20, PlayLatencyMs: 10, SeekLatencyMs: 400}, {RTTMs: 300, PlayLatencyMs: 80, SeekLatencyMs: 10},
		}, 315 * time.Millisecond, 630 * time.Millisecond},
		{"hopeless", []protocol.Status{{RTTMs: 20}, {RTTMs: 60_000, PlayLatencyMs: 60_000, SeekLatencyMs: 60_000}}, 1500 * time.Millisecond, 1500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T, w *world) {
				ann := w.host("Ann")
				ben := w.join(ann.room, "Ben", office)
				ann.report(c.reports[0])
				ben.report(c.reports[1])
				time.Sleep(time.Second)
				if got := ann.lead(&protocol.Play{Command: ann.id()}); got != c.start {
					t.Errorf("a start is %v ahead, want %v", got, c.start)
				}
				if got := ann.lead(&protocol.Seek{Command: ann.id(), Position: 50}); got != c.start+c.seek {
					t.Errorf("a seek is %v ahead, want %v", got, c.start+c.seek)
				}
			})
		})
	}
}

// In a large room one hopeless member does not slow the others.
func TestScheduledStartOfManyMembers(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		for i := range 20 {
			c := w.join(ann.room, fmt.Sprint("guest ", i), office)
			c.report(protocol.Status{RTTMs: 100, PlayLatencyMs: 50})
		}
		slow := w.join(ann.room, "slow", cafe)
		slow.report(protocol.Status{RTTMs: 2000, PlayLatencyMs: 1000})
		ann.report(protocol.Status{RTTMs: 100, PlayLatencyMs: 50})
		time.Sleep(time.Second)
		if got := ann.lead(&protocol.Play{Command: ann.id()}); got != 145*time.Millisecond {
			t.Errorf("a start is %v ahead, want 145ms", got)
		}
	})
}

// Who has left counts no more.
func TestScheduledStartAfterADeparture(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.report(protocol.Status{RTTMs: 100, PlayLatencyMs: 50})
		ben.report(protocol.Status{RTTMs: 1000, PlayLatencyMs: 50})
		time.Sleep(time.Second)
		if got := ann.lead(&protocol.Play{Command: ann.id()}); got != 775*time.Millisecond {
			t.Errorf("a start is %v ahead, want 775ms", got)
		}
		ann.do(&protocol.Pause{Command: ann.id()})
		ben.drop()
		time.Sleep(time.Second)
		if got := ann.lead(&protocol.Play{Command: ann.id()}); got != 145*time.Millisecond {
			t.Errorf("a start is %v ahead, want 145ms", got)
		}
	})
}

// Play while the room plays is a repeat: it does not stamp the timeline anew.
func TestPlayWhilePlaying(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.do(&protocol.Play{Command: ann.id()})
		time.Sleep(10 * time.Second)
		ben.settle()
		here := ben.view.Room.Timeline.PositionAt(time.Now().UnixMicro()) + 0.4
		ben.do(&protocol.Play{Command: ben.id(), Position: &here})
		ann.saw("joined Ben", "timeline play 0")
		ben.do(&protocol.Pause{Command: ben.id()})
		if got := take[*protocol.Events](ann); len(got) != 1 {
			t.Errorf("Ann got %+v", got)
		}
		want := 10 - 0.165
		if got := ann.view.Room.Timeline; got.Playing || got.Position < want-1e-6 || got.Position > want+1e-6 {
			t.Errorf("the timeline is %+v, want a stop at %v", got, want)
		}
	})
}
