package core

import (
	"math"
	"slices"
)

// sameSpot is how far a play or pause may name another position than the
// timeline's and still mean the same: the dead band of the players that repeat
// their commands. A repeat must not stamp the timeline anew.
const sameSpot = 0.5

func (d *decider) playback(c Command) []Body {
	switch c := c.(type) {
	case Play:
		return d.play(c)
	case Pause:
		return d.pause(c)
	case Seek:
		return d.seek(c)
	case SetRate:
		return d.setRate(c)
	case SetMedia:
		if d.r.Media.Equal(c.Media) {
			return nil
		}
		return []Body{MediaSet{Media: c.Media}, d.stand(CauseMedia, c.Position)}
	default:
		return nil
	}
}

func (d *decider) play(c Play) []Body {
	here := d.position()
	target, moved := here, false
	if c.Position != nil {
		there := clampPosition(*c.Position + d.elapsed(c.Since))
		moved = math.Abs(there-here) > sameSpot
		if moved || !d.willPlay() {
			target = there
		}
	} else {
		target = clampPosition(target + d.elapsed(c.Since))
	}
	switch {
	case d.willPlay() && !moved:
		return nil
	case c.Wait:
		return d.wait(CausePlay, target)
	case c.Since != 0:
		return []Body{d.going(CausePlay, target)}
	default:
		return []Body{d.start(CausePlay, target, moved)}
	}
}

func (d *decider) pause(c Pause) []Body {
	target := d.position()
	if c.Position != nil {
		moved := math.Abs(*c.Position-target) > sameSpot
		if moved || d.willPlay() {
			target = *c.Position
		}
		if !moved && !d.willPlay() {
			return nil
		}
	} else if !d.willPlay() {
		return nil
	}
	return []Body{d.stand(CausePause, target)}
}

func (d *decider) seek(c Seek) []Body {
	play := d.willPlay()
	if c.Play != nil {
		play = *c.Play
	}
	switch {
	case play && c.Wait:
		return d.wait(CauseSeek, c.Position)
	case play && c.Since != 0:
		return []Body{d.going(CauseSeek, clampPosition(c.Position+d.elapsed(c.Since)))}
	case play:
		return []Body{d.start(CauseSeek, c.Position, true)}
	case !d.willPlay() && d.r.Timeline.Position == c.Position:
		return nil
	default:
		return []Body{d.stand(CauseSeek, c.Position)}
	}
}

func (d *decider) setRate(c SetRate) []Body {
	t := d.r.Timeline
	if t.Rate == c.Rate {
		return nil
	}
	set := TimelineSet{Cause: CauseRate, Position: d.position(), Rate: c.Rate, Playing: t.Playing, At: d.now}
	if t.Playing && t.At > d.now {
		set.At = t.At // a start that is still ahead stays where it is
	}
	bodies := []Body{set}
	if g := d.r.Gate; g != nil {
		// A new timeline closes the gate, so it is opened again for who was asked.
		bodies = append(bodies, GateOpened{Waiting: slices.Clone(g.Waiting), Deadline: g.Deadline})
	}
	return bodies
}

// ready counts the sender, and lets the room go when it was the last.
func (d *decider) ready(c Ready) []Body {
	g := d.r.Gate
	if g == nil || g.Number != c.Gate || !contains(g.Waiting, d.by.Seat) || contains(g.Ready, d.by.Seat) {
		return nil
	}
	bodies := []Body{GateReady{Member: d.by.Seat, Gate: g.Number}}
	if len(g.Ready)+1 >= len(g.Waiting) {
		bodies = append(bodies, d.start(CauseRelease, d.r.Timeline.Position, false))
	}
	return bodies
}

// openGate is the gate's timer. It names its gate, so that a second firing, or
// one that comes when another gate is open, does nothing.
func (d *decider) openGate(c OpenGate) []Body {
	g := d.r.Gate
	if g == nil || g.Number != c.Gate || d.now < g.due() {
		return nil
	}
	return []Body{d.start(CauseRelease, d.r.Timeline.Position, false)}
}

// willPlay says whether the room plays, or will when its gate opens.
func (d *decider) willPlay() bool { return d.r.Timeline.Playing || d.r.Gate != nil }

func (d *decider) position() float64 { return clampPosition(d.r.Timeline.PositionAt(d.now)) }

// stand is a timeline that stands still from now on.
func (d *decider) stand(cause Cause, position float64) TimelineSet {
	return TimelineSet{Cause: cause, Position: position, Rate: d.r.Timeline.Rate, At: d.now}
}

// start is a timeline that plays from a moment ahead, so that every member has
// heard of it, and has sought there if it must, when it begins.
func (d *decider) start(cause Cause, position float64, seek bool) TimelineSet {
	lead := d.hints.Lead.Microseconds()
	if seek {
		lead += d.hints.SeekLead.Microseconds()
	}
	return TimelineSet{Cause: cause, Position: position, Rate: d.r.Timeline.Rate, Playing: true, At: d.at(lead)}
}

// going is a timeline that is under way already: its sender plays.
func (d *decider) going(cause Cause, position float64) TimelineSet {
	return TimelineSet{Cause: cause, Position: position, Rate: d.r.Timeline.Rate, Playing: true, At: d.now}
}

// maxElapsed bounds, in seconds, how far a sender may have played on before its
// command is decided: more than a command waits for the log.
const maxElapsed = 10

// elapsed is how far a sender has played on since an instant; 0 for none.
func (d *decider) elapsed(since int64) float64 {
	if since == 0 || since >= d.now {
		return 0
	}
	return min(float64(d.now-since)/1e6, maxElapsed) * d.r.Timeline.Rate
}

// wait moves to a position and opens the ready gate there.
func (d *decider) wait(cause Cause, position float64) []Body {
	var waiting []string
	limit := GateWait
	for _, m := range d.r.Members() {
		if len(waiting) == MaxGate {
			break
		}
		if d.hints.connected(m.ID) {
			waiting = append(waiting, m.ID)
			if m.Slow {
				limit = GateWaitSlow
			}
		}
	}
	if len(waiting) == 0 {
		return []Body{d.start(cause, position, true)}
	}
	return []Body{
		d.stand(cause, position),
		GateOpened{Waiting: waiting, Deadline: d.at(limit.Microseconds())},
	}
}
