package legacy

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"runtime/metrics"
	"slices"
	"strings"
	"time"

	"tandem.watch/tandem/core"
)

// status is the answer of GET /status.
type status struct {
	NodeID           string       `json:"nodeId"`
	Timestamp        int64        `json:"timestamp"`
	LocalConnections int          `json:"localConnections"`
	LocalRooms       int          `json:"localRooms"`
	Rooms            []roomStatus `json:"rooms"`
	Uptime           float64      `json:"uptime"`
	Memory           memory       `json:"memory"`
}

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
// has a member that is connected here, since a room's id lets one in.
func (s *Service) Status(w http.ResponseWriter, r *http.Request) {
	now := s.opts.Clock.Now()
	answer := status{
		NodeID: s.encoding.node, Timestamp: now / 1000, LocalConnections: s.Sessions(), Rooms: []roomStatus{},
		Uptime: time.Since(started).Seconds(), Memory: readMemory(),
	}
	s.mu.Lock()
	answer.LocalRooms = len(s.byRoom)
	own := map[string]*seat{}
	for t := range s.byAddress[s.opts.Address(r)] {
		own[t.room] = t
	}
	s.mu.Unlock()
	for _, t := range own {
		if room, ok := s.room(r.Context(), t); ok {
			answer.Rooms = append(answer.Rooms, room)
		}
	}
	slices.SortFunc(answer.Rooms, func(a, b roomStatus) int { return strings.Compare(a.RoomID, b.RoomID) })
	write(w, http.StatusOK, answer)
}

// room describes the room that a seat is in.
func (s *Service) room(ctx context.Context, t *seat) (out roomStatus, ok bool) {
	if !t.see().joined {
		return out, false
	}
	reports := s.reports(t.room)
	ok = t.session.View(ctx, func(r *core.Room, presence []core.Presence, now int64) {
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
	return out, ok
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
