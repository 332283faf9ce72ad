package core

// Event is one entry of a room's log.
type Event struct {
	// ID is random; Prev is the ID of the event before, zero for the first.
	// Together they tell two histories with the same numbers apart.
	ID, Prev EventID
	// Epoch is raised when the cluster had to choose between two histories.
	Epoch uint64
	// Number counts the room's events from 1, without gaps, across epochs.
	Number uint64
	// At is cluster time in microseconds, never before the predecessor's.
	At int64
	// By is the command that caused it; zero when the room itself did.
	By Ref
	// Body is what happened.
	Body Body
}

// Ref names a member's command.
type Ref struct {
	// Seat is the member who sent it.
	Seat string
	// Command is its id, which only grows within a seat. Zero is a command
	// without an id: it is never recognised as a repeat.
	Command uint64
	// Sum is a fingerprint of the command's content, so that an id that is used
	// again for something else is noticed.
	Sum uint32
}

// Body is what happened in an event: one of the types below.
type Body interface {
	// kind names the type in stored events, for ever.
	kind() string
}

// Created is the first event of every room.
type Created struct {
	Room     string   `json:"room"`
	Settings Settings `json:"settings"`
	Media    Media    `json:"media"`
}

// Joined gives a new member a seat.
type Joined struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	// Slow marks a member whose client is known to need long to get ready.
	Slow bool `json:"slow,omitempty"`
	// Gateway is where the seat is, by the name that a Feed gave it; "" without one.
	Gateway string `json:"gateway,omitempty"`
}

// Seated says that a connection took over a seat. Generation grows with each,
// so that the end of an older connection is not taken for the member's.
type Seated struct {
	Member     string `json:"member"`
	Generation uint64 `json:"generation"`
	// Fresh says that the client has begun anew and remembers nothing: what it
	// had with other members directly, such as WebRTC, is gone.
	Fresh bool `json:"fresh,omitempty"`
	// Gateway is where the seat is from now on; see Joined.
	Gateway string `json:"gateway,omitempty"`
}

// Left frees a seat for good.
type Left struct {
	Member string      `json:"member"`
	Reason LeaveReason `json:"reason"`
}

// Hosted makes a member host. The host before becomes a guest.
type Hosted struct {
	Member string `json:"member"`
}

// RoleSet gives a member a role other than host.
type RoleSet struct {
	Member string `json:"member"`
	Role   Role   `json:"role"`
}

// Renamed gives a member another name.
type Renamed struct {
	Member string `json:"member"`
	Name   string `json:"name"`
}

// TimelineSet replaces the timeline and closes the ready gate.
type TimelineSet struct {
	Cause    Cause   `json:"cause"`
	Position float64 `json:"position"`
	Rate     float64 `json:"rate"`
	Playing  bool    `json:"playing"`
	// At is the instant at which the timeline is at Position: the event's own
	// time, or later for a scheduled start.
	At int64 `json:"at"`
}

// MediaSet changes what the room watches.
type MediaSet struct {
	Media Media `json:"media"`
}

// Queued adds an item to the queue: its id is the event's number.
type Queued struct {
	Media Media `json:"media"`
	// Member added it, and was called Name then.
	Member string `json:"member"`
	Name   string `json:"name"`
	// Index is its place, counted from 0.
	Index int `json:"index"`
}

// Unqueued takes an item out of the queue.
type Unqueued struct {
	Item   uint64        `json:"item"`
	Reason UnqueueReason `json:"reason"`
}

// Moved gives an item of the queue another place.
type Moved struct {
	Item uint64 `json:"item"`
	// Index is its place afterwards.
	Index int `json:"index"`
}

// GateOpened holds the room until its members are ready.
type GateOpened struct {
	// Waiting are the members that were asked, at most MaxGate.
	Waiting []string `json:"waiting"`
	// Deadline is when the room starts without the rest.
	Deadline int64 `json:"deadline"`
}

// GateReady says that a member is ready for the open gate.
type GateReady struct {
	Member string `json:"member"`
	Gate   uint64 `json:"gate"`
}

// Said is a line of chat.
type Said struct {
	Member string `json:"member"`
	// Name is the member's name at that moment: history outlives members.
	Name string `json:"name"`
	Text string `json:"text"`
}

// SettingsSet replaces the settings.
type SettingsSet struct {
	Settings Settings `json:"settings"`
	// Access says that who may enter has changed: the lock or the PIN.
	Access bool `json:"access,omitempty"`
}

// Unbanned lets a member come again.
type Unbanned struct {
	Member string `json:"member"`
	// Name is what the ban was listed with.
	Name string `json:"name,omitempty"`
}

// Noted records that a command was done and changed nothing, so that its
// repeat gets the same answer whatever has happened since.
type Noted struct{}

func (Created) kind() string     { return "created" }
func (Joined) kind() string      { return "joined" }
func (Seated) kind() string      { return "seated" }
func (Left) kind() string        { return "left" }
func (Hosted) kind() string      { return "hosted" }
func (RoleSet) kind() string     { return "role" }
func (Renamed) kind() string     { return "renamed" }
func (TimelineSet) kind() string { return "timeline" }
func (MediaSet) kind() string    { return "media" }
func (Queued) kind() string      { return "queued" }
func (Unqueued) kind() string    { return "unqueued" }
func (Moved) kind() string       { return "moved" }
func (GateOpened) kind() string  { return "gate" }
func (GateReady) kind() string   { return "ready" }
func (Said) kind() string        { return "chat" }
func (SettingsSet) kind() string { return "settings" }
func (Unbanned) kind() string    { return "unbanned" }
func (Noted) kind() string       { return "noted" }
