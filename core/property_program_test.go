package core

import (
	"encoding/json"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"tandem.watch/tandem/protocol"
)

// simStep is one thing that happens in a world. Numbers pick among what there is
// (modulo), so that every program of steps means something.
type simStep struct {
	Kind simStepKind
	// Replica is the gateway it happens at, Member whose command it is.
	Replica, Member int
	// Pick chooses a request, a gate, a snapshot.
	Pick int
	// Fate is what becomes of an append, Skip how many ids are left out.
	Fate    simFate
	Skip    uint64
	Command Command
	Hints   Hints
	Sleep   time.Duration
}

// GoString is how a failing program is printed.
func (s simStep) GoString() string {
	command := ""
	if s.Command != nil {
		data, _ := json.Marshal(s.Command)
		command = fmt.Sprintf(" %T%s", s.Command, data)
	}
	return fmt.Sprintf(
		"\n\t{%s replica=%d member=%d pick=%d fate=%d skip=%d sleep=%v lead=%v%s}",
		s.Kind, s.Replica, s.Member, s.Pick, s.Fate, s.Skip, s.Sleep, s.Hints.Lead, command,
	)
}

type simStepKind string

const (
	stepSend    simStepKind = "send"     // a member's new command reaches a gateway
	stepHold    simStepKind = "hold"     // a member's new command is on its way
	stepDeliver simStepKind = "deliver"  // any command, perhaps done long ago, reaches a gateway
	stepReuse   simStepKind = "reuse"    // an id is used again for something else
	stepJoin    simStepKind = "join"     // a new member
	stepOwn     simStepKind = "own"      // a command of the room itself
	stepTimer   simStepKind = "timer"    // a gate's timer, perhaps of an old gate
	stepCommit  simStepKind = "commit"   // a gateway appends
	stepCatchUp simStepKind = "catch up" // a gateway reads some of the log
	stepRestart simStepKind = "restart"  // a gateway starts anew from a snapshot
)

// mostMembers is how many members a program knows: m0 and so on.
const mostMembers = 8

// drawProgram makes many long programs, which rapid's slices by themselves are not.
func drawProgram(t *rapid.T) []simStep {
	n := rapid.SampledFrom([]int{5, 10, 20, 40, 80, 160, 320}).Draw(t, "steps")
	return rapid.SliceOfN(rapid.Custom(drawStep), n, n).Draw(t, "program")
}

func drawStep(t *rapid.T) simStep {
	s := simStep{
		Kind: rapid.SampledFrom([]simStepKind{
			stepSend, stepSend, stepSend, stepSend, stepSend, stepSend, stepHold, stepDeliver, stepDeliver, stepDeliver,
			stepReuse, stepJoin, stepOwn, stepTimer, stepCommit, stepCommit, stepCommit, stepCommit, stepCommit,
			stepCatchUp, stepRestart,
		}).Draw(t, "kind"),
		Replica: rapid.IntRange(0, 9).Draw(t, "replica"),
		Sleep:   rapid.SampledFrom([]time.Duration{0, 0, 0, time.Millisecond, 300 * time.Millisecond, 2 * time.Second}).Draw(t, "sleep"),
	}
	switch s.Kind {
	case stepSend, stepHold:
		s.Member = rapid.IntRange(0, mostMembers-1).Draw(t, "member")
		s.Skip = uint64(rapid.SampledFrom([]int{0, 0, 0, 0, 3}).Draw(t, "skip"))
		s.Command = drawCommand(t)
		s.Hints = drawHints(t)
	case stepReuse:
		s.Pick = rapid.IntRange(0, 200).Draw(t, "pick")
		s.Command = drawCommand(t)
	case stepOwn:
		s.Command = drawOwnCommand(t)
		s.Hints = drawHints(t)
	case stepDeliver, stepTimer, stepRestart:
		s.Pick = rapid.IntRange(0, 200).Draw(t, "pick")
	case stepCatchUp:
		s.Pick = rapid.IntRange(1, 20).Draw(t, "pick")
	case stepCommit:
		s.Fate = simFate(rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "fate"))
	case stepJoin:
	}
	return s
}

func drawHints(t *rapid.T) Hints {
	away := rapid.SampledFrom([]int{0, 0, 0, 1, 0b1010, 0xffff}).Draw(t, "away")
	return Hints{
		Lead:     rapid.SampledFrom([]time.Duration{0, startLead}).Draw(t, "lead"),
		SeekLead: startSeekLead,
		Connected: func(id string) bool {
			var n int
			_, _ = fmt.Sscanf(id, "m%d", &n)
			return away>>n&1 == 0
		},
	}
}

func drawCommand(t *rapid.T) Command {
	switch rapid.IntRange(0, 20).Draw(t, "command") {
	case 0:
		return Play{Position: drawOptionalPosition(t), Wait: drawBool(t), Since: drawSince(t)}
	case 1, 2:
		return Play{Wait: true}
	case 3:
		return Pause{Position: drawOptionalPosition(t)}
	case 4, 5:
		return Seek{Position: drawPosition(t), Play: drawOptionalBool(t), Wait: drawBool(t), Since: drawSince(t)}
	case 6:
		return SetRate{Rate: rapid.SampledFrom([]float64{protocol.MinRate, 1, 1.5, protocol.MaxRate}).Draw(t, "rate")}
	case 7:
		return SetMedia{Media: Media{Kind: rapid.SampledFrom([]MediaKind{MediaFile, MediaClip}).Draw(t, "media")}}
	case 8, 9:
		return Ready{} // of the gate that is open when it is sent
	case 10:
		return Say{Text: rapid.StringN(1, 5, -1).Draw(t, "text")}
	case 11:
		return Rename{Name: rapid.SampledFrom([]string{"Ada", "Bea"}).Draw(t, "name")}
	case 12:
		return ChangeSettings{
			GuestControl: drawOptionalBool(t), Locked: rapid.SampledFrom([]*bool{nil, nil, nil, new(true), new(false)}).Draw(t, "locked"),
			PIN: drawOptionalBool(t), Changed: drawBool(t),
		}
	case 13:
		return Transfer{Member: drawMember(t)}
	case 14:
		return GiveRole{Member: drawMember(t), Role: rapid.SampledFrom([]Role{RoleGuest, RoleModerator, RoleHost}).Draw(t, "role")}
	case 15:
		if drawBool(t) {
			return Unban{Member: drawMember(t)}
		}
		return Remove{Member: drawMember(t), Ban: drawBool(t)}
	case 16, 17:
		return Enqueue{Media: Media{Kind: rapid.SampledFrom([]MediaKind{MediaFile, MediaClip}).Draw(t, "media")}, Next: drawBool(t)}
	case 18:
		return Move{Item: drawItem(t), Before: drawItem(t)}
	case 19:
		if drawBool(t) {
			return Unqueue{Item: drawItem(t)}
		}
		// Of the media that the room watches when it is sent.
		return Next{Item: drawItem(t), Play: drawOptionalBool(t), Wait: drawBool(t)}
	default:
		return Leave{}
	}
}

// drawItem draws a place in the queue, from 1; issue makes an id of it.
func drawItem(t *rapid.T) uint64 { return uint64(rapid.IntRange(0, 4).Draw(t, "item")) }

func drawOwnCommand(t *rapid.T) Command {
	switch rapid.IntRange(0, 2).Draw(t, "command") {
	case 0:
		return Attach{Member: drawMember(t), Foreign: drawBool(t), Fresh: drawBool(t)}
	case 1:
		return Depart{Member: drawMember(t), Generation: rapid.Uint64Range(1, 2).Draw(t, "generation")}
	default:
		return Pause{}
	}
}

func drawBool(t *rapid.T) bool { return rapid.Bool().Draw(t, "flag") }

func drawOptionalBool(t *rapid.T) *bool {
	return rapid.SampledFrom([]*bool{nil, new(true), new(false)}).Draw(t, "option")
}

func drawMember(t *rapid.T) string {
	return fmt.Sprintf("m%d", rapid.IntRange(0, mostMembers-1).Draw(t, "whom"))
}

func drawPosition(t *rapid.T) float64 {
	if drawBool(t) {
		return rapid.Float64Range(0, 10).Draw(t, "position")
	}
	return rapid.SampledFrom([]float64{0, 5, protocol.MaxPosition}).Draw(t, "position")
}

func drawOptionalPosition(t *rapid.T) *float64 {
	if drawBool(t) {
		return nil
	}
	return new(drawPosition(t))
}

// run lets a step happen.
func (w *simWorld) run(s simStep) {
	w.now += s.Sleep.Microseconds()
	p := w.replicas[s.Replica%len(w.replicas)]
	switch s.Kind {
	case stepSend, stepHold:
		q := w.issue(fmt.Sprintf("m%d", s.Member%w.joined), s)
		if s.Kind == stepSend {
			w.deliver(p, q)
		}
	case stepDeliver:
		w.deliver(p, w.requests[s.Pick%len(w.requests)])
	case stepReuse:
		if q := w.requests[s.Pick%len(w.requests)]; Sum(s.Command) != q.by.Sum {
			w.deliver(p, &simRequest{by: Ref{Seat: q.by.Seat, Command: q.by.Command, Sum: Sum(s.Command)}, command: s.Command})
		}
	case stepJoin:
		if w.joined < mostMembers {
			// A join has no id and is sent once. Who comes again gets another seat:
			// one that came back as the same would do its old commands again.
			id := w.newMember()
			w.deliver(p, &simRequest{command: Join{Member: id, Name: id, Access: p.room.Access, Slow: w.joined%3 == 0}})
		}
	case stepOwn:
		w.deliver(p, &simRequest{command: s.Command, hints: s.Hints})
	case stepTimer:
		if gates := w.gates(); len(gates) > 0 {
			q := &simRequest{command: OpenGate{Gate: gates[len(gates)-1-s.Pick%min(2, len(gates))]}}
			w.deliver(p, q)
			w.deliver(w.replicas[(s.Replica+1)%len(w.replicas)], q) // it fires twice
		}
	case stepCommit:
		w.commit(p, s.Fate)
	case stepCatchUp:
		if p.flight == nil {
			w.catchUp(p, s.Pick)
		}
	case stepRestart:
		w.restart(p, s.Pick)
	}
}

// issue gives a member's new command an id.
func (w *simWorld) issue(seat string, s simStep) *simRequest {
	c := s.Command
	if _, ok := c.(Ready); ok && w.oracle.Gate != nil {
		c = Ready{Gate: w.oracle.Gate.Number}
	}
	c = w.placed(c)
	w.lastID[seat] += 1 + s.Skip
	q := &simRequest{by: Ref{Seat: seat, Command: w.lastID[seat], Sum: Sum(c)}, command: c, hints: s.Hints}
	w.requests = append(w.requests, q)
	return q
}

// placed turns the places in the queue that a command was drawn with into ids.
func (w *simWorld) placed(c Command) Command {
	id := func(place uint64) uint64 {
		if place == 0 || place > uint64(len(w.oracle.Queue)) {
			return place // of nothing, or of what was never queued
		}
		return w.oracle.Queue[place-1].ID
	}
	switch c := c.(type) {
	case Move:
		return Move{Item: id(c.Item), Before: id(c.Before)}
	case Unqueue:
		return Unqueue{Item: id(c.Item)}
	case Next:
		c.After, c.Item = w.oracle.MediaNumber, id(c.Item)
		return c
	default:
		return c
	}
}

// drawSince is an instant that a sender names: none, past, around now, or to come.
func drawSince(t *rapid.T) int64 {
	return rapid.SampledFrom([]int64{0, 0, 1, stageStart, stageStart + 5_000_000, 1 << 60}).Draw(t, "since")
}
