package legacy

import (
	"errors"
	"net/http"
	"net/url"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
)

// Links answers the HTTP addresses that lead to rooms by short codes.
type Links struct {
	// Hub has the rooms. Required.
	Hub *core.Hub
	// Base returns the address that links begin with. Required.
	Base func(*http.Request) *url.URL
}

type shortID struct {
	ShortID  string `json:"shortId"`
	RoomID   string `json:"roomId"`
	ShortURL string `json:"shortUrl,omitempty"`
}

// Make answers GET /api/short-id/{roomId}.
func (l *Links) Make(w http.ResponseWriter, r *http.Request) {
	room := r.PathValue("roomId")
	code, err := l.Hub.Alias(r.Context(), room)
	if err != nil {
		refuse(w, err)
		return
	}
	write(w, http.StatusOK, shortID{ShortID: code, RoomID: room, ShortURL: l.Base(r).JoinPath("room", code).String()})
}

// Find answers GET /api/room/{shortId}.
func (l *Links) Find(w http.ResponseWriter, r *http.Request) {
	code := r.PathValue("shortId")
	room, err := l.Hub.Room(r.Context(), code)
	if err != nil {
		refuse(w, err)
		return
	}
	write(w, http.StatusOK, shortID{ShortID: code, RoomID: room})
}

// Follow answers GET /room/{shortId} and /room/{shortId}/{pin}: it sends the
// browser to the site, where the extension joins the room.
func (l *Links) Follow(w http.ResponseWriter, r *http.Request) {
	room, err := l.Hub.Room(r.Context(), r.PathValue("shortId"))
	if err != nil {
		refuse(w, err)
		return
	}
	query := "tandemRoom=" + url.QueryEscape(room)
	if pin := r.PathValue("pin"); pin != "" {
		query += "&pin=" + url.QueryEscape(pin)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", "https://www.netflix.com/?"+query)
	w.WriteHeader(http.StatusFound)
}

func refuse(w http.ResponseWriter, err error) {
	code, why := http.StatusServiceUnavailable, "Not available now; try again"
	if errors.Is(err, &protocol.Error{Code: protocol.CodeRoomNotFound}) {
		code, why = http.StatusNotFound, "Room not found"
	}
	write(w, code, map[string]string{"error": why})
}
