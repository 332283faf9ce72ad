package core

import (
	"slices"

	"tandem.watch/tandem/protocol"
)

// elsewhere says whether a member's seat is on another gateway that lives.
func (l *loop) elsewhere(m *Member) bool {
	return m.Gateway != l.self() && l.hub.peers.alive(m.Gateway)
}

// connected says whether a member has a connection, here or elsewhere.
func (l *loop) connected(member string) bool {
	st := l.seats[member]
	if st == nil || st.session != nil {
		return st != nil
	}
	m := l.room.Member(member)
	return m != nil && l.elsewhere(m) && !st.away
}

// rank is this gateway's place in the order in which those that have seats in
// the room do what one of them must.
func (l *loop) rank() int {
	if l.following == nil {
		return 0
	}
	gateways := []string{l.self()}
	for _, m := range l.room.Members() {
		if !slices.Contains(gateways, m.Gateway) && l.elsewhere(m) {
			gateways = append(gateways, m.Gateway)
		}
	}
	return slices.Index(ranked(l.id, gateways), l.self())
}

// expectAway gives a member that has no connection here its grace, unless
// another gateway looks after it.
func (l *loop) expectAway(m *Member) {
	switch {
	case m.Gateway == l.self():
		l.expect(m.ID)
	case !l.elsewhere(m):
		// Its gateway is gone. One of those that are left says so first.
		until := l.hub.peers.mayDepart(m.Gateway)
		for range l.rank() {
			until = until.Add(stepIn)
		}
		l.expectUntil(m.ID, until)
	}
}

// reseated takes a seat that a connection has taken over, here or elsewhere.
func (l *loop) reseated(b Seated) {
	st := l.seats[b.Member]
	if st == nil {
		return
	}
	l.leads.stale = true
	if b.Gateway == l.self() {
		switch {
		case st.session == nil:
			l.expect(b.Member) // until its session is seated, in this same turn
		case l.self() != "":
			st.session.generation = b.Generation
		}
		return
	}
	if st.session != nil {
		l.departed = append(l.departed, departure{st.session, protocol.CloseReplaced})
	}
	*st = seat{told: Presence{Member: b.Member}}
	l.tellPresence(b.Member)
}

func (l *loop) tellPresence(members ...string) {
	list := make([]Presence, len(members))
	for i, id := range members {
		list[i] = l.presenceOf(id)
	}
	for page := range slices.Chunk(list, protocol.MembersPage) {
		l.broadcast(&Frame{Class: ClassControl, Message: PresenceChanged{Members: page}})
	}
}

// reviewSeats looks which members' gateways are gone, or are back.
func (l *loop) reviewSeats() {
	var changed []string
	for _, m := range l.room.Members() {
		st := l.seats[m.ID]
		if m.Gateway == l.self() || st == nil || st.session != nil {
			continue
		}
		switch here := l.elsewhere(m); {
		case here && !st.until.IsZero():
			*st = seat{}
			changed = append(changed, m.ID)
		case !here && st.until.IsZero():
			*st = seat{}
			l.expectAway(m)
			changed = append(changed, m.ID)
		}
	}
	if len(changed) > 0 {
		l.leads.stale = true
		l.tellPresence(changed...)
		l.tellOthers(note{Ask: true})
	}
}

// reseat takes the seats of all that are connected here anew: the others may
// believe that this gateway is gone, and propose departures of the seats as
// they were.
func (l *loop) reseat() {
	for _, s := range l.sessions {
		l.enqueue(&pending{cmd: Attach{Member: s.member, Gateway: l.self()}})
	}
}

// goneSeat is a seat that others have given up, though its member is connected
// here.
type goneSeat struct {
	session *Session
	name    string
	slow    bool
}

// wronglyGone says whether an event, not yet applied, gives up the seat of
// somebody who is connected here: the others believed this gateway gone.
func (l *loop) wronglyGone(e Event) *goneSeat {
	left, ok := e.Body.(Left)
	if !ok || left.Reason != LeftExpired {
		return nil
	}
	m, st := l.room.Member(left.Member), l.seats[left.Member]
	if m == nil || st == nil || st.session == nil {
		return nil
	}
	return &goneSeat{st.session, m.Name, m.Slow}
}

// rejoin gives such a member a seat again, under the same id and token.
func (l *loop) rejoin(g *goneSeat) {
	s := g.session
	secrets := []Secret{l.hub.addressSecret(l.id, s.member, s.address)}
	if s.token != "" {
		secrets = l.hub.seatSecrets(l.id, s.member, s.token, s.address)
	}
	l.enqueue(&pending{
		cmd:     Join{Member: s.member, Name: g.name, Slow: g.slow, Access: l.room.Access, Gateway: l.self()},
		secrets: secrets,
		done: func(l *loop, _ uint64, err error) {
			st := l.seats[s.member]
			switch {
			case s.index < 0:
				// It has dropped meanwhile; its seat has its grace.
			case err != nil || st == nil || st.session != nil:
				l.departed = append(l.departed, departure{s, protocol.CloseExpired})
			default:
				*st = seat{session: s, told: Presence{Member: s.member}}
				s.generation = l.room.Member(s.member).Generation
				l.leads.stale = true
				l.tellPresence(s.member)
				l.tellSeats(s.member)
			}
		},
	})
}
