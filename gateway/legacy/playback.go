package legacy

import (
	"context"
	"math"

	"tandem.watch/tandem/core"
	wire "tandem.watch/tandem/protocol/legacy"
)

// deadBand is how far, in seconds, the extension lets itself be off.
const deadBand = 0.5

// playPause is what the sender has done. Who plays has begun already: the room
// joins it where it is now.
func (p *peer) playPause(m *wire.PlayPause, at int64) core.Command {
	if m.Control == wire.Pause {
		return core.Pause{Position: m.CurrentTime}
	}
	return core.Play{Position: m.CurrentTime, Since: p.clock.when(m.EventTimestamp, at)}
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
func (p *peer) position(ctx context.Context, m *wire.PositionUpdate, at int64) error {
	if *m.CurrentTime == 0 {
		return nil
	}
	sent := at - p.clock.oneWay().Microseconds()
	offset := p.seat.report(report{position: *m.CurrentTime, playing: m.IsPlaying, at: sent})
	if at-p.lastTold < reportEvery {
		return nil
	}
	p.lastTold = at
	return p.session.Report(ctx, core.Report{OffsetMs: offset, RTT: p.clock.trip()})
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
	if c := p.moved(m, at, v); c != nil {
		return p.control(ctx, c)
	}
	return p.session.Beat(ctx)
}

// settle is how long, in µs, a change of the timeline, other than the room's
// beginning, takes to reach the host and to be obeyed.
const settle = 1_000_000

// moved is what a host has done that is off the timeline twice in a row; nil when
// it has done nothing.
func (p *peer) moved(m *wire.HostHeartbeat, at int64, v view) core.Command {
	now := drift{seen: true, position: *m.CurrentTime, playing: m.IsPlaying, at: p.clock.when(m.EventTimestamp, at), timeline: v.timeline.Number}
	before := p.drift
	p.drift = drift{}
	if v.gate != 0 || v.timeline.Number > 1 && now.at < v.timeline.At+settle {
		return nil
	}
	should, playing := v.position(now.at)
	if playing == now.playing && math.Abs(should-now.position) <= deadBand {
		return nil
	}
	p.drift = now
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
