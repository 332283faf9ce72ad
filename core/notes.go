package core

import (
	"encoding/json"
	"time"
)

// note is what gateways tell each other of a room without the log. Unknown
// fields are ignored: releases mix.
type note struct {
	// Ask asks for the status of all seats of those who hear it.
	Ask    bool       `json:"ask,omitempty"`
	Status []toldSeat `json:"status,omitempty"`

	Reacted *Reacted       `json:"reacted,omitempty"`
	Typing  *TypingChanged `json:"typing,omitempty"`
	Signal  *toldSignal    `json:"signal,omitempty"`
	Relayed *toldRelay     `json:"relayed,omitempty"`
}

// toldSeat is how a member does, as the gateway of its seat knows it. Times are
// in microseconds.
type toldSeat struct {
	Member    string   `json:"member"`
	Away      bool     `json:"away,omitempty"`
	Buffering bool     `json:"buffering,omitempty"`
	OffsetMs  *float64 `json:"offsetMs,omitempty"`
	RTT       int64    `json:"rtt,omitempty"`
	Play      int64    `json:"play,omitempty"`
	Seek      int64    `json:"seek,omitempty"`
}

type toldSignal struct {
	From string          `json:"from"`
	To   string          `json:"to"`
	Data json.RawMessage `json:"data"`
}

// toldRelay is for everybody when To is "".
type toldRelay struct {
	From string `json:"from"`
	To   string `json:"to,omitempty"`
	Kind string `json:"kind"`
	Data []byte `json:"data"`
}

// maxToldSeats bounds the seats of one note.
const maxToldSeats = 200

// tellOthers tells the other gateways that hold the room.
func (l *loop) tellOthers(n note) {
	if l.following == nil {
		return
	}
	text, err := json.Marshal(n)
	if err != nil {
		l.logger.Warn("a note cannot be written", "error", err)
		return
	}
	l.following.Tell(text)
}

// telling is how a seat of this gateway does.
func (st *seat) telling(member string) toldSeat {
	r := st.status
	return toldSeat{
		Member: member, Away: st.session == nil, Buffering: r.Buffering, OffsetMs: r.OffsetMs,
		RTT: r.RTT.Microseconds(), Play: r.PlayLatency.Microseconds(), Seek: r.SeekLatency.Microseconds(),
	}
}

// tellSeats tells the others how seats of this gateway do.
func (l *loop) tellSeats(members ...string) {
	if l.following == nil {
		return
	}
	var list []toldSeat
	for _, id := range members {
		m, st := l.room.Member(id), l.seats[id]
		if m == nil || st == nil || m.Gateway != l.self() {
			continue
		}
		if list = append(list, st.telling(id)); len(list) == maxToldSeats {
			l.tellOthers(note{Status: list})
			list = nil
		}
	}
	if len(list) > 0 {
		l.tellOthers(note{Status: list})
	}
}

// told takes a note of another gateway.
func (l *loop) told(t toldNote) {
	var n note
	if json.Unmarshal(t.text, &n) != nil {
		return
	}
	if n.Ask {
		var own []string
		for _, m := range l.room.Members() {
			if m.Gateway == l.self() {
				own = append(own, m.ID)
			}
		}
		l.tellSeats(own...)
	}
	for _, s := range n.Status {
		l.toldSeat(t.from, s)
	}
	switch {
	case n.Reacted != nil:
		l.broadcast(&Frame{Class: ClassEphemeral, Message: *n.Reacted})
	case n.Typing != nil:
		l.broadcast(&Frame{Class: ClassEphemeral, Message: *n.Typing})
	case n.Signal != nil:
		l.deliver(n.Signal.To, Signalled{From: n.Signal.From, To: n.Signal.To, Data: n.Signal.Data})
	case n.Relayed != nil:
		m := Relayed{From: n.Relayed.From, Kind: n.Relayed.Kind, Data: n.Relayed.Data}
		if n.Relayed.To == "" {
			l.broadcast(&Frame{Class: ClassEphemeral, Message: m})
		} else {
			l.deliver(n.Relayed.To, m)
		}
	}
}

// deliver passes a message of another gateway's member on to one that is
// connected here.
func (l *loop) deliver(to string, m Message) {
	if st := l.seats[to]; st != nil && st.session != nil {
		st.session.conn.Send([]*Frame{{Class: ClassEphemeral, Message: m}})
	}
}

// toldSeat takes how a seat of another gateway does: only that gateway knows.
func (l *loop) toldSeat(from string, s toldSeat) {
	m, st := l.room.Member(s.Member), l.seats[s.Member]
	if m == nil || st == nil || m.Gateway != from || from == l.self() {
		return
	}
	changed := st.away != s.Away || st.status.Buffering != s.Buffering
	st.away = s.Away
	st.status = Report{
		Buffering: s.Buffering, OffsetMs: s.OffsetMs, RTT: time.Duration(s.RTT) * time.Microsecond,
		PlayLatency: time.Duration(s.Play) * time.Microsecond, SeekLatency: time.Duration(s.Seek) * time.Microsecond,
	}
	l.leads.stale = true
	if changed {
		st.told = l.presenceOf(s.Member)
		l.broadcast(&Frame{Class: ClassControl, Message: PresenceChanged{Members: []Presence{st.told}}})
		return
	}
	l.vital(s.Member)
}
