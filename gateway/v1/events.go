package v1

import (
	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
)

// events turns the log's events into the wire's. What concerns no client is
// left out; the range of the message covers it.
func events(list []core.Event) []protocol.Event {
	out := make([]protocol.Event, 0, len(list))
	for _, e := range list {
		w := protocol.Event{Number: e.Number, At: e.At, By: e.By.Seat, Command: e.By.Command}
		if describe(&w, e) {
			out = append(out, w)
		}
	}
	return out
}

func describe(w *protocol.Event, e core.Event) bool {
	switch b := e.Body.(type) {
	case core.Joined:
		w.Type = protocol.EventJoined
		w.Joined = &protocol.Member{ID: b.Member, Name: b.Name, Role: protocol.RoleGuest, JoinedAt: e.At}
	case core.Left:
		w.Type, w.Left = protocol.EventLeft, &protocol.Left{Member: b.Member, Reason: protocol.LeaveReason(b.Reason)}
	case core.Hosted:
		w.Type, w.Host = protocol.EventHost, &protocol.Host{Member: b.Member}
	case core.RoleSet:
		w.Type, w.Role = protocol.EventRole, &protocol.RoleChange{Member: b.Member, Role: protocol.Role(b.Role)}
	case core.Renamed:
		w.Type, w.Renamed = protocol.EventRenamed, &protocol.Renamed{Member: b.Member, Name: b.Name}
	case core.TimelineSet:
		w.Type = protocol.EventTimeline
		w.Timeline = &protocol.Change{Cause: protocol.Cause(b.Cause), Timeline: timeline(b, e.Number)}
	case core.MediaSet:
		m := media(b.Media)
		w.Type, w.Media = protocol.EventMedia, &m
	case core.Queued:
		item := core.QueueItem{ID: e.Number, Media: b.Media, Member: b.Member, Name: b.Name}
		w.Type, w.Queued = protocol.EventQueued, &protocol.Queued{Item: queueItem(item), Index: b.Index}
	case core.Unqueued:
		w.Type = protocol.EventUnqueued
		w.Unqueued = &protocol.Unqueued{Item: b.Item, Reason: protocol.UnqueueReason(b.Reason)}
	case core.Moved:
		m := protocol.Moved(b)
		w.Type, w.Moved = protocol.EventMoved, &m
	case core.GateOpened:
		w.Type = protocol.EventGate
		w.Gate = gate(&core.Gate{Number: e.Number, Waiting: b.Waiting, Deadline: b.Deadline})
	case core.GateReady:
		w.Type, w.Ready = protocol.EventReady, &protocol.ReadyMember{Member: b.Member, Gate: b.Gate}
	case core.Said:
		w.Type, w.Chat = protocol.EventChat, &protocol.Chat{Member: b.Member, Text: b.Text}
	case core.SettingsSet:
		s := protocol.Settings(b.Settings)
		w.Type, w.Settings = protocol.EventSettings, &s
	case core.Unbanned:
		w.Type, w.Unbanned = protocol.EventUnbanned, &protocol.BannedMember{ID: b.Member, Name: b.Name}
	default: // Created, Seated and Noted concern no client
		return false
	}
	return true
}

func timeline(b core.TimelineSet, number uint64) protocol.Timeline {
	return protocol.Timeline{Position: b.Position, Rate: b.Rate, Playing: b.Playing, At: b.At, Number: number}
}
