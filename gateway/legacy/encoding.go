package legacy

import (
	"encoding/json"

	"tandem.watch/tandem/core"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/internal/wsframe"
	wire "tandem.watch/tandem/protocol/legacy"
)

// slot is this encoding's among those of the program, after those of gateway/v1;
// the next one is that of silent.
const slot = v1.SlotDatagram + 1

const _ = uint(core.MaxEncodings - 1 - (slot + 1)) // does not compile when there are too many

// relayKind marks what members of this dialect pass on to each other.
const relayKind = "legacy"

// nameless is the name, in the room, of a member that has given none: the others
// show something for it. It is null in this dialect.
const nameless = "Guest"

// encoding turns core's messages into records.
type encoding struct{ node string }

// Slot implements core.Encoding.
func (*encoding) Slot() int { return slot }

// Append implements core.Encoding.
func (e *encoding) Append(dst []byte, m core.Message) ([]byte, error) {
	a := appender{dst: dst}
	switch m := m.(type) {
	case core.Welcomed:
		e.welcome(&a, m)
	case core.Happened:
		for i := range m.Events {
			e.event(&a, m, i)
		}
	case core.Beat:
		beat(&a, m)
	case core.Signalled:
		signalled(&a, m)
	case core.Relayed:
		if m.Kind == relayKind {
			a.raw(m.Data)
		}
	}
	return a.dst, a.err
}

// appender appends records until one fails.
type appender struct {
	dst []byte
	err error
}

func (a *appender) add(r record, m wire.ServerMessage) {
	if a.err == nil {
		a.dst, a.err = appendRecord(a.dst, r, m)
	}
}

// all tells everybody.
func (a *appender) all(m wire.ServerMessage) { a.add(record{}, m) }

// raw tells everybody what is JSON already.
func (a *appender) raw(payload []byte) {
	frame := wsframe.AppendText(make([]byte, 0, len(payload)+10), len(payload))
	a.add(record{frame: append(frame, payload...)}, nil)
}

func (e *encoding) welcome(a *appender, m core.Welcomed) {
	t := m.Room.Timeline
	a.all(e.state(m.Room, m.Now))
	if t.Playing && t.At > m.Now && !elsewhere(m.Room.Media) {
		e.start(a, t.Position, t.At, wire.Server, m.Now)
	}
}

// state is the answer to a JOIN.
func (e *encoding) state(r *core.Room, now int64) wire.RoomState {
	state := wire.RoomState{
		RoomID: r.ID, URL: watchPage(r.Media),
		GuestControlEnabled: r.Settings.GuestControl, NodeID: e.node, Users: make([]wire.User, 0, len(r.Members())),
	}
	if t := r.Timeline; !elsewhere(r.Media) {
		state.CurrentTime, state.IsPlaying = t.PositionAt(now), t.Playing && t.At <= now
	}
	if r.Host != "" {
		state.HostUserID = &r.Host
	}
	for _, member := range r.Members() {
		state.Users = append(state.Users, wire.User{UserID: member.ID, Username: username(member.Name)})
	}
	return state
}

func (e *encoding) event(a *appender, m core.Happened, i int) {
	at := m.Events[i].At / 1000
	switch b := m.Events[i].Body.(type) {
	case core.Joined:
		joined(a, b.Member, b.Name, at)
	case core.Seated:
		if member := m.Room.Member(b.Member); b.Fresh && member != nil {
			joined(a, b.Member, member.Name, at)
		}
	case core.Left:
		a.add(record{to: toOthers, member: b.Member}, wire.UserLeft{UserID: b.Member, PeerID: b.Member, Timestamp: at})
	case core.Hosted:
		a.all(wire.HostChanged{HostUserID: b.Member, Timestamp: at})
	case core.Renamed:
		a.all(wire.UsernameUpdated{UserID: b.Member, Username: username(b.Name), Timestamp: at})
	case core.SettingsSet:
		a.all(wire.GuestControl{Enabled: b.Settings.GuestControl, Timestamp: at})
	case core.MediaSet:
		if page := watchPage(b.Media); page != nil {
			moved := wire.MovedTo{UserID: from(m.Events[i]), URL: *page, Timestamp: at}
			if set, ok := next(m, i).(core.TimelineSet); ok {
				moved.CurrentTime = set.Position
			}
			a.all(moved)
		}
	case core.TimelineSet:
		_, gated := next(m, i).(core.GateOpened)
		e.timeline(a, m, m.Events[i], b, gated || m.Room.Gate != nil && m.Room.Gate.Number == m.Events[i].Number+1)
	default: // chat, roles, bans and readiness have no words in this dialect
	}
}

// next returns what happened after event i; nil when that is told apart.
func next(m core.Happened, i int) core.Body {
	if i+1 == len(m.Events) {
		return nil
	}
	return m.Events[i+1].Body
}

// from names who caused an event.
func from(e core.Event) string {
	if e.By.Seat == "" {
		return wire.Server
	}
	return e.By.Seat
}

// joined tells the others, who then offer the member WebRTC. Nothing tells one
// of its connections from another, so the peer's id is the member's.
func joined(a *appender, member, name string, at int64) {
	a.add(record{to: toOthers, member: member}, wire.UserJoined{UserID: member, PeerID: member, Username: username(name), Timestamp: at})
}

func (e *encoding) timeline(a *appender, m core.Happened, event core.Event, b core.TimelineSet, gated bool) {
	switch {
	case b.Cause == core.CauseRate: // unknown here; beats bring them along
	case b.Cause != core.CauseMedia && elsewhere(m.Room.Media):
		a.add(record{timeline: true}, nil) // of a film that they do not see
	case b.Cause == core.CauseMedia && watchPage(m.Room.Media) != nil && b.Playing:
		e.start(a, b.Position, b.At, wire.Server, event.At)
	case b.Cause == core.CauseMedia && watchPage(m.Room.Media) != nil:
		a.add(record{timeline: true}, nil) // they have been told where to go
	case b.Cause == core.CauseMedia:
		a.add(record{timeline: true, instant: b.At}, wire.Playback{UserID: wire.Server, Control: wire.Pause, Timestamp: event.At / 1000})
	case gated || b.Cause == core.CauseSeek && !b.Playing:
		e.seek(a, b.Position, event.At, event)
	case !b.Playing:
		a.add(record{timeline: true, instant: b.At}, wire.Playback{
			UserID: from(event), Control: wire.Pause, CurrentTime: &b.Position, Timestamp: event.At / 1000,
		})
	case b.Cause == core.CauseSeek && b.At > event.At:
		e.seek(a, b.Position, event.At, event)
		e.start(a, b.Position, b.At, wire.Server, event.At)
	case b.Cause == core.CauseRelease:
		e.start(a, b.Position, b.At, wire.Server, event.At)
	default:
		e.start(a, b.Position, b.At, from(event), event.At)
	}
}

// seek sends everybody to a position. Who sought is told so by the server,
// since it would not listen to itself.
func (e *encoding) seek(a *appender, position float64, at int64, event core.Event) {
	pause := wire.SeekPause{UserID: from(event), CurrentTime: position, Timestamp: at / 1000}
	if event.By.Seat == "" {
		a.add(record{timeline: true, instant: at}, pause)
		return
	}
	a.add(record{to: toOthers, member: event.By.Seat, timeline: true, instant: at}, pause)
	pause.UserID = wire.Server
	a.add(record{to: toOnly, member: event.By.Seat, timeline: true, instant: at}, pause)
}

// start has everybody play: a start that is ahead reaches them when it is.
func (e *encoding) start(a *appender, position float64, at int64, who string, now int64) {
	r := record{timeline: true, instant: at}
	if at > now {
		r.due = at
	}
	a.add(r, wire.Playback{UserID: who, Control: wire.Play, CurrentTime: &position, Timestamp: at / 1000})
}

func beat(a *appender, m core.Beat) {
	if m.Host == "" {
		return
	}
	a.add(record{to: toOthers, member: m.Host, instant: m.Now}, wire.Heartbeat{
		UserID: m.Host, CurrentTime: m.Timeline.PositionAt(m.Now), IsPlaying: m.Timeline.Playing, Timestamp: m.Now / 1000,
	})
}

// signal is WebRTC signalling as members of version 1 see it: the names are
// those of the W3C's own examples. Kind is there so that nothing need be looked
// into between two members of this dialect.
type signal struct {
	Kind        string          `json:"kind,omitempty"`
	Description json.RawMessage `json:"description,omitempty"`
	Candidate   json.RawMessage `json:"candidate,omitempty"`
}

func toSignal(s *wire.Signal) ([]byte, error) {
	if s.Kind == wire.ICECandidate {
		return json.Marshal(signal{Kind: s.Kind, Candidate: s.Data})
	}
	return json.Marshal(signal{Kind: s.Kind, Description: s.Data})
}

func signalled(a *appender, m core.Signalled) {
	var s signal
	if json.Unmarshal(m.Data, &s) != nil {
		return // of another kind
	}
	tell := func(kind string, data json.RawMessage) {
		a.all(wire.Signalled{Kind: kind, From: m.From, To: m.To, Data: data})
	}
	kind := s.Kind
	if s.Description != nil {
		if kind != wire.Offer && kind != wire.Answer {
			var d struct{ Type string }
			_ = json.Unmarshal(s.Description, &d) // then it has no type
			kind = map[string]string{"offer": wire.Offer, "answer": wire.Answer}[d.Type]
		}
		if kind != "" {
			tell(kind, s.Description)
		}
	}
	if s.Candidate != nil {
		tell(wire.ICECandidate, s.Candidate)
	}
}

// watchPage is what the extension may be told of what the room watches.
func watchPage(m core.Media) *string {
	if m.Kind != core.MediaURL || !wire.IsWatchPage(m.URL) {
		return nil
	}
	return &m.URL
}

// elsewhere says whether the room watches what the extension cannot show: a film
// of another site. Where its own player is says nothing of that, nor the other
// way round. A room that is at no page yet is not elsewhere.
func elsewhere(m core.Media) bool { return m.Kind == core.MediaURL && !wire.IsWatchPage(m.URL) }

func username(name string) *string {
	if name == "" || name == nameless {
		return nil
	}
	return &name
}
