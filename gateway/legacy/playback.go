package legacy

import (
	"context"
	"math"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
	wire "tandem.watch/tandem/protocol/legacy"
)

// deadBand is how far, in seconds, the extension lets itself be off.
const deadBand = 0.5

// lastControl is what a peer last asked for with PLAY_PAUSE.
type lastControl struct {
	control  string
	at       int64  // when it arrived, in µs; 0 when there is none
	timeline uint64 // the number of the room's timeline at that moment
}

// The extension says a play or pause once more after 3 s, whatever has become of
// it: between these, in µs, the same again is its repeat.
const (
	repeatFrom  = 2_500_000
	repeatUntil = 4_500_000
)

// playPause does what the sender has done. Who plays has begun already: the room
// joins it where it is now.
func (p *peer) playPause(ctx context.Context, m *wire.PlayPause, at int64, v view) error {
	before := p.last
	p.last = lastControl{control: m.Control, at: at, timeline: v.timeline.Number}
	if v.elsewhere {
		return p.cannot()
	}
	since := at - before.at
	if before.control == m.Control && since >= repeatFrom && since <= repeatUntil &&
		v.timeline.Number != before.timeline && v.by != p.seat.member {
		// It would undo what somebody else has done meanwhile.
		p.last = lastControl{}
		p.seat.truth()
		return nil
	}
	if m.Control == wire.Pause {
		return p.control(ctx, core.Pause{Position: m.CurrentTime}, nil)
	}
	return p.control(ctx, core.Play{Position: m.CurrentTime, Since: p.clock.when(m.EventTimestamp, at)}, nil)
}

// control asks for a change of playback. If that changes nothing, everybody of
// this dialect is told otherwise, unless it is nil. Who is refused has done it
// already, and is told where the room is.
func (p *peer) control(ctx context.Context, c core.Command, otherwise core.Message) error {
	s := p.seat
	if !p.kept() {
		s.truth()
		return nil
	}
	_, plays := c.(core.Play)
	return p.session.Ask(ctx, c, otherwise, func(err error) {
		switch {
		case err == nil && (!plays || s.see().gate == 0):
			return
		case err != nil && code(err) != protocol.CodeForbidden:
			p.failed(err)
		}
		s.truth() // also who plays while everybody waits
	})
}

// cannot refuses a control of what the sender does not see.
func (p *peer) cannot() error {
	p.fail("The room watches something that this extension cannot show")
	return nil
}

// seek moves everybody, and waits until they are there.
func (p *peer) seek(ctx context.Context, m *wire.Seek, v view) error {
	if v.elsewhere {
		return p.cannot()
	}
	return p.control(ctx, core.Seek{Position: *m.CurrentTime, Play: &m.IsPlaying, Wait: true}, nil)
}

// goTo takes everybody to another page. The page that the room is at is told
// again, and changes nothing.
func (p *peer) goTo(ctx context.Context, m *wire.URLChange, v view) error {
	set := core.SetMedia{Media: core.Media{Kind: core.MediaURL, URL: m.URL}}
	if m.CurrentTime != nil {
		set.Position = *m.CurrentTime
	}
	var otherwise core.Message
	if v.url != nil && (m.URL == *v.url || m.CurrentTime == nil && wire.SameFilm(m.URL, *v.url)) {
		set.Media = v.media
		now := p.now()
		position, _ := v.position(now)
		otherwise = p.relayed(wire.MovedTo{UserID: p.seat.member, URL: *v.url, CurrentTime: position, Timestamp: now / 1000})
	}
	return p.control(ctx, set, otherwise)
}

// ready counts for the gate that is open, if it is the one that is meant.
func (p *peer) ready(ctx context.Context, m *wire.Ready, v view) error {
	const near = 1.0 // seconds; keyframes, and a player that has moved on a little
	if v.gate == 0 || m.TargetTime != nil && math.Abs(*m.TargetTime-v.timeline.Position) > near {
		return nil
	}
	return p.do(ctx, core.Ready{Gate: v.gate}, nil, func(error) {})
}

// reportEvery is how often, in µs, core is told how the player does.
const reportEvery = 2 * 1_000_000

// position keeps where the member is. 0 is a page without a film.
func (p *peer) position(ctx context.Context, m *wire.PositionUpdate, at int64, v view) error {
	if *m.CurrentTime == 0 {
		return nil
	}
	sent := at - p.clock.oneWay().Microseconds()
	offset := p.seat.report(report{position: *m.CurrentTime, playing: m.IsPlaying, at: sent})
	if v.elsewhere {
		return p.pass(ctx, v)
	}
	if at-p.lastTold < reportEvery {
		return nil
	}
	p.lastTold = at
	return p.session.Report(ctx, core.Report{OffsetMs: offset, RTT: p.clock.trip()})
}

// pass has nobody wait for a member that was not told what the others wait for.
func (p *peer) pass(ctx context.Context, v view) error {
	if v.gate == 0 || v.gate == p.passes {
		return nil
	}
	p.passes = v.gate
	return p.do(ctx, core.Ready{Gate: v.gate}, nil, func(error) {})
}

// drift is what a host's last report said against the timeline.
type drift struct {
	seen     bool
	position float64
	playing  bool
	at       int64
	timeline uint64 // the number of the timeline that it was off
}

// heartbeat has everybody told where the room is, if the sender is its host, and
// finds out whether the host has moved.
func (p *peer) heartbeat(ctx context.Context, m *wire.HostHeartbeat, at int64, v view) error {
	if v.host != p.seat.member {
		return nil
	}
	switch {
	case v.elsewhere:
		return nil
	case v.timeline.Rate != 1:
		// A player that knows no rate is off all the time: it is brought along, as
		// the others are by the beats.
		if now, off := p.off(m, at, v); off && settled(now, v) {
			p.seat.truth()
		}
	default:
		if c := p.moved(m, at, v); c != nil {
			return p.control(ctx, c, nil)
		}
	}
	return p.session.Beat(ctx)
}

// off is where the host says that it is, and whether that is off the timeline.
func (p *peer) off(m *wire.HostHeartbeat, at int64, v view) (drift, bool) {
	now := drift{seen: true, position: *m.CurrentTime, playing: m.IsPlaying, at: p.clock.when(m.EventTimestamp, at), timeline: v.timeline.Number}
	should, playing := v.position(now.at)
	return now, playing != now.playing || math.Abs(should-now.position) > deadBand
}

// settle is how long, in µs, a change of the timeline, other than the room's
// beginning, takes to reach the host and to be obeyed.
const settle = 1_000_000

// settled says whether a report may be held against the timeline.
func settled(now drift, v view) bool {
	return v.gate == 0 && (v.timeline.Number <= 1 || now.at >= v.timeline.At+settle)
}

// moved is what a host has done that is off the timeline twice in a row; nil when
// it has done nothing.
func (p *peer) moved(m *wire.HostHeartbeat, at int64, v view) core.Command {
	now, off := p.off(m, at, v)
	before := p.drift
	p.drift = drift{}
	if !off || !settled(now, v) {
		return nil
	}
	p.drift = now
	_, playing := v.position(now.at)
	if !before.seen || before.timeline != now.timeline || before.playing != now.playing {
		return nil
	}
	expected := before.position
	if now.playing {
		expected += float64(now.at-before.at) / 1e6
	}
	if math.Abs(expected-now.position) > 2*deadBand {
		return nil // still on its way
	}
	p.drift = drift{}
	switch {
	case now.playing && playing:
		return core.Seek{Position: now.position, Play: new(true), Since: now.at}
	case now.playing:
		return core.Play{Position: &now.position, Since: now.at}
	case playing:
		return core.Pause{Position: &now.position}
	default:
		return core.Seek{Position: now.position, Play: new(false)}
	}
}
