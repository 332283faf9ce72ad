package protocol

import "time"

// Version is the protocol version that this package speaks; hello names it.
const Version = 1

// Subprotocol is what a WebSocket client asks for on /v1/ws.
const Subprotocol = "tandem.v1"

// Limits of version 1. Lengths of texts count Unicode code points.
const (
	// MaxMessage is the largest message in bytes, in either direction.
	MaxMessage = 64 << 10
	// MaxRoomID is the longest room id.
	MaxRoomID = 50
	// MaxName is the longest display name.
	MaxName = 50
	// MaxPIN is the longest PIN.
	MaxPIN = 32
	// MaxChat is the longest line of chat.
	MaxChat = 500
	// MaxReaction is the longest reaction: one emoji, with its modifiers.
	MaxReaction = 16
	// MaxURL is the longest media URL in bytes.
	MaxURL = 2048
	// MaxTitle is the longest media title.
	MaxTitle = 200
	// MaxRoomTitle is the longest title of a room.
	MaxRoomTitle = 100
	// MaxSubtitles is how many subtitles a medium may have; MaxLabel and MaxLang
	// are the longest label and language tag of one.
	MaxSubtitles = 8
	MaxLabel     = 50
	MaxLang      = 35
	// MaxMedia is the largest medium in bytes, as JSON.
	MaxMedia = 8 << 10
	// MaxQueue is how many items a queue holds, and MaxQueueBytes how many bytes
	// as JSON, so that it fits into a snapshot whole.
	MaxQueue      = 100
	MaxQueueBytes = 32 << 10
	// MaxSignal is the largest payload of a signal in bytes.
	MaxSignal = 32 << 10
	// MaxPosition is the last position in seconds: about 115 days.
	MaxPosition = 1e7
	// MinRate and MaxRate bound the playback rate.
	MinRate = 0.25
	MaxRate = 4.0
	// MaxHistory is the most chat lines that one history request returns.
	MaxHistory = 100
	// MaxInFlight is how many commands a client may have unanswered; a room
	// remembers at least this many answers of each seat for its retries.
	MaxInFlight = 64
	// MembersPage is the most members in one welcome or members message.
	MembersPage = 100
)

// Times of version 1, for clients; a gateway announces the probe's in welcome.
const (
	// ProbePlaying is the time between clock probes while the room plays.
	ProbePlaying = 2 * time.Second
	// ProbeIdle is the time between clock probes otherwise.
	ProbeIdle = 15 * time.Second
	// SilenceLimit is after how long without any message a gateway drops a session.
	SilenceLimit = 40 * time.Second
)
