package legacy

import (
	"testing"
	"time"

	"tandem.watch/tandem/internal/wsframe"
)

// tell has the clock hear what a client whose clock is behind by that much shows,
// in a message that travelled for a while.
func (c *clock) tell(at int64, behind, way time.Duration) {
	shown := float64(at-behind.Microseconds()-way.Microseconds()) / 1000
	c.heard(&shown, at)
}

// A clock that is set takes effect: forward at once, back when two messages in a
// row say so; a message that was late does nothing.
func TestClockIsSet(t *testing.T) {
	const second = 1_000_000
	c := &clock{}
	c.pong(40 * time.Millisecond)
	want := func(what string, behind time.Duration) {
		t.Helper()
		if got := time.Duration(c.offset()) * time.Microsecond; (got - behind).Abs() > 5*time.Millisecond {
			t.Errorf("%s: it is behind by %v, want %v", what, got, behind)
		}
	}
	want("unknown", 0)
	at := int64(1_700_000_000) * second
	c.tell(at, 8*time.Second, 20*time.Millisecond)
	want("known", 8*time.Second)
	c.tell(at+15*second, 8*time.Second, 4*time.Second)
	want("late", 8*time.Second)
	c.tell(at+30*second, 8*time.Second, 20*time.Millisecond)
	want("in time again", 8*time.Second)
	c.tell(at+45*second, -2*time.Second, 20*time.Millisecond)
	want("set forward", -2*time.Second)
	c.tell(at+60*second, 5*time.Second, 25*time.Millisecond)
	want("perhaps set back", -2*time.Second)
	c.tell(at+75*second, 5*time.Second, 20*time.Millisecond)
	want("set back", 5*time.Second)
}

// What a client tells of the past is believed while it is plausible.
func TestClockWhen(t *testing.T) {
	c := &clock{}
	c.pong(40 * time.Millisecond)
	at := int64(1_700_000_000_000_000)
	c.tell(at, 8*time.Second, 20*time.Millisecond)
	shows := func(instant int64) *float64 { return new(float64(instant-8_000_000) / 1000) }
	for _, test := range []struct {
		what  string
		shown *float64
		want  int64
	}{
		{"just now", shows(at - 20_000), at - 20_000},
		{"a while ago", shows(at - 3_000_000), at - 3_000_000},
		{"nothing", nil, at - 20_000},
		{"to come", shows(at + 1_000_000), at - 20_000},
		{"long ago", shows(at - 60_000_000), at - 20_000},
	} {
		if got := c.when(test.shown, at); got < test.want-1000 || got > test.want+1000 {
			t.Errorf("%s: %d µs ago, want %d", test.what, at-got, at-test.want)
		}
	}
}

// A line that is congested for a while sets no clock.
func TestClockCongested(t *testing.T) {
	const second = 1_000_000
	c := &clock{}
	c.pong(40 * time.Millisecond)
	at := int64(1_700_000_000) * second
	c.tell(at, 8*time.Second, 20*time.Millisecond)
	for i := range int64(3) {
		c.tell(at+15*(i+1)*second, 8*time.Second, 900*time.Millisecond)
		c.pong(920 * time.Millisecond)
	}
	if got := time.Duration(c.offset()) * time.Microsecond; (got - 8*time.Second).Abs() > 5*time.Millisecond {
		t.Errorf("it is behind by %v", got)
	}
}

// A message of any length is in the transcript.
func TestHeader(t *testing.T) {
	for _, length := range []int{2, 123, 125, 126, 0x7b7b, 1 << 16} {
		frame := append(wsframe.AppendText(nil, length), '{')
		if got := frame[header(frame):]; len(got) != 1 || got[0] != '{' {
			t.Errorf("of %d bytes the message begins with %q", length, got)
		}
	}
}
