package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tandem.watch/tandem/protocol"
)

// Bounds of a room's state.
const (
	// MaxChat is how many lines of chat a room remembers for newcomers.
	MaxChat = 200
	// MaxBanned is how many banned members a room lists; the oldest fall out.
	MaxBanned = 50
	// MaxGate is how many members a ready gate waits for at most.
	MaxGate = 100
	// maxAnswers is how many answers to commands are kept of each seat.
	maxAnswers = protocol.MaxInFlight
)

// The ready gate's times.
const (
	// GateWait is how long a gate waits for its members.
	GateWait = 3 * time.Second
	// GateWaitSlow is how long when one of them is known to be slow.
	GateWaitSlow = 7 * time.Second
	// GateSoft is how long it still waits for all once enough are ready.
	GateSoft = 500 * time.Millisecond
)

// Role is what a member may do.
type Role string

// Every role. There is one host, named by Room.Host.
const (
	RoleGuest     Role = "guest"
	RoleModerator Role = "moderator"
	RoleHost      Role = "host"
)

// LeaveReason says why a member is gone.
type LeaveReason string

// Every reason to be gone.
const (
	LeftSelf    LeaveReason = "left"
	LeftExpired LeaveReason = "expired"
	LeftRemoved LeaveReason = "removed"
	LeftBanned  LeaveReason = "banned"
)

// Cause says what changed the timeline.
type Cause string

// Every cause.
const (
	CausePlay    Cause = "play"
	CausePause   Cause = "pause"
	CauseSeek    Cause = "seek"
	CauseRate    Cause = "rate"
	CauseMedia   Cause = "media"
	CauseRelease Cause = "release"
)

// Settings are the room's switches.
type Settings struct {
	// GuestControl lets every member control playback and media.
	GuestControl bool `json:"guestControl"`
	// Locked keeps new members out.
	Locked bool `json:"locked,omitempty"`
	// PIN says that new members need one; its hash is among the log's secrets.
	PIN bool `json:"pin,omitempty"`
	// Title is what the room is called; "" is no title.
	Title string `json:"title,omitempty"`
}

// Timeline is a motion vector on the cluster's clock.
type Timeline struct {
	// Position is in seconds, Rate in media seconds per second.
	Position float64 `json:"position"`
	Rate     float64 `json:"rate"`
	Playing  bool    `json:"playing"`
	// At is the instant, in microseconds of cluster time, when it is at Position.
	At int64 `json:"at"`
	// Number is that of the event that set it.
	Number uint64 `json:"number"`
}

// PositionAt returns the position in seconds at an instant of cluster time.
func (t Timeline) PositionAt(at int64) float64 {
	if !t.Playing || at <= t.At {
		return t.Position
	}
	return t.Position + float64(at-t.At)/1e6*t.Rate
}

// Gate is an open ready gate.
type Gate struct {
	Number  uint64   `json:"number"`
	Waiting []string `json:"waiting"`
	Ready   []string `json:"ready,omitempty"`
	// Deadline is when the room starts without the rest.
	Deadline int64 `json:"deadline"`
	// QuorumAt is when enough members were ready; 0 before.
	QuorumAt int64 `json:"quorumAt,omitempty"`
}

// Needed is how many members suffice: 60 %, rounded up, at least one.
func (g *Gate) Needed() int { return max(1, (len(g.Waiting)*6+9)/10) }

// Complete says whether everybody is ready.
func (g *Gate) Complete() bool { return len(g.Ready) >= len(g.Waiting) }

// due returns the instant at which the gate opens by itself.
func (g *Gate) due() int64 {
	if g.QuorumAt != 0 {
		return min(g.Deadline, g.QuorumAt+GateSoft.Microseconds())
	}
	return g.Deadline
}

// Member is a seat of the room.
type Member struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Role       Role   `json:"role"`
	JoinedAt   int64  `json:"joinedAt"`
	Generation uint64 `json:"generation"`
	Slow       bool   `json:"slow,omitempty"`
	// Gateway is the one that the seat's connection is, or was last, on.
	Gateway string `json:"gateway,omitempty"`
	// LastCommand is the greatest command id done; Answers are the last ones.
	LastCommand uint64   `json:"lastCommand,omitempty"`
	Answers     []Answer `json:"answers,omitempty"`
}

// Answer is what a done command was answered with.
type Answer struct {
	Command uint64 `json:"c"`
	Sum     uint32 `json:"s"`
	// Number is that of the command's last event.
	Number uint64 `json:"n"`
}

// ChatLine is a line of chat that newcomers are shown.
type ChatLine struct {
	Number uint64 `json:"number"`
	At     int64  `json:"at"`
	Member string `json:"member"`
	Name   string `json:"name"`
	Text   string `json:"text"`
}

// Banned names somebody who is kept out.
type Banned struct {
	Member string `json:"member"`
	Name   string `json:"name"`
}

// Room is the state that a log's events add up to. It is not safe for use by
// several goroutines: the room's own goroutine has it.
type Room struct {
	ID string
	// Epoch, Number and Head are the last event's; At is its time.
	Epoch  uint64
	Number uint64
	Head   EventID
	At     int64

	Host     string
	Settings Settings
	// Access grows whenever who may enter changes, so that a check of a PIN or a
	// ban holds only for the state that it was made against.
	Access uint64
	Media  Media
	// MediaNumber is that of the event that set Media; 0 in a room that was
	// snapshotted before this was kept.
	MediaNumber uint64
	// Queue is what comes next, in order.
	Queue    []QueueItem
	Timeline Timeline
	// Gate is the open ready gate, or nil.
	Gate   *Gate
	Banned []Banned
	Chat   []ChatLine

	// order holds the members in the order of joining, byID the same ones.
	order []*Member
	byID  map[string]*Member
}

// NewRoom returns the state before a room's first event.
func NewRoom(id string) *Room { return &Room{ID: id, byID: map[string]*Member{}} }

// Exists says whether the room has been created.
func (r *Room) Exists() bool { return r.Number > 0 }

// Member returns a member, or nil. It must not be changed.
func (r *Room) Member(id string) *Member { return r.byID[id] }

// Members returns the members in the order of joining. They must not be changed.
func (r *Room) Members() []*Member { return r.order }

// Clone returns an independent copy.
func (r *Room) Clone() *Room {
	c := *r
	if r.Gate != nil {
		g := *r.Gate
		g.Waiting, g.Ready = slices.Clone(g.Waiting), slices.Clone(g.Ready)
		c.Gate = &g
	}
	c.Queue = slices.Clone(r.Queue)
	c.Banned = slices.Clone(r.Banned)
	c.Chat = slices.Clone(r.Chat)
	c.order = make([]*Member, len(r.order))
	c.byID = make(map[string]*Member, len(r.order))
	for i, m := range r.order {
		copied := *m
		copied.Answers = slices.Clone(m.Answers)
		c.order[i] = &copied
		c.byID[m.ID] = &copied
	}
	return &c
}

// snapshotVersion is raised when a snapshot's meaning changes.
const snapshotVersion = 1

type storedRoom struct {
	V           int         `json:"v"`
	ID          string      `json:"id"`
	Epoch       uint64      `json:"epoch"`
	Number      uint64      `json:"number"`
	Head        EventID     `json:"head"`
	At          int64       `json:"at"`
	Host        string      `json:"host,omitempty"`
	Settings    Settings    `json:"settings"`
	Access      uint64      `json:"access"`
	Media       Media       `json:"media"`
	MediaNumber uint64      `json:"mediaNumber,omitempty"`
	Queue       []QueueItem `json:"queue,omitempty"`
	Timeline    Timeline    `json:"timeline"`
	Gate        *Gate       `json:"gate,omitempty"`
	Banned      []Banned    `json:"banned,omitempty"`
	Chat        []ChatLine  `json:"chat,omitempty"`
	Members     []*Member   `json:"members"`
}

// EncodeRoom returns a snapshot of r as logs keep it.
func EncodeRoom(r *Room) ([]byte, error) {
	return json.Marshal(storedRoom{
		V: snapshotVersion, ID: r.ID, Epoch: r.Epoch, Number: r.Number, Head: r.Head, At: r.At, Host: r.Host,
		Settings: r.Settings, Access: r.Access, Media: r.Media, MediaNumber: r.MediaNumber, Queue: r.Queue,
		Timeline: r.Timeline, Gate: r.Gate, Banned: r.Banned, Chat: r.Chat, Members: r.order,
	})
}

// DecodeRoom reads what EncodeRoom of this or any earlier release wrote.
func DecodeRoom(data []byte) (*Room, error) {
	var s storedRoom
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("core: snapshot: %w", err)
	}
	if s.V != snapshotVersion {
		return nil, fmt.Errorf("core: snapshot of room %s: version %d is newer than this release", s.ID, s.V)
	}
	r := &Room{
		ID: s.ID, Epoch: s.Epoch, Number: s.Number, Head: s.Head, At: s.At, Host: s.Host, Settings: s.Settings,
		Access: s.Access, Media: s.Media, MediaNumber: s.MediaNumber, Queue: s.Queue, Timeline: s.Timeline, Gate: s.Gate, Banned: s.Banned, Chat: s.Chat,
		order: s.Members, byID: make(map[string]*Member, len(s.Members)),
	}
	if err := r.link(); err != nil {
		return nil, fmt.Errorf("core: snapshot of room %s: %w", s.ID, err)
	}
	return r, nil
}

// link fills byID from order, and checks what the rest of the code relies on.
func (r *Room) link() error {
	if r.ID == "" || r.Number == 0 {
		return errors.New("it is of no room that exists")
	}
	for _, m := range r.order {
		switch {
		case m == nil || m.ID == "":
			return errors.New("a member has no id")
		case r.byID[m.ID] != nil:
			return fmt.Errorf("member %q is there twice", m.ID)
		case m.Role != RoleGuest && m.Role != RoleModerator && m.Role != RoleHost:
			return fmt.Errorf("member %q has the role %q", m.ID, m.Role)
		case (m.Role == RoleHost) != (m.ID == r.Host):
			return fmt.Errorf("member %q has the role %q and the host is %q", m.ID, m.Role, r.Host)
		}
		r.byID[m.ID] = m
	}
	if r.Host != "" && r.byID[r.Host] == nil {
		return fmt.Errorf("the host %q is no member", r.Host)
	}
	if t := r.Timeline; t.Position < 0 || t.Position > protocol.MaxPosition || t.Rate < 0 || t.Rate > protocol.MaxRate {
		return errors.New("the timeline is out of range")
	}
	for i, q := range r.Queue {
		if q.ID == 0 || q.ID > r.Number || r.queued(q.ID) != i {
			return fmt.Errorf("the queue has an item %d of %d events, or has it twice", q.ID, r.Number)
		}
	}
	if r.Gate == nil {
		return nil
	}
	return r.Gate.check(r)
}

// check makes sure that who is ready was waited for, and who is waited for is there.
func (g *Gate) check(r *Room) error {
	for i, id := range g.Waiting {
		if r.byID[id] == nil || slices.Contains(g.Waiting[:i], id) {
			return fmt.Errorf("the gate waits for %q, who is not there or twice", id)
		}
	}
	for i, id := range g.Ready {
		if !slices.Contains(g.Waiting, id) || slices.Contains(g.Ready[:i], id) {
			return fmt.Errorf("the gate counts %q, who was not waited for or twice", id)
		}
	}
	return nil
}
