package protocol

import (
	"encoding/json"
	"unicode/utf8"
)

// React shows a reaction to everybody. It is not kept.
type React struct {
	// Reaction is an emoji: 1 to 16 characters.
	Reaction string `json:"reaction"`
}

// Typing says that the sender begins or stops typing. It is not kept.
type Typing struct {
	On bool `json:"on"`
}

// Signal carries WebRTC signalling to one member. It is not kept.
type Signal struct {
	// To is the member it is for.
	To string `json:"to"`
	// Data is any JSON value of at most 32 KiB; the gateway does not look inside.
	Data json.RawMessage `json:"data"`
}

// Status reports how the sender's player does, at most twice a second. It
// never moves the timeline; the room's lead and presence are made from it.
type Status struct {
	// Buffering says that the player wants to play and has no data.
	Buffering bool `json:"buffering,omitempty"`
	// OffsetMs is how far the player is off the timeline; positive is ahead.
	// Absent when it does not play.
	OffsetMs *float64 `json:"offsetMs,omitempty"`
	// RTTMs is the sender's round trip to its gateway.
	RTTMs float64 `json:"rttMs,omitempty"`
	// PlayLatencyMs is how long play() takes to start on this device.
	PlayLatencyMs float64 `json:"playLatencyMs,omitempty"`
	// SeekLatencyMs is how long a seek takes on this device.
	SeekLatencyMs float64 `json:"seekLatencyMs,omitempty"`
}

// Probe asks for the gateway's clock; the answer is clock.
type Probe struct {
	// T1 is the sender's clock when it sent this, in microseconds of any origin.
	T1 int64 `json:"t1"`
}

// GetHistory asks for older chat; the answer is history.
type GetHistory struct {
	// Before is the number of the oldest line that the sender has; 0 asks for the newest.
	Before uint64 `json:"before,omitempty"`
	// Limit is the most lines to return: 1 to 100; 0 means 50.
	Limit int `json:"limit,omitempty"`
}

// Type returns "react".
func (*React) Type() string { return "react" }

// Type returns "typing".
func (*Typing) Type() string { return "typing" }

// Type returns "signal".
func (*Signal) Type() string { return "signal" }

// Type returns "status".
func (*Status) Type() string { return "status" }

// Type returns "probe".
func (*Probe) Type() string { return "probe" }

// Type returns "history".
func (*GetHistory) Type() string { return "history" }

func (*React) fromClient()      {}
func (*Typing) fromClient()     {}
func (*Signal) fromClient()     {}
func (*Status) fromClient()     {}
func (*Probe) fromClient()      {}
func (*GetHistory) fromClient() {}

func (m *React) validate() error {
	if isBlank(m.Reaction) {
		return invalid("reaction", "is blank")
	}
	return checkText("reaction", m.Reaction, MaxReaction)
}

func (*Typing) validate() error { return nil }

func (m *Signal) validate() error {
	if len(m.Data) == 0 || len(m.Data) > MaxSignal || !utf8.Valid(m.Data) {
		return invalid("data", "must be JSON of at most %d bytes", MaxSignal)
	}
	return checkText("to", m.To, MaxName)
}

func (m *Status) validate() error {
	const minute = 60_000 // ms; nothing that is worth planning for takes longer
	for field, v := range map[string]float64{"rttMs": m.RTTMs, "playLatencyMs": m.PlayLatencyMs, "seekLatencyMs": m.SeekLatencyMs} {
		if !(v >= 0 && v <= minute) {
			return invalid(field, "must be from 0 to %d", minute)
		}
	}
	if m.OffsetMs != nil && !(*m.OffsetMs >= -MaxPosition*1000 && *m.OffsetMs <= MaxPosition*1000) {
		return invalid("offsetMs", "is out of range")
	}
	return nil
}

func (*Probe) validate() error { return nil }

func (m *GetHistory) validate() error {
	if m.Limit < 0 || m.Limit > MaxHistory {
		return invalid("limit", "must be from 1 to %d", MaxHistory)
	}
	return nil
}
