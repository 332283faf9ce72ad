package core

import (
	"slices"

	"tandem.watch/tandem/protocol"
)

func (d *decider) join(c Join) ([]Body, error) {
	if c.Access != d.r.Access {
		return nil, ErrAccessChanged
	}
	if d.r.Settings.Locked {
		return nil, protocol.Errorf(protocol.CodeRoomLocked, "the room is locked")
	}
	if d.hints.MaxMembers > 0 && len(d.r.Members()) >= d.hints.MaxMembers {
		return nil, protocol.Errorf(protocol.CodeRoomFull, "the room has its %d members", d.hints.MaxMembers)
	}
	if d.r.Member(c.Member) != nil {
		return nil, protocol.Errorf(protocol.CodeInvalid, "the seat %q is taken", c.Member)
	}
	bodies := []Body{Joined{Member: c.Member, Name: c.Name, Slow: c.Slow, Gateway: c.Gateway}}
	if d.r.Host == "" {
		bodies = append(bodies, Hosted{Member: c.Member})
	}
	return bodies, nil
}

func (d *decider) attach(c Attach) ([]Body, error) {
	m := d.r.Member(c.Member)
	if m == nil {
		return nil, protocol.Errorf(protocol.CodeSeatUnknown, "this seat is no longer in the room")
	}
	if c.Generation != 0 && c.Generation != m.Generation {
		return nil, ErrAccessChanged
	}
	bodies := []Body{Seated{Member: m.ID, Generation: m.Generation + 1, Fresh: c.Fresh, Gateway: c.Gateway}}
	switch {
	case !c.Foreign:
	case m.Role == RoleModerator:
		bodies = append(bodies, RoleSet{Member: m.ID, Role: RoleGuest})
	case m.Role == RoleHost:
		if next := d.nextHost(m.ID); next != "" {
			bodies = append(bodies, Hosted{Member: next})
		}
	}
	return bodies, nil
}

func (d *decider) depart(c Depart) ([]Body, error) {
	m := d.r.Member(c.Member)
	if m == nil || m.Generation != c.Generation {
		return nil, nil
	}
	return d.left(m.ID, LeftExpired), nil
}

func (d *decider) remove(c Remove) ([]Body, error) {
	m, err := d.subordinate(c.Member)
	if err != nil {
		return nil, err
	}
	if c.Ban {
		return d.left(m.ID, LeftBanned), nil
	}
	return d.left(m.ID, LeftRemoved), nil
}

// subordinate returns a member that the sender may remove: guests by
// moderators, everybody else by the host.
func (d *decider) subordinate(id string) (*Member, error) {
	sender, target := d.r.Member(d.by.Seat), d.r.Member(id)
	switch {
	case sender.Role == RoleGuest:
		return nil, forbidden("only the host and moderators remove members")
	case target == nil:
		return nil, notHere(id)
	case target == sender:
		return nil, forbidden("leave the room instead of removing yourself")
	case target.Role != RoleGuest && sender.Role != RoleHost:
		return nil, forbidden("only the host removes a moderator")
	default:
		return target, nil
	}
}

func (d *decider) unban(c Unban) ([]Body, error) {
	if d.r.Member(d.by.Seat).Role == RoleGuest {
		return nil, forbidden("only the host and moderators lift a ban")
	}
	i := slices.IndexFunc(d.r.Banned, func(b Banned) bool { return b.Member == c.Member })
	if i < 0 {
		return nil, protocol.Errorf(protocol.CodeNotFound, "%q is not banned", c.Member)
	}
	return []Body{Unbanned(d.r.Banned[i])}, nil
}

func (d *decider) transfer(c Transfer) ([]Body, error) {
	if d.r.Member(d.by.Seat).Role != RoleHost {
		return nil, forbidden("only the host hands the room over")
	}
	if d.r.Member(c.Member) == nil {
		return nil, notHere(c.Member)
	}
	if c.Member == d.r.Host {
		return nil, nil
	}
	return []Body{Hosted(c)}, nil
}

func (d *decider) giveRole(c GiveRole) ([]Body, error) {
	if d.r.Member(d.by.Seat).Role != RoleHost {
		return nil, forbidden("only the host gives roles")
	}
	m := d.r.Member(c.Member)
	switch {
	case c.Role != RoleGuest && c.Role != RoleModerator:
		return nil, protocol.Errorf(protocol.CodeInvalid, "%q is no role to give", c.Role)
	case m == nil:
		return nil, notHere(c.Member)
	case m.ID == d.r.Host:
		return nil, forbidden("hand the room over before you take another role")
	case m.Role == c.Role:
		return nil, nil
	default:
		return []Body{RoleSet(c)}, nil
	}
}

func (d *decider) changeSettings(c ChangeSettings) ([]Body, error) {
	if d.r.Member(d.by.Seat).Role != RoleHost {
		return nil, forbidden("only the host changes the settings")
	}
	s := d.r.Settings
	if c.GuestControl != nil {
		s.GuestControl = *c.GuestControl
	}
	if c.Locked != nil {
		s.Locked = *c.Locked
	}
	if c.PIN != nil {
		s.PIN = *c.PIN
	}
	if c.Title != nil {
		s.Title = *c.Title
	}
	access := c.Changed || s.Locked != d.r.Settings.Locked || s.PIN != d.r.Settings.PIN
	if s == d.r.Settings && !access {
		return nil, nil
	}
	return []Body{SettingsSet{Settings: s, Access: access}}, nil
}

// left is the end of a seat, with all that follows from it: another host, a
// gate that nobody else is waited for, a stop when nobody is left.
func (d *decider) left(id string, reason LeaveReason) []Body {
	bodies := []Body{Left{Member: id, Reason: reason}}
	if id == d.r.Host {
		if next := d.nextHost(id); next != "" {
			bodies = append(bodies, Hosted{Member: next})
		}
	}
	if len(d.r.Members()) == 1 {
		if d.willPlay() {
			bodies = append(bodies, d.stand(CausePause, d.position()))
		}
		if open := d.r.Settings; open.Locked {
			open.Locked = false // or nobody could ever come in again
			bodies = append(bodies, SettingsSet{Settings: open, Access: true})
		}
		return bodies
	}
	if g := d.r.Gate; g != nil && contains(g.Waiting, id) {
		missing := slices.ContainsFunc(g.Waiting, func(w string) bool { return w != id && !contains(g.Ready, w) })
		if !missing {
			bodies = append(bodies, d.start(CauseRelease, d.r.Timeline.Position, false))
		}
	}
	return bodies
}

// nextHost elects the longest-present member that is connected, or the
// longest-present one when none is.
func (d *decider) nextHost(leaving string) string {
	next := ""
	for _, m := range d.r.Members() {
		if m.ID == leaving {
			continue
		}
		if d.hints.connected(m.ID) {
			return m.ID
		}
		if next == "" {
			next = m.ID
		}
	}
	return next
}

func contains(ids []string, id string) bool { return slices.Contains(ids, id) }
