package testclient

import (
	"fmt"
	"slices"

	"tandem.watch/tandem/protocol"
)

// View is what a client keeps of a room, after protocol/README.md ("Applying
// events"). Read feeds it; it fails where a client would have to connect again.
type View struct {
	Room          protocol.Room
	Epoch, Number uint64
	// Away lists who is away, as presence told.
	Away map[string]bool
}

// Read takes a message of the gateway.
func (v *View) Read(m protocol.ServerMessage) error {
	switch m := m.(type) {
	case *protocol.Welcome:
		if m.Room != nil {
			v.Room, v.Epoch, v.Number = *m.Room, m.Epoch, m.Number
		} else if m.Epoch != v.Epoch || m.Number < v.Number {
			return fmt.Errorf("welcome to %d of epoch %d without a room, at %d of epoch %d", m.Number, m.Epoch, v.Number, v.Epoch)
		}
		v.Away = map[string]bool{}
		v.presence(m.Presence)
	case *protocol.Members:
		for _, x := range m.Members {
			if v.member(x.ID) == nil {
				v.Room.Members = append(v.Room.Members, x)
			}
		}
	case *protocol.Present:
		v.presence(m.Members)
	case *protocol.Events:
		return v.events(m)
	}
	return nil
}

func (v *View) presence(list []protocol.Presence) {
	for _, p := range list {
		v.Away[p.Member] = p.Away
	}
}

// events is strict: a gateway that repeats itself is at fault too.
func (v *View) events(m *protocol.Events) error {
	if m.Epoch != v.Epoch || m.First != v.Number+1 || m.Last < m.First {
		return fmt.Errorf("events %d to %d of epoch %d do not follow %d of epoch %d", m.First, m.Last, m.Epoch, v.Number, v.Epoch)
	}
	for _, e := range m.Events {
		if e.Number <= v.Number || e.Number > m.Last {
			return fmt.Errorf("event %d does not follow %d in the range to %d", e.Number, v.Number, m.Last)
		}
		v.Number = e.Number
		v.apply(e)
	}
	v.Number = m.Last
	return nil
}

func (v *View) apply(e protocol.Event) {
	r := &v.Room
	switch e.Type {
	case protocol.EventJoined:
		if v.member(e.Joined.ID) == nil {
			r.Members = append(r.Members, *e.Joined)
			r.MemberCount++
		}
	case protocol.EventLeft:
		v.left(*e.Left)
	case protocol.EventHost:
		if old := v.member(r.Host); old != nil {
			old.Role = protocol.RoleGuest
		}
		if m := v.member(e.Host.Member); m != nil {
			m.Role = protocol.RoleHost
		}
		r.Host = e.Host.Member
	case protocol.EventRole:
		if m := v.member(e.Role.Member); m != nil && m.ID != r.Host {
			m.Role = e.Role.Role
		}
	case protocol.EventRenamed:
		if m := v.member(e.Renamed.Member); m != nil {
			m.Name = e.Renamed.Name
		}
	case protocol.EventTimeline:
		r.Timeline, r.Gate = e.Timeline.Timeline, nil
	case protocol.EventMedia:
		r.Media, r.MediaNumber = *e.Media, e.Number
	case protocol.EventQueued:
		r.Queue = slices.Insert(slices.Clone(r.Queue), e.Queued.Index, e.Queued.Item)
	case protocol.EventUnqueued:
		v.unqueue(e.Unqueued.Item)
	case protocol.EventMoved:
		item := v.unqueue(e.Moved.Item)
		r.Queue = slices.Insert(r.Queue, e.Moved.Index, item)
	case protocol.EventGate:
		g := *e.Gate
		r.Gate = &g
	case protocol.EventReady:
		g := r.Gate
		if g != nil && g.Number == e.Ready.Gate && slices.Contains(g.Waiting, e.Ready.Member) && !slices.Contains(g.Ready, e.Ready.Member) {
			g.Ready = append(g.Ready, e.Ready.Member)
		}
	case protocol.EventSettings:
		r.Settings = *e.Settings
	case protocol.EventUnbanned:
		r.Banned = slices.DeleteFunc(r.Banned, func(b protocol.BannedMember) bool { return b.ID == e.Unbanned.ID })
	case protocol.EventChat: // no part of the room
	}
}

// unqueue takes out an item, which must be there, and returns it.
func (v *View) unqueue(id uint64) protocol.QueueItem {
	i := slices.IndexFunc(v.Room.Queue, func(q protocol.QueueItem) bool { return q.ID == id })
	item := v.Room.Queue[i]
	v.Room.Queue = slices.Delete(slices.Clone(v.Room.Queue), i, i+1)
	return item
}

func (v *View) left(l protocol.Left) {
	r := &v.Room
	delete(v.Away, l.Member)
	m := v.member(l.Member)
	if m == nil {
		if r.MemberCount > len(r.Members) {
			r.MemberCount--
		}
		return
	}
	if l.Reason == protocol.LeftBanned {
		r.Banned = append(r.Banned, protocol.BannedMember{ID: m.ID, Name: m.Name})
		r.Banned = r.Banned[max(0, len(r.Banned)-50):]
	}
	is := func(id string) bool { return id == l.Member }
	r.Members = slices.DeleteFunc(r.Members, func(m protocol.Member) bool { return is(m.ID) })
	r.MemberCount--
	if r.Host == l.Member {
		r.Host = ""
	}
	if g := r.Gate; g != nil && slices.ContainsFunc(g.Waiting, is) {
		g.Waiting, g.Ready = slices.DeleteFunc(g.Waiting, is), slices.DeleteFunc(g.Ready, is)
		g.Needed = max(1, (len(g.Waiting)*6+9)/10)
	}
}

func (v *View) member(id string) *protocol.Member {
	if i := slices.IndexFunc(v.Room.Members, func(m protocol.Member) bool { return m.ID == id }); i >= 0 {
		return &v.Room.Members[i]
	}
	return nil
}
