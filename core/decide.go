package core

import (
	"errors"
	"math"

	"tandem.watch/tandem/protocol"
)

// ErrAccessChanged says that who may enter has changed since a Join was
// checked, or who has the seat since an Attach was: check again, then ask again.
var ErrAccessChanged = errors.New("core: who may enter the room has changed")

// Decision is what a command comes to.
type Decision struct {
	// Bodies are the events to append. Empty when the command was done before,
	// or changes nothing and has no id that would have to be remembered.
	Bodies []Body
	// Done is the number that an earlier, equal command was answered with; 0 if
	// there was none.
	Done uint64
}

// Decide says what a command does to a room. It changes nothing and is
// deterministic: now is cluster time in microseconds, hints come from outside.
// Refusals are of type *protocol.Error, or ErrAccessChanged.
//
// A command whose id the seat has used is answered with what it was answered
// before; an id that was used for something else is refused.
func Decide(r *Room, by Ref, c Command, now int64, hints Hints) (Decision, error) {
	now = max(now, r.At)
	if create, ok := c.(Create); ok {
		return decideCreate(r, create)
	}
	if !r.Exists() {
		return Decision{}, protocol.Errorf(protocol.CodeRoomNotFound, "there is no such room")
	}
	if by.Seat != "" {
		m := r.Member(by.Seat)
		if m == nil {
			return Decision{}, protocol.Errorf(protocol.CodeSeatUnknown, "this seat is no longer in the room")
		}
		if by.Command != 0 {
			done, err := m.answered(by)
			if done != 0 || err != nil {
				return Decision{Done: done}, err
			}
		}
	}
	d := decider{r: r, by: by, now: now, hints: hints}
	bodies, err := d.decide(c)
	if err != nil {
		return Decision{}, err
	}
	if len(bodies) == 0 && by.Command != 0 {
		bodies = []Body{Noted{}}
	}
	return Decision{Bodies: bodies}, nil
}

// answered looks a command up among the seat's last answers.
func (m *Member) answered(by Ref) (done uint64, err error) {
	if by.Command > m.LastCommand {
		return 0, nil
	}
	for _, a := range m.Answers {
		if a.Command != by.Command {
			continue
		}
		if a.Sum != by.Sum {
			return 0, protocol.Errorf(protocol.CodeCommandReused, "the id %d was used by another command", by.Command)
		}
		return a.Number, nil
	}
	return 0, protocol.Errorf(protocol.CodeCommandStale, "the id %d is below %d, which is already done", by.Command, m.LastCommand)
}

func decideCreate(r *Room, c Create) (Decision, error) {
	if r.Exists() {
		return Decision{}, protocol.Errorf(protocol.CodeInvalid, "there is such a room already")
	}
	return Decision{Bodies: []Body{
		Created{Room: r.ID, Settings: c.Settings, Media: c.Media},
		Joined{Member: c.Member, Name: c.Name, Slow: c.Slow, Gateway: c.Gateway},
		Hosted{Member: c.Member},
	}}, nil
}

// decider is one decision under way.
type decider struct {
	r     *Room
	by    Ref
	now   int64
	hints Hints
}

func (d *decider) decide(c Command) ([]Body, error) {
	if d.by.Seat == "" && !needsNoSeat(c) {
		return nil, protocol.Errorf(protocol.CodeSeatUnknown, "%s is for members only", c.name())
	}
	switch c := c.(type) {
	case Join:
		return d.join(c)
	case Attach:
		return d.attach(c)
	case Depart:
		return d.depart(c)
	case Leave:
		return d.left(d.by.Seat, LeftSelf), nil
	case Play, Pause, Seek, SetRate, SetMedia:
		if !d.mayControl() {
			return nil, forbidden("only the host and moderators control playback in this room")
		}
		return d.playback(c), nil
	case Enqueue, Unqueue, Move, Next:
		if !d.mayControl() {
			return nil, forbidden("only the host and moderators choose what comes next in this room")
		}
		return d.queue(c)
	case Ready:
		return d.ready(c), nil
	case OpenGate:
		return d.openGate(c), nil
	case Say:
		return []Body{Said{Member: d.by.Seat, Name: d.r.Member(d.by.Seat).Name, Text: c.Text}}, nil
	case Rename:
		if d.r.Member(d.by.Seat).Name == c.Name {
			return nil, nil
		}
		return []Body{Renamed{Member: d.by.Seat, Name: c.Name}}, nil
	case ChangeSettings:
		return d.changeSettings(c)
	case Transfer:
		return d.transfer(c)
	case GiveRole:
		return d.giveRole(c)
	case Remove:
		return d.remove(c)
	case Unban:
		return d.unban(c)
	default:
		return nil, protocol.Errorf(protocol.CodeInternal, "no decision for %q", c.name())
	}
}

// needsNoSeat says whether a command may come from the room itself.
func needsNoSeat(c Command) bool {
	switch c.(type) {
	case Join, Attach, Depart, OpenGate, Play, Pause, Seek, SetRate, SetMedia:
		return true
	default:
		return false
	}
}

func (d *decider) mayControl() bool {
	return d.by.Seat == "" || d.r.Settings.GuestControl || d.r.Member(d.by.Seat).Role != RoleGuest
}

func forbidden(why string) error { return &protocol.Error{Code: protocol.CodeForbidden, Message: why} }

func notHere(member string) error {
	return protocol.Errorf(protocol.CodeNotFound, "there is no member %q in this room", member)
}

// at adds a duration in microseconds to now.
func (d *decider) at(lead int64) int64 { return d.now + max(0, lead) }

// clampPosition keeps a computed position within what messages may carry.
func clampPosition(p float64) float64 { return math.Min(math.Max(p, 0), protocol.MaxPosition) }
