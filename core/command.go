package core

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"
)

// Command is something that a member, or the room itself, wants to happen.
type Command interface {
	// name distinguishes commands of equal content in their fingerprint.
	name() string
}

// Create makes the room. The first member is its host.
type Create struct {
	Settings Settings
	Media    Media
	// Member, Name and Slow are the host's; see Joined.
	Member, Name string
	Slow         bool
	Gateway      string
}

// Join takes a new seat. Whether the PIN was right and nobody is banned has
// been checked against the room's Access; if that has moved on since, the
// answer is ErrAccessChanged and the check is to be made again.
type Join struct {
	Member, Name string
	Access       uint64
	Slow         bool
	// Gateway is where the connection is; see Joined.
	Gateway string
}

// Attach lets another connection take over a seat. With a Generation it is
// answered with ErrAccessChanged when the seat is in other hands since.
type Attach struct {
	Member     string
	Generation uint64
	// Fresh says that the client has begun anew; see Seated.
	Fresh bool
	// Foreign says that it comes from elsewhere and that nothing proves it to be
	// the same client: it gets the seat, not the member's rank.
	Foreign bool
	// Gateway is where the connection is; see Joined.
	Gateway string
}

// Depart gives up the seat of a member whose connection is gone. It is refused
// when another connection has taken the seat over since.
type Depart struct {
	Member     string
	Generation uint64
}

// Leave gives up the sender's seat.
type Leave struct{}

// Play starts the timeline; see protocol.Play.
type Play struct {
	Position *float64
	Wait     bool
	// Since is when the sender, which plays already, was at Position, in
	// microseconds of cluster time: the room joins it. 0 means that it stands
	// there, and starts with the others.
	Since int64 `json:",omitempty"`
}

// Pause stops the timeline.
type Pause struct{ Position *float64 }

// Seek moves the timeline; see protocol.Seek.
type Seek struct {
	Position float64
	Play     *bool
	Wait     bool
	// Since is as in Play.
	Since int64 `json:",omitempty"`
}

// SetRate changes the playback rate.
type SetRate struct{ Rate float64 }

// SetMedia changes what the room watches. It stands at Position, in seconds.
type SetMedia struct {
	Media    Media
	Position float64 `json:",omitempty"`
}

// Enqueue adds to the queue: last, or with Next in front.
type Enqueue struct {
	Media Media
	Next  bool
}

// Unqueue takes an item out of the queue.
type Unqueue struct{ Item uint64 }

// Move puts an item of the queue in front of another; without Before, last.
type Move struct{ Item, Before uint64 }

// Next goes on to an item of the queue, or to its first, unless the room has
// gone on from the media numbered After already; see protocol.Next.
type Next struct {
	After, Item uint64
	Play        *bool
	Wait        bool
}

// Ready says that the sender is ready for a gate.
type Ready struct{ Gate uint64 }

// OpenGate is the ready gate's timer: it lets the room go when the gate's
// deadline, or its soft wait after the quorum, is over.
type OpenGate struct{ Gate uint64 }

// Say adds a line to the chat.
type Say struct{ Text string }

// Rename changes the sender's name.
type Rename struct{ Name string }

// ChangeSettings changes what is not nil.
type ChangeSettings struct {
	GuestControl, Locked *bool
	// PIN says whether there is one now. Its hash travels as a secret beside
	// the command; Changed says that it is another one than before. A repeat
	// finds the PIN changed already, so that this is no part of the fingerprint.
	PIN     *bool
	Changed bool `json:"-"`
	// Title is left out of the fingerprint when it is nil, as before there were titles.
	Title *string `json:",omitempty"`
}

// Transfer makes another member host.
type Transfer struct{ Member string }

// GiveRole changes a member's role.
type GiveRole struct {
	Member string
	Role   Role
}

// Remove removes a member.
type Remove struct {
	Member string
	Ban    bool
}

// Unban lets a banned member come again.
type Unban struct{ Member string }

func (Create) name() string         { return "create" }
func (Join) name() string           { return "join" }
func (Attach) name() string         { return "attach" }
func (Depart) name() string         { return "depart" }
func (Leave) name() string          { return "leave" }
func (Play) name() string           { return "play" }
func (Pause) name() string          { return "pause" }
func (Seek) name() string           { return "seek" }
func (SetRate) name() string        { return "rate" }
func (SetMedia) name() string       { return "media" }
func (Enqueue) name() string        { return "enqueue" }
func (Unqueue) name() string        { return "unqueue" }
func (Move) name() string           { return "move" }
func (Next) name() string           { return "next" }
func (Ready) name() string          { return "ready" }
func (OpenGate) name() string       { return "open gate" }
func (Say) name() string            { return "say" }
func (Rename) name() string         { return "rename" }
func (ChangeSettings) name() string { return "settings" }
func (Transfer) name() string       { return "transfer" }
func (GiveRole) name() string       { return "role" }
func (Remove) name() string         { return "remove" }
func (Unban) name() string          { return "unban" }

// Sum returns the fingerprint of a command's content.
func Sum(c Command) uint32 {
	h := fnv.New32a()
	body, err := json.Marshal(c)
	if err != nil {
		// Only values that no checked command holds (NaN) cannot be encoded.
		body = fmt.Append(nil, err)
	}
	_, _ = h.Write([]byte(c.name()))
	_, _ = h.Write(body)
	return h.Sum32()
}

// Hints are what a decision takes into account beside the log. They come from
// the gateway that decides, so that Decide itself stays a function.
type Hints struct {
	// Lead is how far ahead a start is scheduled so that all can start together;
	// SeekLead is added when they have to seek first.
	Lead, SeekLead time.Duration
	// Connected says whether a member has a live connection; nil means all have.
	Connected func(member string) bool
	// MaxMembers bounds the room; 0 is no bound.
	MaxMembers int
}

func (h Hints) connected(member string) bool { return h.Connected == nil || h.Connected(member) }
