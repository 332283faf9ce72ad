package protocol

import "encoding/json"

// Welcome answers hello: the member is in the room.
type Welcome struct {
	// Member is the receiver's member id.
	Member string `json:"member"`
	// Seat is the seat token: who holds it is this member. Keep it secret.
	Seat string `json:"seat"`
	// Epoch and Number are where the log stands; events go on from Number+1.
	Epoch  uint64 `json:"epoch"`
	Number uint64 `json:"number"`
	// LastCommand is the greatest command id that this seat has used; new
	// commands go on from there. 0 in a new seat.
	LastCommand uint64 `json:"lastCommand,omitempty"`
	// Room is a snapshot at Number. Absent after a resume that could be served
	// from the log: then events after the resumed number follow at once.
	Room *Room `json:"room,omitempty"`
	// Presence lists the members who are not simply connected and playing.
	Presence []Presence `json:"presence,omitempty"`
	// Clock is a first reading of the cluster's clock.
	Clock WelcomeClock `json:"clock"`
	// Endpoints are where else this room can be reached.
	Endpoints []Endpoint `json:"endpoints,omitempty"`
	// ProbeMs is how often to probe the clock.
	ProbeMs ProbeIntervals `json:"probeMs"`
	// ICEServers are for the members' WebRTC connections to each other.
	ICEServers []ICEServer `json:"iceServers,omitempty"`
}

// ICEServer is a STUN or TURN server, in the shape of WebRTC's RTCIceServer.
type ICEServer struct {
	// URLs are of RFC 7064 or RFC 7065.
	URLs []string `json:"urls"`
	// Username and Credential are of TURN. They are this member's, and end.
	Username   string `json:"username,omitempty"`
	Credential string `json:"credential,omitempty"`
}

// WelcomeClock is a reading of the cluster's clock.
type WelcomeClock struct {
	// Time is in microseconds, when welcome was made.
	Time int64 `json:"time"`
}

// ProbeIntervals are in milliseconds.
type ProbeIntervals struct {
	Playing int64 `json:"playing"`
	Idle    int64 `json:"idle"`
}

// Endpoint is an address of a gateway.
type Endpoint struct {
	// Transport is "websocket" or "webtransport".
	Transport string `json:"transport"`
	URL       string `json:"url"`
	// CertificateHashes are the SHA-256 hashes, in base64, of the certificates
	// that it may show, when no authority vouches for them.
	CertificateHashes []string `json:"certificateHashes,omitempty"`
}

// Members carries further members of a large room after welcome.
type Members struct {
	Members []Member `json:"members"`
}

// Events carries events of the room's log, in order, without holes. Its range
// may be wider than its list: an event that concerns no client is counted only.
type Events struct {
	Epoch uint64 `json:"epoch"`
	// First and Last are the range of numbers that this message covers.
	First  uint64  `json:"first"`
	Last   uint64  `json:"last"`
	Events []Event `json:"events"`
}

// Snapshot replaces everything that the receiver knows of the room.
type Snapshot struct {
	Epoch    uint64     `json:"epoch"`
	Number   uint64     `json:"number"`
	Room     *Room      `json:"room"`
	Presence []Presence `json:"presence,omitempty"`
}

// Ack answers a command: it is done, and will not be undone.
type Ack struct {
	ID uint64 `json:"id"`
	// Number is that of the command's last event.
	Number uint64 `json:"number"`
}

// Bye says that the gateway is about to close, and why. The client closes.
type Bye struct {
	Code   CloseCode `json:"code"`
	Reason string    `json:"reason"`
	// AfterMs is how long to wait before connecting again.
	AfterMs int64 `json:"afterMs"`
	// Endpoints, if any, are where to go instead.
	Endpoints []Endpoint `json:"endpoints,omitempty"`
}

// Clock answers a probe, in the manner of NTP (RFC 5905, section 8).
type Clock struct {
	// T1 is the probe's.
	T1 int64 `json:"t1"`
	// T2 and T3 are cluster time in microseconds at receipt and at sending.
	T2 int64 `json:"t2"`
	T3 int64 `json:"t3"`
}

// Presence is how a member does now. It is state: the newest holds.
type Presence struct {
	Member string `json:"member"`
	// Away says that its connection has dropped and its seat is kept for it.
	Away bool `json:"away,omitempty"`
	// Buffering says that its player wants data.
	Buffering bool `json:"buffering,omitempty"`
	// OffsetMs is how far its player is off the timeline; absent when it does not play.
	OffsetMs *float64 `json:"offsetMs,omitempty"`
	// RTTMs is its round trip to its gateway.
	RTTMs float64 `json:"rttMs,omitempty"`
}

// Present carries changes of presence.
type Present struct {
	Members []Presence `json:"members"`
}

// Reaction shows a member's reaction.
type Reaction struct {
	Member   string `json:"member"`
	Reaction string `json:"reaction"`
}

// MemberTyping shows that a member types, or has stopped.
type MemberTyping struct {
	Member string `json:"member"`
	On     bool   `json:"on"`
}

// Signalled carries WebRTC signalling from another member.
type Signalled struct {
	// From is set by the gateway.
	From string          `json:"from"`
	Data json.RawMessage `json:"data"`
}

// History carries chat, oldest first.
type History struct {
	Lines []ChatLine `json:"lines"`
	// More says that there are older lines.
	More bool `json:"more"`
}

// ChatLine is one line of chat as history has it.
type ChatLine struct {
	Number uint64 `json:"number"`
	At     int64  `json:"at"`
	Member string `json:"member"`
	// Name is the member's name when it wrote the line.
	Name string `json:"name"`
	Text string `json:"text"`
}

// Type returns "welcome".
func (*Welcome) Type() string { return "welcome" }

// Type returns "members".
func (*Members) Type() string { return "members" }

// Type returns "events".
func (*Events) Type() string { return "events" }

// Type returns "snapshot".
func (*Snapshot) Type() string { return "snapshot" }

// Type returns "ack".
func (*Ack) Type() string { return "ack" }

// Type returns "error".
func (*Error) Type() string { return "error" }

// Type returns "bye".
func (*Bye) Type() string { return "bye" }

// Type returns "clock".
func (*Clock) Type() string { return "clock" }

// Type returns "presence".
func (*Present) Type() string { return "presence" }

// Type returns "reaction".
func (*Reaction) Type() string { return "reaction" }

// Type returns "typing".
func (*MemberTyping) Type() string { return "typing" }

// Type returns "signal".
func (*Signalled) Type() string { return "signal" }

// Type returns "history".
func (*History) Type() string { return "history" }

func (*Welcome) fromServer()      {}
func (*Members) fromServer()      {}
func (*Events) fromServer()       {}
func (*Snapshot) fromServer()     {}
func (*Ack) fromServer()          {}
func (*Error) fromServer()        {}
func (*Bye) fromServer()          {}
func (*Clock) fromServer()        {}
func (*Present) fromServer()      {}
func (*Reaction) fromServer()     {}
func (*MemberTyping) fromServer() {}
func (*Signalled) fromServer()    {}
func (*History) fromServer()      {}
