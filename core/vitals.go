package core

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Report is what a member's client says of its player. It never moves the
// timeline.
type Report struct {
	Buffering bool
	// OffsetMs is how far the player is off the timeline; nil when it stands.
	OffsetMs *float64
	// RTT is the round trip to its gateway; PlayLatency and SeekLatency are how
	// long the device takes for either. 0 is unknown.
	RTT, PlayLatency, SeekLatency time.Duration
}

// How far ahead a start is scheduled.
const (
	leadMargin  = 25 * time.Millisecond
	minLead     = 60 * time.Millisecond
	maxLead     = 1500 * time.Millisecond
	seekMargin  = 30 * time.Millisecond
	maxSeekLead = 1500 * time.Millisecond
	// unknownRTT, unknownPlay and unknownSeek stand for what a member has not
	// reported yet.
	unknownRTT  = 100 * time.Millisecond
	unknownPlay = 70 * time.Millisecond
	unknownSeek = 50 * time.Millisecond
	// leadEvery bounds how often the leads are reckoned anew.
	leadEvery = 250 * time.Millisecond
)

// leads are the leads of scheduled starts, from the members' reports.
type leads struct {
	stale       bool
	at          time.Time
	start, seek time.Duration
}

// hints are what decisions take into account beside the log.
func (l *loop) hints() Hints {
	if now := time.Now(); l.leads.start == 0 || l.leads.stale && now.Sub(l.leads.at) >= leadEvery {
		l.leads = l.reckonLeads(now)
	}
	return Hints{
		Lead: l.leads.start, SeekLead: l.leads.seek, MaxMembers: l.hub.opts.MaxMembers,
		Connected: l.connected,
	}
}

// reckonLeads takes what the slowest member needs, or among more than ten the
// 95th percentile: one hopeless member does not slow the room, it joins late.
func (l *loop) reckonLeads(now time.Time) leads {
	starts, seeks := make([]time.Duration, 0, len(l.sessions)), make([]time.Duration, 0, len(l.sessions))
	for _, m := range l.room.Members() {
		if !l.connected(m.ID) {
			continue
		}
		r := l.seats[m.ID].status
		rtt, play := cmp.Or(r.RTT, unknownRTT), cmp.Or(r.PlayLatency, unknownPlay)
		starts = append(starts, rtt*7/10+play+leadMargin)
		seeks = append(seeks, cmp.Or(r.SeekLatency, unknownSeek)*3/2+seekMargin)
	}
	return leads{
		at:    now,
		start: min(max(slowest(starts), minLead), maxLead),
		seek:  min(slowest(seeks), maxSeekLead),
	}
}

func slowest(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	if len(d) <= 10 {
		return d[len(d)-1]
	}
	return d[int(math.Ceil(float64(len(d))*0.95))-1]
}

// vitals are the presences that everybody is to be told of in a while.
type vitals struct {
	dirty map[string]bool
	next  time.Time
}

// vitalsEvery is how often a room of up to vitalsRoom members hears how the
// others' players do; larger rooms hear it in proportion less often, so that
// the cost does not grow with the square.
const (
	vitalsEvery = time.Second
	vitalsRoom  = 25
	// bufferingEvery bounds how often one member's stalls are told at once.
	bufferingEvery = time.Second / 2
)

// report takes a member's report. Buffering is told at once, the rest in turn.
func (l *loop) report(s *Session, r Report) {
	st, now := l.seats[s.member], time.Now()
	st.status = r
	l.leads.stale = true
	if st.told.Buffering != r.Buffering && now.Sub(st.toldAt) >= bufferingEvery {
		st.told, st.toldAt = l.presenceOf(s.member), now
		l.broadcast(&Frame{Class: ClassControl, Message: PresenceChanged{Members: []Presence{st.told}}})
		l.tellSeats(s.member)
		return
	}
	l.vital(s.member)
}

// vital has everybody told in turn how a member's player does.
func (l *loop) vital(member string) {
	if l.vitals.dirty == nil {
		l.vitals.dirty = map[string]bool{}
	}
	if len(l.vitals.dirty) == 0 {
		l.vitals.next = time.Now().Add(vitalsEvery * time.Duration(1+len(l.sessions)/vitalsRoom))
	}
	l.vitals.dirty[member] = true
}

// tellVitals tells everybody how the players do that have reported.
func (l *loop) tellVitals() {
	const page = 200
	var list []Presence
	var own []string
	for member := range l.vitals.dirty {
		st := l.seats[member]
		if st == nil || !l.connected(member) {
			continue
		}
		if st.session != nil {
			own = append(own, member)
		}
		st.told = l.presenceOf(member)
		if list = append(list, st.told); len(list) == page {
			l.broadcast(&Frame{Class: ClassEphemeral, Message: PresenceChanged{Members: list}})
			list = nil
		}
	}
	if len(list) > 0 {
		l.broadcast(&Frame{Class: ClassEphemeral, Message: PresenceChanged{Members: list}})
	}
	clear(l.vitals.dirty)
	l.tellSeats(own...)
}

func (l *loop) presenceOf(member string) Presence {
	st := l.seats[member]
	return Presence{
		Member: member, Away: !l.connected(member), Buffering: st.status.Buffering,
		OffsetMs: st.status.OffsetMs, RTTMs: float64(st.status.RTT.Microseconds()) / 1000,
	}
}

// everyone lists how all members do.
func (l *loop) everyone() []Presence {
	list := make([]Presence, 0, len(l.seats))
	for _, m := range l.room.Members() {
		if l.seats[m.ID] != nil {
			list = append(list, l.presenceOf(m.ID))
		}
	}
	return list
}

// presence lists the members who are away or buffering, for a newcomer.
func (l *loop) presence() []Presence {
	var list []Presence
	for _, m := range l.room.Members() {
		st := l.seats[m.ID]
		if st == nil {
			continue
		}
		if !l.connected(m.ID) || st.status.Buffering {
			list = append(list, l.presenceOf(m.ID))
		}
	}
	return list
}
