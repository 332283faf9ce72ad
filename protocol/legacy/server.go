package legacy

import (
	"encoding/json"
	"maps"
	"strconv"

	"tandem.watch/tandem/protocol"
)

// ServerMessage is a message that a gateway sends.
type ServerMessage interface {
	// Type is the message's "type".
	Type() string
	// instant is the eventTimestamp, in ms, if the message has one.
	instant() (ms int64, has bool)
}

// untimed is the part of messages without an eventTimestamp.
type untimed struct{}

func (untimed) instant() (int64, bool) { return 0, false }

// timed is the part of messages with one.
type timed struct {
	// EventTimestamp is in milliseconds of the receiver's clock.
	EventTimestamp int64 `json:"-"`
}

func (t timed) instant() (int64, bool) { return t.EventTimestamp, true }

// User is a member in RoomState.
type User struct {
	UserID   string  `json:"userId"`
	Username *string `json:"username"`
}

// RoomState answers Join. URL is nil where the room is at no page of the site.
type RoomState struct {
	untimed
	RoomID              string  `json:"roomId"`
	URL                 *string `json:"url"`
	CurrentTime         float64 `json:"currentTime"`
	IsPlaying           bool    `json:"isPlaying"`
	HostUserID          *string `json:"hostUserId"`
	GuestControlEnabled bool    `json:"guestControlEnabled"`
	Users               []User  `json:"users"`
	NodeID              string  `json:"nodeId"`
}

// UserJoined tells the others of a join. They offer WebRTC to the member.
type UserJoined struct {
	untimed
	UserID    string  `json:"userId"`
	PeerID    string  `json:"peerId"`
	Username  *string `json:"username"`
	Timestamp int64   `json:"timestamp"`
}

// UserLeft tells that a member is gone.
type UserLeft struct {
	untimed
	UserID    string `json:"userId"`
	PeerID    string `json:"peerId"`
	Timestamp int64  `json:"timestamp"`
}

// HostChanged names the host.
type HostChanged struct {
	untimed
	HostUserID string `json:"hostUserId"`
	Timestamp  int64  `json:"timestamp"`
}

// GuestControl says whether guests may control playback.
type GuestControl struct {
	untimed
	Enabled   bool  `json:"enabled"`
	Timestamp int64 `json:"timestamp"`
}

// UsernameUpdated tells a member's new name.
type UsernameUpdated struct {
	untimed
	UserID    string  `json:"userId"`
	Username  *string `json:"username"`
	Timestamp int64   `json:"timestamp"`
}

// Playback is the gateway's PLAY_PAUSE.
type Playback struct {
	timed
	UserID      string   `json:"userId"`
	Control     string   `json:"control"`
	CurrentTime *float64 `json:"currentTime,omitempty"`
	Timestamp   int64    `json:"timestamp"`
}

// SeekPause sends everybody to a position, where they wait.
type SeekPause struct {
	timed
	UserID      string  `json:"userId"`
	CurrentTime float64 `json:"currentTime"`
	Timestamp   int64   `json:"timestamp"`
}

// Heartbeat is the gateway's HOST_HEARTBEAT.
type Heartbeat struct {
	timed
	UserID      string  `json:"userId"`
	CurrentTime float64 `json:"currentTime"`
	IsPlaying   bool    `json:"isPlaying"`
	Timestamp   int64   `json:"timestamp"`
}

// MovedTo is the gateway's URL_CHANGE.
type MovedTo struct {
	untimed
	UserID      string  `json:"userId"`
	URL         string  `json:"url"`
	CurrentTime float64 `json:"currentTime"`
	Timestamp   int64   `json:"timestamp"`
}

// SyncAnswer is the gateway's SYNC_RESPONSE.
type SyncAnswer struct {
	untimed
	FromUserID      string          `json:"fromUserId"`
	To              string          `json:"to,omitempty"`
	CurrentTime     *float64        `json:"currentTime"`
	IsPlaying       bool            `json:"isPlaying"`
	URL             *string         `json:"url"`
	RespectAutoPlay json.RawMessage `json:"respectAutoPlay,omitempty"`
	Timestamp       int64           `json:"timestamp"`
}

// Signalled is WebRTC signalling from another member.
type Signalled struct {
	untimed
	Kind string
	From string
	To   string
	Data json.RawMessage
}

// Relayed is what another member sent, whatever it is.
type Relayed struct {
	untimed
	Kind      string
	UserID    string
	NodeID    string
	Timestamp int64
	Fields    map[string]json.RawMessage
}

// Pong answers Ping.
type Pong struct {
	untimed
	Timestamp int64 `json:"timestamp"`
}

// Failure is the gateway's ERROR.
type Failure struct {
	untimed
	Message string `json:"message"`
}

// Type implements ServerMessage.
func (RoomState) Type() string { return "ROOM_STATE" }

// Type implements ServerMessage.
func (UserJoined) Type() string { return "USER_JOINED" }

// Type implements ServerMessage.
func (UserLeft) Type() string { return "USER_LEFT" }

// Type implements ServerMessage.
func (HostChanged) Type() string { return "HOST_CHANGED" }

// Type implements ServerMessage.
func (GuestControl) Type() string { return "GUEST_CONTROL" }

// Type implements ServerMessage.
func (UsernameUpdated) Type() string { return "USERNAME_UPDATED" }

// Type implements ServerMessage.
func (Playback) Type() string { return "PLAY_PAUSE" }

// Type implements ServerMessage.
func (SeekPause) Type() string { return "SEEK_PAUSE" }

// Type implements ServerMessage.
func (Heartbeat) Type() string { return "HOST_HEARTBEAT" }

// Type implements ServerMessage.
func (MovedTo) Type() string { return "URL_CHANGE" }

// Type implements ServerMessage.
func (SyncAnswer) Type() string { return "SYNC_RESPONSE" }

// Type implements ServerMessage.
func (s Signalled) Type() string { return s.Kind }

// Type implements ServerMessage.
func (r Relayed) Type() string { return r.Kind }

// Type implements ServerMessage.
func (Pong) Type() string { return "PONG" }

// Type implements ServerMessage.
func (Failure) Type() string { return "ERROR" }

// MarshalJSON writes the fields but for the type.
func (s Signalled) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"from": s.From, "to": s.To, signalFields[s.Kind]: s.Data})
}

// MarshalJSON writes the fields but for the type.
func (r Relayed) MarshalJSON() ([]byte, error) {
	fields := map[string]any{}
	for name, value := range maps.All(r.Fields) {
		fields[name] = value
	}
	delete(fields, "type")
	fields["userId"], fields["nodeId"], fields["timestamp"] = r.UserID, r.NodeID, r.Timestamp
	return json.Marshal(fields)
}

// InstantWidth is how many bytes an eventTimestamp takes, whatever it is, so
// that the messages of all receivers have the same length.
const InstantWidth = 16

// AppendInstant appends an instant, in ms, as InstantWidth bytes of JSON.
func AppendInstant(dst []byte, ms int64) []byte {
	start := len(dst)
	for range InstantWidth {
		dst = append(dst, ' ')
	}
	ms = min(max(ms, 0), maxInstant*2)
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], ms, 10)
	copy(dst[start+InstantWidth-len(text):], text)
	return dst
}

// Append appends m as JSON. hole is where in what it appended the InstantWidth
// bytes of the eventTimestamp are; 0 when m has none.
func Append(dst []byte, m ServerMessage) (out []byte, hole int, err error) {
	start := len(dst)
	dst, err = protocol.Append(dst, m)
	ms, has := m.instant()
	if err != nil || !has {
		return dst, 0, err
	}
	dst = append(dst[:len(dst)-1], `,"eventTimestamp":`...)
	hole = len(dst) - start
	return append(AppendInstant(dst, ms), '}'), hole, nil
}
