package core

import "tandem.watch/tandem/protocol"

// What things take on the wire at most, in bytes: JSON's field names and
// numbers by a constant, and its texts as they are. Messages are made of what
// fits by these weights; a test holds them to the encoding.

// weigh is the weight of an event.
func weigh(e Event) int {
	const frame = 320 // field names, numbers, ids of v1 members
	switch b := e.Body.(type) {
	case Said:
		return frame + 2*len(b.Text)
	case MediaSet:
		return frame + weighMedia(b.Media)
	case Queued:
		return frame + weighMedia(b.Media) + weighText(b.Name) + weighText(b.Member)
	case Joined:
		return frame + weighText(b.Name) + weighText(b.Member)
	case Renamed:
		return frame + weighText(b.Name) + weighText(b.Member)
	case Unbanned:
		return frame + weighText(b.Name) + weighText(b.Member)
	case SettingsSet:
		return frame + weighText(b.Settings.Title)
	case GateOpened:
		return frame + weighIDs(b.Waiting)
	default:
		return frame
	}
}

// weighRoom is the weight of a snapshot without its members.
func weighRoom(r *Room) int {
	const frame = 640
	n := frame + weighText(r.ID) + weighText(r.Host) + weighText(r.Settings.Title) + weighMedia(r.Media)
	for _, q := range r.Queue {
		n += 64 + weighMedia(q.Media) + weighText(q.Member) + weighText(q.Name)
	}
	for _, b := range r.Banned {
		n += 24 + weighText(b.Member) + weighText(b.Name)
	}
	if g := r.Gate; g != nil {
		n += 128 + weighIDs(g.Waiting) + weighIDs(g.Ready)
	}
	return n
}

func weighMember(m *Member) int { return 72 + weighText(m.ID) + weighText(m.Name) }

func weighPresence(p Presence) int { return 128 + weighText(p.Member) }

// weighLine is generous: a page of history is made for a slow line too.
func weighLine(l ChatLine) int { return 320 + 2*(len(l.Text)+len(l.Name)) }

func weighMedia(m Media) int {
	n := 96 + weighText(m.URL) + weighText(m.Title)
	for _, s := range m.Subtitles {
		n += 32 + weighText(s.URL) + weighText(s.Label) + weighText(s.Lang)
	}
	return n
}

func weighIDs(ids []string) int {
	n := 0
	for _, id := range ids {
		n += 1 + weighText(id)
	}
	return n
}

// weighText is how many bytes a text takes between quotes, with all that JSON
// escapes in it.
func weighText(s string) int {
	n := 2 + len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\':
			n++
		case c < ' ':
			n += 5
		case c == 0xe2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2]&^1 == 0xa8: // U+2028 and U+2029
			n += 3
		}
	}
	return n
}

// welcomeReserve is what a gateway adds to a welcome beside the room: the seat,
// its addresses, the servers for WebRTC.
const welcomeReserve = 8 << 10

// fitting is how many of a list's first entries weigh no more than room, at
// most protocol.MembersPage, and what is left of room then.
func fitting[T any](list []T, weight func(T) int, room int) (n, left int) {
	for n < min(len(list), protocol.MembersPage) && weight(list[n]) <= room {
		room -= weight(list[n])
		n++
	}
	return n, room
}
