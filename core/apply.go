package core

import (
	"fmt"
	"slices"
)

// Apply makes e the room's last event. It is deterministic and tolerates what
// a later or an earlier event has made pointless (a word from a member who has
// left, say). It fails, and changes nothing, when e does not follow the room's
// head: the log has been read wrongly, or belongs to another history.
func (r *Room) Apply(e Event) error {
	if e.Number != r.Number+1 || e.Prev != r.Head {
		return fmt.Errorf("core: room %s: event %d (after %x) does not follow event %d (%x)",
			r.ID, e.Number, uint64(e.Prev), r.Number, uint64(r.Head))
	}
	r.Epoch, r.Number, r.Head, r.At = e.Epoch, e.Number, e.ID, max(r.At, e.At)
	r.applyBody(e)
	r.remember(e)
	return nil
}

func (r *Room) applyBody(e Event) {
	switch b := e.Body.(type) {
	case Created:
		r.Settings, r.Media, r.MediaNumber = b.Settings, b.Media, e.Number
		r.Timeline = Timeline{Rate: 1, At: e.At, Number: e.Number}
	case Joined:
		r.join(b, e)
	case Seated:
		if m := r.byID[b.Member]; m != nil && b.Generation >= m.Generation {
			m.Generation, m.Gateway = b.Generation, b.Gateway
		}
	case Left:
		r.leave(b, e)
	case Hosted:
		r.setHost(b.Member)
	case RoleSet:
		if m := r.byID[b.Member]; m != nil && m.ID != r.Host && b.Role != RoleHost {
			m.Role = b.Role
		}
	case Renamed:
		if m := r.byID[b.Member]; m != nil {
			m.Name = b.Name
		}
	case TimelineSet:
		r.Timeline = Timeline{Position: b.Position, Rate: b.Rate, Playing: b.Playing, At: b.At, Number: e.Number}
		r.Gate = nil
	case MediaSet:
		r.Media, r.MediaNumber = b.Media, e.Number
	case Queued:
		item := QueueItem{ID: e.Number, Media: b.Media, Member: b.Member, Name: b.Name}
		r.Queue = slices.Insert(r.Queue, placeIn(r.Queue, b.Index), item)
	case Unqueued:
		r.unqueue(b.Item)
	case Moved:
		if item, ok := r.unqueue(b.Item); ok {
			r.Queue = slices.Insert(r.Queue, placeIn(r.Queue, b.Index), item)
		}
	case GateOpened:
		r.Gate = &Gate{Number: e.Number, Waiting: slices.Clone(b.Waiting), Deadline: b.Deadline}
	case GateReady:
		if g := r.Gate; g != nil && g.Number == b.Gate && slices.Contains(g.Waiting, b.Member) && !slices.Contains(g.Ready, b.Member) {
			g.Ready = append(g.Ready, b.Member)
			g.reckon(e.At)
		}
	case Said:
		r.Chat = append(r.Chat, ChatLine{Number: e.Number, At: e.At, Member: b.Member, Name: b.Name, Text: b.Text})
		r.Chat = keepLast(r.Chat, MaxChat)
	case SettingsSet:
		r.Settings = b.Settings
		if b.Access {
			r.Access++
		}
	case Unbanned:
		r.Banned = slices.DeleteFunc(r.Banned, func(x Banned) bool { return x.Member == b.Member })
		r.Access++
	case Noted:
	}
}

func (r *Room) join(b Joined, e Event) {
	if r.byID[b.Member] != nil {
		return
	}
	m := &Member{ID: b.Member, Name: b.Name, Role: RoleGuest, JoinedAt: e.At, Generation: 1, Slow: b.Slow, Gateway: b.Gateway}
	r.order = append(r.order, m)
	r.byID[m.ID] = m
}

func (r *Room) leave(b Left, e Event) {
	m := r.byID[b.Member]
	if m == nil {
		return
	}
	delete(r.byID, m.ID)
	r.order = slices.DeleteFunc(r.order, func(x *Member) bool { return x == m })
	if r.Host == m.ID {
		r.Host = ""
	}
	if g := r.Gate; g != nil {
		g.Waiting = slices.DeleteFunc(g.Waiting, func(id string) bool { return id == m.ID })
		g.Ready = slices.DeleteFunc(g.Ready, func(id string) bool { return id == m.ID })
		g.reckon(e.At)
	}
	if b.Reason == LeftBanned {
		r.Banned = keepLast(append(r.Banned, Banned{Member: m.ID, Name: m.Name}), MaxBanned)
		r.Access++
	}
}

// setHost leaves the host as it is when the new one is gone already.
func (r *Room) setHost(id string) {
	m := r.byID[id]
	if m == nil {
		return
	}
	if old := r.byID[r.Host]; old != nil {
		old.Role = RoleGuest
	}
	m.Role = RoleHost
	r.Host = id
}

// reckon notes when enough members became ready.
func (g *Gate) reckon(at int64) {
	if len(g.Ready) < g.Needed() {
		g.QuorumAt = 0
	} else if g.QuorumAt == 0 {
		g.QuorumAt = at
	}
}

// remember keeps the answer to the command that e belongs to.
func (r *Room) remember(e Event) {
	m := r.byID[e.By.Seat]
	if m == nil || e.By.Command == 0 {
		return
	}
	m.LastCommand = max(m.LastCommand, e.By.Command)
	if n := len(m.Answers); n > 0 && m.Answers[n-1].Command == e.By.Command {
		m.Answers[n-1].Number = e.Number
		return
	}
	m.Answers = keepLast(append(m.Answers, Answer{Command: e.By.Command, Sum: e.By.Sum, Number: e.Number}), maxAnswers)
}

// keepLast drops the oldest entries beyond most.
func keepLast[T any](s []T, most int) []T {
	if len(s) <= most {
		return s
	}
	return slices.Delete(s, 0, len(s)-most)
}
