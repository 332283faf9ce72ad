package legacy

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"runtime/metrics"
	"slices"
	"time"

	"tandem.watch/tandem/core"
)

// status is the answer of GET /status.
type status struct {
	NodeID           string            `json:"nodeId"`
	Timestamp        int64             `json:"timestamp"`
	LocalConnections int               `json:"localConnections"`
	LocalRooms       int               `json:"localRooms"`
	Rooms            []json.RawMessage `json:"rooms"`
	Uptime           float64           `json:"uptime"`
	Memory           memory            `json:"memory"`
}

// roomStatus is one of status.Rooms.
type roomStatus struct {
	RoomID          string       `json:"roomId"`
	ConnectionCount int          `json:"connectionCount"`
	CurrentTime     float64      `json:"currentTime"`
	IsPlaying       bool         `json:"isPlaying"`
	CurrentURL      *string      `json:"currentUrl"`
	HostUserID      *string      `json:"hostUserId"`
	Users           []userStatus `json:"users"`
}

type userStatus struct {
	UserID            string  `json:"userId"`
	Username          *string `json:"username"`
	CurrentTime       float64 `json:"currentTime"`
	IsPlaying         bool    `json:"isPlaying"`
	ConnectionQuality string  `json:"connectionQuality"`
}

// memory is in bytes.
type memory struct {
	HeapUsed  uint64 `json:"heapUsed"`
	HeapTotal uint64 `json:"heapTotal"`
}

// started is when the program was.
var started = time.Now()

// Status answers GET /status: of rooms, only those in which the asking address
// has a member that is connected here, since a room's id lets one in; and none
// where an address may be many people's.
func (s *Service) Status(w http.ResponseWriter, r *http.Request) {
	now := s.opts.Clock.Now()
	answer := status{
		NodeID: s.encoding.node, Timestamp: now / 1000, LocalConnections: s.Sessions(), Rooms: []json.RawMessage{},
		Uptime: time.Since(started).Seconds(), Memory: readMemory(),
	}
	s.mu.Lock()
	answer.LocalRooms = len(s.byRoom)
	own := map[string]*seat{}
	if !s.shared(r) {
		for t := range s.byAddress[s.opts.Address(r)] {
			if t.see().joined {
				own[t.room] = t
			}
		}
	}
	s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(own)) {
		if room := s.described(r.Context(), own[id], now); room != nil {
			answer.Rooms = append(answer.Rooms, room)
		}
	}
	write(w, http.StatusOK, answer)
}

// described is a room's part of answers: at most statusFor old, so that what it
// costs to look does not grow with how often somebody asks.
type described struct {
	at   int64 // cluster time in µs
	room json.RawMessage
}

const statusFor = time.Second

// described returns what is told of the room that a seat is in; nil when the
// seat is gone.
func (s *Service) described(ctx context.Context, t *seat, now int64) json.RawMessage {
	s.mu.Lock()
	d := s.status[t.room]
	s.mu.Unlock()
	if d.room != nil && now < d.at+statusFor.Microseconds() {
		return d.room
	}
	room := s.describe(ctx, t)
	if room == nil {
		return nil
	}
	body, err := json.Marshal(room)
	if err != nil { // of numbers that no room has
		s.opts.Logger.Error("status not encoded", "error", err)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byRoom[t.room]) > 0 { // or nobody would ever forget it
		s.status[t.room] = described{now, body}
	}
	return body
}

// describe looks into the room that a seat is in.
func (s *Service) describe(ctx context.Context, t *seat) *roomStatus {
	reports := s.reports(t.room)
	out := new(roomStatus) // nobody's else, as View may look when it has returned
	seen := t.session.View(ctx, func(r *core.Room, presence []core.Presence, now int64) {
		v := view{timeline: r.Timeline}
		out.RoomID, out.CurrentURL = r.ID, watchPage(r.Media)
		out.CurrentTime, out.IsPlaying = v.position(now)
		if host := r.Host; host != "" {
			out.HostUserID = &host
		}
		out.Users = make([]userStatus, 0, len(presence))
		for _, p := range presence {
			if !p.Away {
				out.ConnectionCount++
			}
			u := userStatus{
				UserID: p.Member, Username: username(r.Member(p.Member).Name), CurrentTime: out.CurrentTime,
				IsPlaying: out.IsPlaying && !p.Away, ConnectionQuality: quality(p),
			}
			if p.OffsetMs != nil {
				u.CurrentTime = math.Max(0, u.CurrentTime+*p.OffsetMs/1000)
			}
			if report := reports[p.Member]; report.at != 0 {
				u.CurrentTime, u.IsPlaying = report.position, report.playing
			}
			out.Users = append(out.Users, u)
		}
	})
	if !seen {
		return nil
	}
	return out
}

// reports is what a room's members on this gateway said of their players.
func (s *Service) reports(room string) map[string]report {
	s.mu.Lock()
	seats := make([]*seat, 0, len(s.byRoom[room]))
	for t := range s.byRoom[room] {
		seats = append(seats, t)
	}
	s.mu.Unlock()
	all := make(map[string]report, len(seats))
	for _, t := range seats {
		all[t.member] = t.lastReport()
	}
	return all
}

// quality is a word for a round trip.
func quality(p core.Presence) string {
	switch {
	case p.Away:
		return "disconnected"
	case p.RTTMs == 0:
		return "unknown"
	case p.RTTMs < 150:
		return "good"
	case p.RTTMs < 400:
		return "fair"
	default:
		return "poor"
	}
}

func readMemory() memory {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}}
	metrics.Read(samples)
	return memory{HeapUsed: samples[0].Value.Uint64(), HeapTotal: samples[1].Value.Uint64()}
}

// write answers with JSON that pages of every site may read, as the extension's
// pages do.
func write(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}
