package protocol

import (
	"fmt"
	"slices"
)

// maxBannedListed is how many banned members a snapshot lists.
const maxBannedListed = 50

// replica is what a client keeps of a room, written after README.md ("Applying
// events"): the reference for the reducers of clients in other languages.
type replica struct {
	room   Room
	number uint64
}

// read applies a range of events. It fails on a hole: then a client resumes.
func (c *replica) read(m *Events) error {
	if m.First > c.number+1 {
		return fmt.Errorf("%d follows %d", m.First, c.number)
	}
	for _, e := range m.Events {
		if e.Number > c.number {
			c.apply(e)
		}
	}
	c.number = max(c.number, m.Last)
	return nil
}

func (c *replica) apply(e Event) {
	r := &c.room
	switch e.Type {
	case EventJoined:
		if c.member(e.Joined.ID) == nil {
			r.Members = append(r.Members, *e.Joined)
			r.MemberCount++
		}
	case EventLeft:
		c.left(*e.Left)
	case EventHost:
		if old := c.member(r.Host); old != nil {
			old.Role = RoleGuest
		}
		if m := c.member(e.Host.Member); m != nil {
			m.Role = RoleHost
		}
		r.Host = e.Host.Member
	case EventRole:
		if m := c.member(e.Role.Member); m != nil && m.ID != r.Host {
			m.Role = e.Role.Role
		}
	case EventRenamed:
		if m := c.member(e.Renamed.Member); m != nil {
			m.Name = e.Renamed.Name
		}
	case EventTimeline:
		r.Timeline, r.Gate = e.Timeline.Timeline, nil
	case EventMedia:
		r.Media, r.MediaNumber = *e.Media, e.Number
	case EventQueued:
		if c.item(e.Queued.Item.ID) < 0 {
			r.Queue = slices.Insert(r.Queue, min(e.Queued.Index, len(r.Queue)), e.Queued.Item)
		}
	case EventUnqueued:
		if i := c.item(e.Unqueued.Item); i >= 0 {
			r.Queue = slices.Delete(r.Queue, i, i+1)
		}
	case EventMoved:
		if i := c.item(e.Moved.Item); i >= 0 {
			item := r.Queue[i]
			r.Queue = slices.Delete(r.Queue, i, i+1)
			r.Queue = slices.Insert(r.Queue, min(e.Moved.Index, len(r.Queue)), item)
		}
	case EventGate:
		gate := *e.Gate
		r.Gate = &gate
	case EventReady:
		g := r.Gate
		if g != nil && g.Number == e.Ready.Gate && slices.Contains(g.Waiting, e.Ready.Member) && !slices.Contains(g.Ready, e.Ready.Member) {
			g.Ready = append(g.Ready, e.Ready.Member)
		}
	case EventSettings:
		r.Settings = *e.Settings
	case EventUnbanned:
		r.Banned = slices.DeleteFunc(r.Banned, func(b BannedMember) bool { return b.ID == e.Unbanned.ID })
	case EventChat: // not part of the snapshot
	}
}

func (c *replica) left(l Left) {
	r := &c.room
	m := c.member(l.Member)
	if m == nil {
		// Nobody, or a member of a large room that is not listed here.
		if r.MemberCount > len(r.Members) {
			r.MemberCount--
		}
		return
	}
	if l.Reason == LeftBanned {
		r.Banned = append(r.Banned, BannedMember{ID: m.ID, Name: m.Name})
		r.Banned = r.Banned[max(0, len(r.Banned)-maxBannedListed):]
	}
	r.MemberCount--
	r.Members = slices.DeleteFunc(r.Members, func(m Member) bool { return m.ID == l.Member })
	if r.Host == l.Member {
		r.Host = ""
	}
	if g := r.Gate; g != nil && slices.Contains(g.Waiting, l.Member) {
		is := func(id string) bool { return id == l.Member }
		g.Waiting, g.Ready = slices.DeleteFunc(g.Waiting, is), slices.DeleteFunc(g.Ready, is)
		g.Needed = max(1, (len(g.Waiting)*6+9)/10)
	}
}

// item is where in the queue an item is; -1 if it is not there.
func (c *replica) item(id uint64) int {
	return slices.IndexFunc(c.room.Queue, func(q QueueItem) bool { return q.ID == id })
}

func (c *replica) member(id string) *Member {
	if i := slices.IndexFunc(c.room.Members, func(m Member) bool { return m.ID == id }); i >= 0 {
		return &c.room.Members[i]
	}
	return nil
}
