package gateway

import (
	"math"
	"testing"
	"time"

	"tandem.watch/tandem/internal/memnet"
	"tandem.watch/tandem/protocol"
)

// Networks, one way.
var (
	nearby  = memnet.Options{Latency: 10 * time.Millisecond, Jitter: 5 * time.Millisecond, Buffer: 1 << 20}
	distant = memnet.Options{Latency: 60 * time.Millisecond, Jitter: 30 * time.Millisecond, Buffer: 1 << 20}
)

// landing is how distant members may be told to be from where the timeline is.
const landing = 0.060

// timelineAt is where the room is by its own reckoning, at an instant.
func timelineAt(t testing.TB, c *peer, at time.Time) float64 {
	t.Helper()
	c.settle()
	tl := c.view.Room.Timeline
	ago := time.Since(at).Microseconds()
	now := c.w.g.clock.Now() - ago
	if !tl.Playing || now <= tl.At {
		return tl.Position
	}
	return tl.Position + float64(now-tl.At)/1e6*tl.Rate
}

// landed checks all that p was told since the last call.
func (p *watcher) landed(c *peer, what string, kinds ...string) {
	p.t.Helper()
	aims := p.taken()
	c.settle()
	for _, kind := range kinds {
		found := false
		for _, a := range aims {
			found = found || a.kind == kind
		}
		if !found {
			p.t.Errorf("%s: %s was told %v, no %s", what, p.user, aims, kind)
		}
	}
	for _, a := range aims {
		if since := c.w.g.clock.Now() - time.Since(a.at).Microseconds() - c.view.Room.Timeline.At; a.kind == "beat" && since < 200_000 {
			continue // on its way when the timeline changed
		}
		if off := a.position - timelineAt(p.t, c, a.at); math.Abs(off) > landing {
			p.t.Errorf("%s: a %s puts %s %.0f ms off the timeline", what, a.kind, p.user, off*1000)
		}
	}
}

// Members whose wall clocks are 8 s apart, on networks that differ, are where
// the room is: also after an hour in which their clocks drift apart.
func TestLegacyClocks(t *testing.T) {
	for _, c := range []struct {
		name       string
		ann, ben   time.Duration
		ppm        float64
		nets       [2]memnet.Options
		rounds     int
		everyRound time.Duration
	}{
		{"host ahead", 8 * time.Second, 0, 0, [2]memnet.Options{nearby, distant}, 3, time.Minute},
		{"guest ahead", 0, 8 * time.Second, 0, [2]memnet.Options{distant, nearby}, 3, time.Minute},
		{"drifting", -3 * time.Second, 5 * time.Second, 100, [2]memnet.Options{nearby, distant}, 12, 5 * time.Minute},
		{"drifting the other way", 5 * time.Second, -3 * time.Second, -100, [2]memnet.Options{distant, distant}, 12, 5 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, s *stage) {
				ann := s.watch("room", "user_ann0001", home, c.nets[0], c.ann, c.ppm)
				defer ann.stop()
				ben := s.watch("room", "user_ben0001", office, c.nets[1], c.ben, -c.ppm)
				defer ben.stop()
				cleo := s.w.join("room", "Cleo", cafe)
				for round := range c.rounds {
					first, other := ann, ben
					if round%2 == 1 {
						first, other = ben, ann
					}
					first.play()
					s.w.pass(time.Second)
					other.landed(cleo, "play", "play")
					if off := first.where() - timelineAt(t, cleo, time.Now()); math.Abs(off) > landing {
						t.Errorf("who played is %.0f ms off the timeline", off*1000)
					}
					s.w.pass(c.everyRound)
					ann.landed(cleo, "steady")
					ben.landed(cleo, "steady", "beat")
					first.seek(float64(1000 * (round + 1)))
					s.w.pass(4 * time.Second)
					ann.landed(cleo, "seek", "play")
					ben.landed(cleo, "seek", "play")
					if off := ann.where() - ben.where(); math.Abs(off) > 0.15 {
						t.Errorf("after a seek they are %.0f ms apart", off*1000)
					}
					other.pause()
					s.w.pass(2 * time.Second)
					if a, b := ann.where(), ben.where(); math.Abs(a-b) > 0.5 {
						t.Errorf("paused at %v and %v", a, b)
					}
					ann.taken()
					ben.taken()
				}
			})
		})
	}
}

// A start that a member of version 1 schedules reaches them when it is.
func TestLegacyScheduledStart(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.watch("room", "user_ann0001", home, nearby, 8*time.Second, 0)
		defer ann.stop()
		ben := s.watch("room", "user_ben0001", office, distant, -8*time.Second, 0)
		defer ben.stop()
		cleo := s.w.join("room", "Cleo", cafe)
		position := 50.0
		cleo.do(&protocol.Play{Command: cleo.id(), Position: &position})
		s.w.pass(2 * time.Second)
		for _, p := range []*watcher{ann, ben} {
			if off := p.where() - timelineAt(t, cleo, time.Now()); math.Abs(off) > landing {
				t.Errorf("%s is %.0f ms off the timeline", p.user, off*1000)
			}
			p.landed(cleo, "a scheduled start", "play")
		}
		// A pause that overtakes a start: the start is off.
		cleo.do(&protocol.Pause{Command: cleo.id()})
		s.w.pass(time.Second)
		cleo.do(&protocol.Play{Command: cleo.id()})
		cleo.do(&protocol.Pause{Command: cleo.id()})
		s.w.pass(2 * time.Second)
		for _, p := range []*watcher{ann, ben} {
			if a, b := p.where(), timelineAt(t, cleo, time.Now()); math.Abs(a-b) > 0.5 || p.playing {
				t.Errorf("%s is at %v, the room at %v; plays: %t", p.user, a, b, p.playing)
			}
			p.taken()
		}
		// A seek of version 1 has them wait there until it plays.
		cleo.do(&protocol.Play{Command: cleo.id()})
		s.w.pass(3 * time.Second)
		cleo.do(&protocol.Seek{Command: cleo.id(), Position: 500})
		s.w.pass(3 * time.Second)
		for _, p := range []*watcher{ann, ben} {
			if off := p.where() - timelineAt(t, cleo, time.Now()); math.Abs(off) > landing {
				t.Errorf("after a seek %s is %.0f ms off the timeline", p.user, off*1000)
			}
		}
	})
}

// The gate of a seek opens when everybody is ready, the seeker among them, long
// before its deadline, and all start together.
func TestLegacyGate(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.watch("room", "user_ann0001", home, nearby, 3*time.Second, 0)
		defer ann.stop()
		ben := s.watch("room", "user_ben0001", office, distant, -2*time.Second, 0)
		defer ben.stop()
		cleo := s.w.join("room", "Cleo", cafe)
		ann.play()
		s.w.pass(10 * time.Second)
		ann.jumps()
		ben.jumps()
		ann.seek(600)
		s.w.pass(time.Second)
		cleo.settle()
		if g := cleo.view.Room.Gate; g == nil || len(g.Waiting) != 3 || g.Deadline-cleo.view.Room.Timeline.At != 7_000_000 {
			t.Fatalf("the gate is %+v", g)
		}
		cleo.do(&protocol.Ready{Command: cleo.id(), Gate: cleo.view.Room.Gate.Number})
		s.w.pass(2 * time.Second)
		for _, p := range []*watcher{ann, ben} {
			if off := p.where() - timelineAt(t, cleo, time.Now()); math.Abs(off) > landing {
				t.Errorf("%s is %.0f ms off the timeline", p.user, off*1000)
			}
			if n := p.jumps(); n != 1 {
				t.Errorf("%s was made to seek %d times", p.user, n)
			}
		}
		if at := timelineAt(t, cleo, time.Now()); at < 601 || at > 603 {
			t.Errorf("the room is at %v", at)
		}
	})
}

// A host that has moved takes the room along, once; one report that is off, or
// the reports of others, do not.
func TestLegacyHostMoves(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.watch("room", "user_ann0001", home, nearby, 8*time.Second, 0)
		defer ann.stop()
		ben := s.watch("room", "user_ben0001", office, distant, 0, 0)
		defer ben.stop()
		cleo := s.w.join("room", "Cleo", cafe)
		timelines := func() int { return countEvents(cleo.events(), protocol.EventTimeline) }
		ann.play()
		s.w.pass(30 * time.Second)
		if n := timelines(); n != 1 {
			t.Fatalf("steady play made %d timelines", n)
		}
		ben.move(5000, true) // a guest
		s.w.pass(10 * time.Second)
		if n := timelines(); n != 0 {
			t.Errorf("a guest that has moved made %d timelines", n)
		}
		for _, move := range []struct {
			what     string
			position float64
			playing  bool
		}{{"seek", 700, true}, {"pause", 800, false}, {"seek, paused", 900, false}, {"play", 1000, true}} {
			ann.move(move.position, move.playing)
			s.w.pass(12 * time.Second)
			if n := timelines(); n != 1 {
				t.Errorf("%s: %d timelines", move.what, n)
			}
			if tl := cleo.view.Room.Timeline; tl.Playing != move.playing {
				t.Errorf("%s: the room is %+v", move.what, tl)
			}
			for _, p := range []*watcher{ann, ben} {
				if off := p.where() - timelineAt(t, cleo, time.Now()); math.Abs(off) > 0.5 {
					t.Errorf("%s: %s is %.0f ms off the timeline", move.what, p.user, off*1000)
				}
			}
		}
	})
}

// Where the host is no old extension, the room itself beats every 3 s.
func TestLegacyBeats(t *testing.T) {
	inMemory(t, func(t *testing.T, s *stage) {
		ann := s.w.host("Ann")
		ben := s.watch(ann.room, "user_ben0001", office, distant, 8*time.Second, 0)
		defer ben.stop()
		ann.do(&protocol.Play{Command: ann.id()})
		s.w.pass(time.Second)
		ben.taken()
		s.w.pass(30 * time.Second)
		aims := ben.taken()
		if n := len(aims); n < 9 || n > 11 {
			t.Errorf("%d beats in 30 s", n)
		}
		for _, a := range aims {
			if off := a.position - timelineAt(t, ann, a.at); a.kind != "beat" || math.Abs(off) > landing {
				t.Errorf("a %s puts Ben %.0f ms off", a.kind, off*1000)
			}
		}
	})
}
