package protocol

// EventType is what happened; the field of the same name holds the details.
type EventType string

// Every type of event that clients see.
const (
	EventJoined   EventType = "joined"
	EventLeft     EventType = "left"
	EventHost     EventType = "host"
	EventRole     EventType = "role"
	EventRenamed  EventType = "renamed"
	EventTimeline EventType = "timeline"
	EventMedia    EventType = "media"
	EventQueued   EventType = "queued"
	EventUnqueued EventType = "unqueued"
	EventMoved    EventType = "moved"
	EventGate     EventType = "gate"
	EventReady    EventType = "ready"
	EventChat     EventType = "chat"
	EventSettings EventType = "settings"
	EventUnbanned EventType = "unbanned"
)

// Event is one entry of the room's log, as clients see it.
type Event struct {
	// Number is its place in the log.
	Number uint64    `json:"number"`
	Type   EventType `json:"type"`
	// At is when it happened, in microseconds of cluster time; never before its predecessor's.
	At int64 `json:"at"`
	// By is the member whose command caused it; absent when the room did.
	By string `json:"by,omitempty"`
	// Command is that command's id.
	Command uint64 `json:"command,omitempty"`

	// Exactly one of these is set: the one that Type names.
	Joined   *Member       `json:"joined,omitempty"`
	Left     *Left         `json:"left,omitempty"`
	Host     *Host         `json:"host,omitempty"`
	Role     *RoleChange   `json:"role,omitempty"`
	Renamed  *Renamed      `json:"renamed,omitempty"`
	Timeline *Change       `json:"timeline,omitempty"`
	Media    *Media        `json:"media,omitempty"`
	Queued   *Queued       `json:"queued,omitempty"`
	Unqueued *Unqueued     `json:"unqueued,omitempty"`
	Moved    *Moved        `json:"moved,omitempty"`
	Gate     *Gate         `json:"gate,omitempty"`
	Ready    *ReadyMember  `json:"ready,omitempty"`
	Chat     *Chat         `json:"chat,omitempty"`
	Settings *Settings     `json:"settings,omitempty"`
	Unbanned *BannedMember `json:"unbanned,omitempty"`
}

// LeaveReason says why a member is gone.
type LeaveReason string

// Every reason to be gone.
const (
	LeftLeft    LeaveReason = "left"    // by itself
	LeftExpired LeaveReason = "expired" // its connection dropped and it did not come back
	LeftRemoved LeaveReason = "removed"
	LeftBanned  LeaveReason = "banned"
)

// Left says that a member is gone for good.
type Left struct {
	Member string      `json:"member"`
	Reason LeaveReason `json:"reason"`
}

// Host names the new host; "" when nobody is left.
type Host struct {
	Member string `json:"member"`
}

// RoleChange gives a member a role.
type RoleChange struct {
	Member string `json:"member"`
	Role   Role   `json:"role"`
}

// Renamed gives a member another name.
type Renamed struct {
	Member string `json:"member"`
	Name   string `json:"name"`
}

// Cause says what changed the timeline.
type Cause string

// Every cause.
const (
	CausePlay    Cause = "play"
	CausePause   Cause = "pause"
	CauseSeek    Cause = "seek"
	CauseRate    Cause = "rate"
	CauseMedia   Cause = "media"   // other media: back to 0
	CauseRelease Cause = "release" // the ready gate opened the way
)

// Change is a new timeline. It closes the ready gate, if one was open.
type Change struct {
	Timeline
	Cause Cause `json:"cause"`
}

// Queued adds an item to the queue.
type Queued struct {
	Item QueueItem `json:"item"`
	// Index is its place there, counted from 0.
	Index int `json:"index"`
}

// UnqueueReason says why an item is no longer in the queue.
type UnqueueReason string

// Every reason to leave the queue.
const (
	UnqueuedPlayed  UnqueueReason = "played" // it becomes the media
	UnqueuedRemoved UnqueueReason = "removed"
)

// Unqueued takes an item out of the queue.
type Unqueued struct {
	Item   uint64        `json:"item"`
	Reason UnqueueReason `json:"reason"`
}

// Moved gives an item of the queue another place.
type Moved struct {
	Item uint64 `json:"item"`
	// Index is its place afterwards, counted from 0.
	Index int `json:"index"`
}

// ReadyMember says that a member is ready for the gate of that number.
type ReadyMember struct {
	Member string `json:"member"`
	Gate   uint64 `json:"gate"`
}

// Chat is a line of chat.
type Chat struct {
	Member string `json:"member"`
	Text   string `json:"text"`
}
