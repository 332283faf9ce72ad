package core

import (
	"context"

	"tandem.watch/tandem/protocol"
)

// Class says how a frame may be treated on its way to a slow peer.
type Class uint8

// Every class.
const (
	// ClassControl arrives, in order.
	ClassControl Class = iota
	// ClassBulk arrives, but nothing else waits for it: history, long lists.
	ClassBulk
	// ClassState is superseded by a newer frame of the same key.
	ClassState
	// ClassEphemeral may be lost.
	ClassEphemeral
)

// Conn is a peer as core knows it: something to send to and to close. The
// transport that made it owns reading. Its methods are called by the room's
// goroutine and by the session's own, and never block.
type Conn interface {
	// Send queues frames in order. It has encoded them when it returns: what
	// their messages point to may change afterwards. It does nothing after Close.
	Send(frames []*Frame)
	// Close sends what is queued, then bye, and ends the connection.
	Close(bye Bye)
}

// Prober is a Conn that can find out whether its peer is still there.
type Prober interface {
	Conn
	// Probe asks the peer for a sign of life and waits for it, at most until ctx
	// ends. It is not called by a room's goroutine.
	Probe(ctx context.Context) bool
}

// Bye says why a connection is closed.
type Bye struct {
	Code protocol.CloseCode
	// AfterMs is how long the peer should wait before it comes back.
	AfterMs int64
}

// MaxEncodings bounds the slots of all encodings in a program.
const MaxEncodings = 8

// Encoding turns messages into the bytes of one dialect on one transport.
type Encoding interface {
	// Slot is the encoding's own number below MaxEncodings: what it has made of
	// a frame is kept there and shared.
	Slot() int
	// Append appends the message's bytes to dst. Nothing appended means that
	// the dialect has no such message.
	Append(dst []byte, m Message) ([]byte, error)
}

// Frame is a message on its way to one or many peers. It is encoded once for
// each encoding; the bytes are shared and must not be changed. A frame belongs
// to one goroutine.
type Frame struct {
	Class Class
	// Key names what a frame of ClassState supersedes.
	Key     string
	Message Message

	encoded [MaxEncodings][]byte
	failed  error
}

// Encode returns the frame's bytes in an encoding: empty when the dialect has
// no such message.
func (f *Frame) Encode(e Encoding) ([]byte, error) {
	slot := &f.encoded[e.Slot()]
	if *slot == nil && f.failed == nil {
		b, err := e.Append(make([]byte, 0, 256), f.Message)
		if err != nil {
			f.failed = err
			return nil, err
		}
		*slot = b
	}
	return *slot, f.failed
}

// Message is something that a peer is told: one of the types below.
type Message interface{ message() }

// Welcomed is the answer to a join: the peer has a seat.
type Welcomed struct {
	Member, Seat string
	// Room is the state to start from, valid during the call only. With Resumed
	// the peer has seen all up to a number, and the events after it follow.
	Room    *Room
	Resumed bool
	// Listed is how many of the room's members are to be told with it; the
	// others follow in pages.
	Listed int
	// Presence lists who is away or buffering.
	Presence []Presence
	// Now is cluster time in microseconds.
	Now int64
}

// MemberPage lists members beyond those of Welcomed.
type MemberPage struct{ Members []*Member }

// Happened tells consecutive events.
type Happened struct {
	Epoch, First, Last uint64
	Events             []Event
	// Room is the room after them, valid during the call only.
	Room *Room
}

// Acked answers a command: done.
type Acked struct{ Command, Number uint64 }

// Refused answers a command, or anything else, with an error.
type Refused struct{ Err *protocol.Error }

// Presence is how a member does now.
type Presence struct {
	Member    string
	Away      bool
	Buffering bool
	// OffsetMs is nil when its player does not play.
	OffsetMs *float64
	RTTMs    float64
}

// PresenceChanged tells how members do.
type PresenceChanged struct{ Members []Presence }

// Reacted shows a reaction.
type Reacted struct{ Member, Reaction string }

// TypingChanged shows that a member types.
type TypingChanged struct {
	Member string
	On     bool
}

// Signalled carries signalling from one member to another. Data is JSON.
type Signalled struct {
	From, To string
	Data     []byte
}

// Relayed carries what only clients of one kind understand. The room knows
// neither the kind nor the data.
type Relayed struct {
	From, Kind string
	Data       []byte
}

// Beat repeats the timeline for clients that keep none themselves. Now is the
// instant that it was told at, in microseconds of cluster time.
type Beat struct {
	Host     string
	Timeline Timeline
	Now      int64
}

// ChatHistory carries chat, oldest first.
type ChatHistory struct {
	Lines []ChatLine
	// More says that there are older lines.
	More bool
}

// ClockRead answers a probe of the clock: T1 is the probe's own, T2 and T3 are
// cluster time in microseconds at receipt and at sending.
type ClockRead struct{ T1, T2, T3 int64 }

// Parted is the last word before a connection is closed.
type Parted struct{ Bye }

func (Welcomed) message()        {}
func (MemberPage) message()      {}
func (Happened) message()        {}
func (Acked) message()           {}
func (Refused) message()         {}
func (PresenceChanged) message() {}
func (Reacted) message()         {}
func (TypingChanged) message()   {}
func (Signalled) message()       {}
func (Relayed) message()         {}
func (Beat) message()            {}
func (ChatHistory) message()     {}
func (ClockRead) message()       {}
func (Parted) message()          {}
