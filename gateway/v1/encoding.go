// Package v1 is the dialect of protocol version 1: it turns core's messages
// into the wire's and a client's messages into core's commands, for every
// transport alike.
package v1

import (
	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
)

// Slots of the encodings in this program: each keeps its bytes in a frame.
const (
	SlotJSON      = iota // a message as JSON
	SlotWebSocket        // the same in a WebSocket frame
	SlotStream           // the same on a WebTransport stream
	SlotDatagram         // the timeline or the clock in a WebTransport datagram
)

// JSON encodes core's messages as protocol version 1. The zero value works; a
// server sets Endpoints.
type JSON struct {
	// Endpoints are told in welcome; nil tells none.
	Endpoints func() []protocol.Endpoint
	// ICEServers are told in welcome, with credentials of that member; nil tells
	// none.
	ICEServers func(member string) []protocol.ICEServer
}

// Slot implements core.Encoding.
func (*JSON) Slot() int { return SlotJSON }

// Append implements core.Encoding.
func (j *JSON) Append(dst []byte, m core.Message) ([]byte, error) {
	out := j.message(m)
	if out == nil {
		return dst, nil
	}
	return protocol.Append(dst, out)
}

func (j *JSON) message(m core.Message) protocol.ServerMessage {
	switch m := m.(type) {
	case core.Welcomed:
		return j.welcome(m)
	case core.MemberPage:
		return &protocol.Members{Members: members(m.Members)}
	case core.Happened:
		return &protocol.Events{Epoch: m.Epoch, First: m.First, Last: m.Last, Events: events(m.Events)}
	case core.Acked:
		return &protocol.Ack{ID: m.Command, Number: m.Number}
	case core.Refused:
		return m.Err
	case core.PresenceChanged:
		return &protocol.Present{Members: presence(m.Members)}
	case core.Reacted:
		return &protocol.Reaction{Member: m.Member, Reaction: m.Reaction}
	case core.TypingChanged:
		return &protocol.MemberTyping{Member: m.Member, On: m.On}
	case core.Signalled:
		return &protocol.Signalled{From: m.From, Data: m.Data}
	case core.ChatHistory:
		return history(m)
	case core.ClockRead:
		return &protocol.Clock{T1: m.T1, T2: m.T2, T3: m.T3}
	case core.Parted:
		return &protocol.Bye{Code: m.Code, Reason: m.Code.String(), AfterMs: m.AfterMs}
	default:
		return nil
	}
}

func (j *JSON) welcome(m core.Welcomed) *protocol.Welcome {
	w := &protocol.Welcome{
		Member: m.Member, Seat: m.Seat, Epoch: m.Room.Epoch, Number: m.Room.Number,
		Presence: presence(m.Presence), Clock: protocol.WelcomeClock{Time: m.Now},
		ProbeMs: protocol.ProbeIntervals{
			Playing: protocol.ProbePlaying.Milliseconds(), Idle: protocol.ProbeIdle.Milliseconds(),
		},
	}
	if j.Endpoints != nil {
		w.Endpoints = j.Endpoints()
	}
	if j.ICEServers != nil {
		w.ICEServers = j.ICEServers(m.Member)
	}
	if me := m.Room.Member(m.Member); me != nil {
		w.LastCommand = me.LastCommand
	}
	if !m.Resumed {
		w.Room = room(m.Room, m.Listed)
	}
	return w
}

func room(r *core.Room, listed int) *protocol.Room {
	all := r.Members()
	out := &protocol.Room{
		ID: r.ID, Host: r.Host, Settings: protocol.Settings(r.Settings), Media: media(r.Media), MediaNumber: r.MediaNumber,
		Timeline: protocol.Timeline(r.Timeline), Gate: gate(r.Gate),
		Members: members(all[:listed]), MemberCount: len(all),
	}
	for _, q := range r.Queue {
		out.Queue = append(out.Queue, queueItem(q))
	}
	for _, b := range r.Banned {
		out.Banned = append(out.Banned, protocol.BannedMember{ID: b.Member, Name: b.Name})
	}
	return out
}

func members(list []*core.Member) []protocol.Member {
	out := make([]protocol.Member, len(list))
	for i, m := range list {
		out[i] = protocol.Member{ID: m.ID, Name: m.Name, Role: protocol.Role(m.Role), JoinedAt: m.JoinedAt}
	}
	return out
}

func queueItem(q core.QueueItem) protocol.QueueItem {
	return protocol.QueueItem{ID: q.ID, Media: media(q.Media), Member: q.Member, Name: q.Name}
}

func media(m core.Media) protocol.Media {
	out := protocol.Media{Kind: protocol.MediaKind(m.Kind), URL: m.URL, Title: m.Title, DurationMs: m.DurationMs}
	for _, s := range m.Subtitles {
		out.Subtitles = append(out.Subtitles, protocol.Subtitle(s))
	}
	return out
}

// Media turns a client's media into core's.
func Media(m protocol.Media) core.Media {
	out := core.Media{Kind: core.MediaKind(m.Kind), URL: m.URL, Title: m.Title, DurationMs: m.DurationMs}
	for _, s := range m.Subtitles {
		out.Subtitles = append(out.Subtitles, core.Subtitle(s))
	}
	return out
}

func gate(g *core.Gate) *protocol.Gate {
	if g == nil {
		return nil
	}
	return &protocol.Gate{Number: g.Number, Waiting: g.Waiting, Ready: g.Ready, Needed: g.Needed(), Deadline: g.Deadline}
}

func presence(list []core.Presence) []protocol.Presence {
	out := make([]protocol.Presence, len(list))
	for i, p := range list {
		out[i] = protocol.Presence(p)
	}
	return out
}

func history(h core.ChatHistory) *protocol.History {
	out := &protocol.History{Lines: make([]protocol.ChatLine, len(h.Lines)), More: h.More}
	for i, l := range h.Lines {
		out.Lines[i] = protocol.ChatLine(l)
	}
	return out
}
