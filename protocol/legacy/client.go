package legacy

import (
	"encoding/json"

	"tandem.watch/tandem/protocol"
)

// ClientMessage is a message that the extension sends.
type ClientMessage interface {
	// Type is the message's "type".
	Type() string
	check() error
}

// Join enters a room, which it makes if there is none. On a connection that has
// joined already it enters again, or another room.
type Join struct {
	RoomID string `json:"roomId"`
	UserID string `json:"userId"`
	// Username is "" when there is none. PIN likewise.
	Username string `json:"username"`
	PIN      string `json:"pin"`
	// Timestamp is the client's clock when it sent this.
	Timestamp *float64 `json:"timestamp"`
}

// Ping asks for a Pong.
type Ping struct {
	// Timestamp is the client's clock when it sent this.
	Timestamp *float64 `json:"timestamp"`
}

// UpdateUsername gives the sender another name; "" none.
type UpdateUsername struct {
	Username string `json:"username"`
}

// ToggleGuestControl says whether guests may control playback.
type ToggleGuestControl struct {
	Enabled *bool `json:"enabled"`
}

// TransferHost hands the room over.
type TransferHost struct {
	TargetUserID string `json:"targetUserId"`
}

// Controls of PlayPause and Playback.
const (
	Play  = "play"
	Pause = "pause"
)

// PlayPause says that the sender has begun to play, or has paused.
type PlayPause struct {
	Control string `json:"control"`
	// CurrentTime is nil when it says nothing of the position.
	CurrentTime *float64 `json:"currentTime"`
	// EventTimestamp is when it did so, by the client's clock; may be nil.
	EventTimestamp *float64 `json:"eventTimestamp"`
}

// Seek says that the sender has moved, and whether it played.
type Seek struct {
	CurrentTime    *float64 `json:"currentTime"`
	IsPlaying      bool     `json:"isPlaying"`
	EventTimestamp *float64 `json:"eventTimestamp"`
}

// Ready says that the sender can play from where a SeekPause sent it.
type Ready struct {
	TargetTime *float64 `json:"targetTime"`
}

// HostHeartbeat says where the host is.
type HostHeartbeat struct {
	CurrentTime    *float64 `json:"currentTime"`
	IsPlaying      bool     `json:"isPlaying"`
	EventTimestamp *float64 `json:"eventTimestamp"`
}

// PositionUpdate says where the sender is.
type PositionUpdate struct {
	CurrentTime *float64 `json:"currentTime"`
	IsPlaying   bool     `json:"isPlaying"`
}

// URLChange says that the sender has gone to another page.
type URLChange struct {
	URL         string   `json:"url"`
	CurrentTime *float64 `json:"currentTime"`
}

// RequestSync asks for a SyncAnswer.
type RequestSync struct{}

// SyncResponse answers another member.
type SyncResponse struct {
	To              string          `json:"to"`
	CurrentTime     *float64        `json:"currentTime"`
	IsPlaying       bool            `json:"isPlaying"`
	URL             string          `json:"url"`
	RespectAutoPlay json.RawMessage `json:"respectAutoPlay"`
}

// Types of Signal and Signalled.
const (
	Offer        = "OFFER"
	Answer       = "ANSWER"
	ICECandidate = "ICE_CANDIDATE"
)

// Signal is WebRTC signalling for one member. Data is the offer, the answer or
// the candidate: any JSON.
type Signal struct {
	Kind string
	To   string
	Data json.RawMessage
}

// Leave gives up the sender's seat. Both ids may be "".
type Leave struct {
	RoomID string `json:"roomId"`
	UserID string `json:"userId"`
}

// Other is any other message: it is passed on.
type Other struct {
	Kind   string
	Fields map[string]json.RawMessage
}

// Type implements ClientMessage.
func (*Join) Type() string { return "JOIN" }

// Type implements ClientMessage.
func (*Ping) Type() string { return "PING" }

// Type implements ClientMessage.
func (*UpdateUsername) Type() string { return "UPDATE_USERNAME" }

// Type implements ClientMessage.
func (*ToggleGuestControl) Type() string { return "TOGGLE_GUEST_CONTROL" }

// Type implements ClientMessage.
func (*TransferHost) Type() string { return "TRANSFER_HOST" }

// Type implements ClientMessage.
func (*PlayPause) Type() string { return "PLAY_PAUSE" }

// Type implements ClientMessage.
func (*Seek) Type() string { return "SEEK" }

// Type implements ClientMessage.
func (*Ready) Type() string { return "READY" }

// Type implements ClientMessage.
func (*HostHeartbeat) Type() string { return "HOST_HEARTBEAT" }

// Type implements ClientMessage.
func (*PositionUpdate) Type() string { return "POSITION_UPDATE" }

// Type implements ClientMessage.
func (*URLChange) Type() string { return "URL_CHANGE" }

// Type implements ClientMessage.
func (*RequestSync) Type() string { return "REQUEST_SYNC" }

// Type implements ClientMessage.
func (*SyncResponse) Type() string { return "SYNC_RESPONSE" }

// Type implements ClientMessage.
func (s *Signal) Type() string { return s.Kind }

// Type implements ClientMessage.
func (*Leave) Type() string { return "LEAVE" }

// Type implements ClientMessage.
func (o *Other) Type() string { return o.Kind }

func (m *Join) check() error {
	switch {
	case m.RoomID == "" || m.UserID == "":
		return protocol.Errorf(protocol.CodeInvalid, "Missing roomId or userId")
	case m.UserID == Server:
		return protocol.Errorf(protocol.CodeInvalid, "userId %q is the server's own", Server)
	}
	return first(
		checkID("roomId", m.RoomID), checkID("userId", m.UserID), checkName(&m.Username), checkPIN(m.PIN),
		checkInstant("timestamp", &m.Timestamp),
	)
}

func (m *Ping) check() error           { return checkInstant("timestamp", &m.Timestamp) }
func (m *UpdateUsername) check() error { return checkName(&m.Username) }

func (m *ToggleGuestControl) check() error {
	if m.Enabled == nil {
		return missing("enabled")
	}
	return nil
}

func (m *TransferHost) check() error { return needID("targetUserId", m.TargetUserID) }

func (m *PlayPause) check() error {
	if m.Control != Play && m.Control != Pause {
		return protocol.Errorf(protocol.CodeInvalid, `control must be "play" or "pause"`)
	}
	return first(checkPosition("currentTime", m.CurrentTime), checkInstant("eventTimestamp", &m.EventTimestamp))
}

func (m *Seek) check() error {
	return first(needPosition("currentTime", m.CurrentTime), checkInstant("eventTimestamp", &m.EventTimestamp))
}

func (m *Ready) check() error { return checkPosition("targetTime", m.TargetTime) }

func (m *HostHeartbeat) check() error {
	return first(needPosition("currentTime", m.CurrentTime), checkInstant("eventTimestamp", &m.EventTimestamp))
}

func (m *PositionUpdate) check() error { return needPosition("currentTime", m.CurrentTime) }

func (m *URLChange) check() error {
	if m.URL == "" {
		return missing("url")
	}
	return first(CheckURL(m.URL), checkPosition("currentTime", m.CurrentTime))
}

func (*RequestSync) check() error { return nil }

func (m *SyncResponse) check() error {
	if !IsWatchPage(m.URL) {
		m.URL = "" // its receiver would go there
	}
	return first(needID("to", m.To), checkPosition("currentTime", m.CurrentTime))
}

func (s *Signal) check() error {
	if len(s.Data) == 0 {
		return missing(signalFields[s.Kind])
	}
	if len(s.Data) > MaxSignal {
		return protocol.Errorf(protocol.CodeInvalid, "%s has more than %d bytes", signalFields[s.Kind], MaxSignal)
	}
	return needID("to", s.To)
}

func (*Leave) check() error { return nil }
func (*Other) check() error { return nil }
