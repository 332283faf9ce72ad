package protocol

import "strings"

// Role is what a member may do.
type Role string

// Every role. The host is named by the room; its role is RoleHost too.
const (
	RoleGuest     Role = "guest"     // may chat; may control playback when guest control is on
	RoleModerator Role = "moderator" // may control playback always, remove and ban guests
	RoleHost      Role = "host"      // may do everything
)

// MediaKind says where a member gets the picture from.
type MediaKind string

// Every kind of media.
const (
	MediaURL  MediaKind = "url"  // everybody loads Media.URL
	MediaFile MediaKind = "file" // everybody opens their own copy
	MediaClip MediaKind = "clip" // the gateway's built-in test clip
)

// Media is what the room watches.
type Media struct {
	Kind MediaKind `json:"kind"`
	// URL is set for MediaURL only: absolute, http or https.
	URL string `json:"url,omitempty"`
	// Title is shown to people: at most 200 characters.
	Title string `json:"title,omitempty"`
	// DurationMs lets members warn when their own file differs; 0 is unknown.
	DurationMs int64 `json:"durationMs,omitempty"`
	// Subtitles may be chosen by each member: at most 8, of every kind of media.
	Subtitles []Subtitle `json:"subtitles,omitempty"`
}

// Subtitle is a track of subtitles in WebVTT.
type Subtitle struct {
	// URL is absolute, http or https.
	URL string `json:"url"`
	// Label is shown to people: at most 50 characters.
	Label string `json:"label,omitempty"`
	// Lang is the language's tag (RFC 5646), such as "pt-BR".
	Lang string `json:"lang,omitempty"`
}

// QueueItem is something that comes next.
type QueueItem struct {
	// ID is the number of the event that added it.
	ID    uint64 `json:"id"`
	Media Media  `json:"media"`
	// Member added it, and was called Name then.
	Member string `json:"member"`
	Name   string `json:"name"`
}

// Member is one seat of the room.
type Member struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role Role   `json:"role"`
	// JoinedAt is cluster time in microseconds.
	JoinedAt int64 `json:"joinedAt"`
}

// Timeline is where the room is in its media, as a motion vector: at instant
// At the position is Position, and from then on it moves by Rate seconds a
// second if Playing. Before At it stands at Position: a scheduled start.
type Timeline struct {
	// Position is in seconds of the media.
	Position float64 `json:"position"`
	// Rate is the chosen playback rate, also while paused.
	Rate    float64 `json:"rate"`
	Playing bool    `json:"playing"`
	// At is an instant of cluster time in microseconds.
	At int64 `json:"at"`
	// Number is the number of the event that set this timeline: of two
	// timelines the one with the greater number holds.
	Number uint64 `json:"number"`
}

// PositionAt returns the position in seconds at an instant of cluster time.
func (t Timeline) PositionAt(at int64) float64 {
	if !t.Playing || at <= t.At {
		return t.Position
	}
	return t.Position + float64(at-t.At)/1e6*t.Rate
}

// Gate is an open ready gate: the room stands still until enough are ready.
type Gate struct {
	// Number is the number of the event that opened it, and its name.
	Number uint64 `json:"number"`
	// Waiting lists who was asked, at most 100 members; Ready who has answered.
	Waiting []string `json:"waiting"`
	Ready   []string `json:"ready,omitempty"`
	// Needed is how many of them suffice.
	Needed int `json:"needed"`
	// Deadline is the instant at which the room starts without the rest.
	Deadline int64 `json:"deadline"`
}

// Settings are the room's switches.
type Settings struct {
	GuestControl bool `json:"guestControl"`
	Locked       bool `json:"locked"`
	// PIN says whether one is asked; the PIN itself is never told.
	PIN bool `json:"pin"`
	// Title is what the room is called: at most 100 characters; "" is no title.
	Title string `json:"title,omitempty"`
}

// Room is a snapshot of the room as the log has it.
type Room struct {
	ID string `json:"id"`
	// Host is the host's member id; "" in an empty room.
	Host     string   `json:"host,omitempty"`
	Settings Settings `json:"settings"`
	Media    Media    `json:"media"`
	// MediaNumber is the number of the event that set Media: what next comes after.
	MediaNumber uint64 `json:"mediaNumber,omitempty"`
	// Queue is what comes next, in order.
	Queue    []QueueItem `json:"queue,omitempty"`
	Timeline Timeline    `json:"timeline"`
	Gate     *Gate       `json:"gate,omitempty"`
	// Members are in the order of joining: the first ones, at most 100. The
	// others follow in members messages; MemberCount counts all.
	Members     []Member `json:"members"`
	MemberCount int      `json:"memberCount"`
	// Banned lists who is kept out.
	Banned []BannedMember `json:"banned,omitempty"`
}

// BannedMember names somebody who is kept out.
type BannedMember struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// crockford is Crockford's base 32: no I, L, O, U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// ParseRoomCode turns a room code as people type it (dashes, spaces, lower
// case, O for 0, I or L for 1) into the room's id of 12 characters. ok is
// false when it is no such code; the text may still be a legacy room id.
func ParseRoomCode(typed string) (id string, ok bool) {
	var b strings.Builder
	for _, r := range typed {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		switch r {
		case '-', ' ':
			continue
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		if !strings.ContainsRune(crockford, r) || b.Len() == 12 {
			return "", false
		}
		b.WriteRune(r)
	}
	if b.Len() != 12 {
		return "", false
	}
	return b.String(), true
}

// RoomCode makes a room id from 60 random bits.
func RoomCode(random uint64) string {
	var b [12]byte
	for i := range b {
		b[i] = crockford[random&31]
		random >>= 5
	}
	return string(b[:])
}

// FormatRoomCode shows a room id that is a code as 4-4-4; others, legacy ones,
// stay as they are.
func FormatRoomCode(id string) string {
	if parsed, ok := ParseRoomCode(id); !ok || parsed != id {
		return id
	}
	return id[:4] + "-" + id[4:8] + "-" + id[8:]
}
