package core

import "slices"

// PastKinds says whether a batch means the same when other events come before
// it than those that it was decided on: those of the kinds that it returns, by
// the names that stored events have. None: the batch is to be appended to the
// very head that it was decided on.
//
//   - Words, joins and what moves the timeline let each other pass, as Apply
//     tolerates them. So a room may get a few members more than it should, when
//     several gateways let somebody in at the same time.
//   - What moves the timeline passes words and joins, so that a gateway far away
//     gets its turn in a busy room. It does not pass its own kind.
//   - Nothing passes what decides who may be here, or a departure: the last one
//     to leave, or the host, leaves more behind than a seat.
//   - Nobody else's readiness, nor a departure, passes a readiness: the last one
//     starts the room, and must see that it is the last.
func (b Batch) PastKinds() []string {
	past := map[string]bool{}
	for i, e := range b.Events {
		kinds := passes(e.Body)
		if len(kinds) == 0 {
			return nil
		}
		if i == 0 {
			for _, k := range kinds {
				past[k] = true
			}
			continue
		}
		for k := range past {
			past[k] = past[k] && slices.Contains(kinds, k)
		}
	}
	var list []string
	for k, ok := range past {
		if ok {
			list = append(list, k)
		}
	}
	slices.Sort(list)
	return list
}

// passes names the kinds that may come before an event which was decided
// without them.
func passes(b Body) []string {
	chat, ready, noted, renamed := Said{}.kind(), GateReady{}.kind(), Noted{}.kind(), Renamed{}.kind()
	timeline, media, joined, seated := TimelineSet{}.kind(), MediaSet{}.kind(), Joined{}.kind(), Seated{}.kind()
	queued, unqueued, moved := Queued{}.kind(), Unqueued{}.kind(), Moved{}.kind()
	switch b.(type) {
	case Said:
		return []string{chat, ready, noted, renamed, timeline, media, queued, unqueued, moved, joined, seated, GateOpened{}.kind(), Hosted{}.kind(), RoleSet{}.kind()}
	case Joined, Seated:
		return []string{chat, ready, noted, renamed, timeline, media, queued, unqueued, moved, joined, GateOpened{}.kind()}
	case Left:
		return []string{chat, noted, renamed, media}
	case GateReady:
		return []string{chat, noted, renamed, joined}
	case TimelineSet, MediaSet, Noted:
		return []string{chat, noted, renamed, joined, seated}
	case GateOpened:
		return []string{chat, noted, renamed}
	case Renamed:
		return []string{chat, noted, renamed, timeline, media, queued, unqueued, moved, joined, seated, ready}
	default:
		return nil
	}
}

// Passes says whether a Log may place the batch after what it has missed; see
// Placer.
func (b Batch) Passes(missed []Event, past []string) bool {
	for _, m := range missed {
		if !slices.Contains(past, m.Body.kind()) {
			return false
		}
		for _, e := range b.Events {
			if concerns(m, e.By.Seat) || concerns(m, memberOf(e.Body)) {
				return false
			}
		}
	}
	return true
}

// concerns says whether an event is a member's doing, or about it.
func concerns(e Event, member string) bool {
	return member != "" && (e.By.Seat == member || memberOf(e.Body) == member)
}

// memberOf returns whom an event is about: its stored body's field "member".
func memberOf(b Body) string {
	switch b := b.(type) {
	case Joined:
		return b.Member
	case Seated:
		return b.Member
	case Left:
		return b.Member
	case Hosted:
		return b.Member
	case RoleSet:
		return b.Member
	case Renamed:
		return b.Member
	case GateReady:
		return b.Member
	case Said:
		return b.Member
	case Queued:
		return b.Member
	default:
		return ""
	}
}
