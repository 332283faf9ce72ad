package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
)

// Bounds of one answer.
const (
	defaultHistory = 100
	maxHistory     = 1000
)

// eventPage is the answer of GET /v1/rooms/{id}/events.
type eventPage struct {
	// Events are as they are stored.
	Events []json.RawMessage `json:"events"`
	// More says that there may be further ones, after the last of these.
	More bool `json:"more"`
}

// roomEvents answers with a room's history, for its members and for operators.
func (g *Gateway) roomEvents(w http.ResponseWriter, r *http.Request) {
	room, ok := g.mayRead(w, r)
	if !ok {
		return
	}
	after, limit, err := pageOf(r, "after")
	if err != nil {
		writeFailure(w, err)
		return
	}
	events, err := g.hub.History(r.Context(), room, after, limit)
	if err != nil {
		writeFailure(w, err)
		return
	}
	page := eventPage{Events: make([]json.RawMessage, 0, len(events)), More: len(events) == limit}
	for _, e := range events {
		data, err := core.EncodeEvent(e)
		if err != nil {
			writeFailure(w, err)
			return
		}
		page.Events = append(page.Events, data)
	}
	writeJSON(w, http.StatusOK, page)
}

// chatPage is the answer of GET /v1/rooms/{id}/chat, oldest first.
type chatPage struct {
	Lines []core.ChatLine `json:"lines"`
	// More says that there may be older ones, before the first of these.
	More bool `json:"more"`
}

// roomChat answers with archived lines of chat.
func (g *Gateway) roomChat(w http.ResponseWriter, r *http.Request) {
	room, ok := g.mayRead(w, r)
	if !ok {
		return
	}
	if g.archive == nil {
		writeError(w, http.StatusNotFound, protocol.Errorf(protocol.CodeNotFound, "this gateway keeps no history (archive=off)"))
		return
	}
	before, limit, err := pageOf(r, "before")
	if err != nil {
		writeFailure(w, err)
		return
	}
	lines, err := g.archive.Chat(r.Context(), room, before, limit)
	if err != nil {
		writeFailure(w, err)
		return
	}
	if lines == nil {
		lines = []core.ChatLine{}
	}
	writeJSON(w, http.StatusOK, chatPage{Lines: lines, More: len(lines) == limit})
}

// mayRead says which room's history is asked for, if who asks may read it: a
// member by the token of its seat, an operator by the operator's.
func (g *Gateway) mayRead(w http.ResponseWriter, r *http.Request) (room string, ok bool) {
	if wait, ok := g.looks.Take(g.config.clientAddress(r)); !ok {
		writeError(w, http.StatusTooManyRequests, &protocol.Error{
			Code: protocol.CodeRateLimited, Message: "too many requests from your address", RetryAfterMs: wait.Milliseconds() + 1,
		})
		return "", false
	}
	room = r.PathValue("id")
	if code, ok := protocol.ParseRoomCode(room); ok {
		room = code
	}
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || token == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="tandem"`)
		writeError(w, http.StatusUnauthorized, protocol.Errorf(protocol.CodeForbidden, "history is for members: send Authorization: Bearer and the token of your seat"))
		return "", false
	}
	if g.isOperator(token) {
		return room, true
	}
	member, err := g.hub.Seated(r.Context(), room, token)
	if err == nil && member == "" {
		err = protocol.Errorf(protocol.CodeForbidden, "this is the token of no seat in this room")
	}
	if err != nil {
		writeFailure(w, err)
		return "", false
	}
	return room, true
}

func (g *Gateway) isOperator(token string) bool {
	if g.config.OperatorToken == "" {
		return false
	}
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(g.config.OperatorToken))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// pageOf reads a query's number and limit.
func pageOf(r *http.Request, name string) (number uint64, limit int, err error) {
	limit = defaultHistory
	q := r.URL.Query()
	if v := q.Get(name); v != "" {
		if number, err = strconv.ParseUint(v, 10, 63); err != nil {
			return 0, 0, protocol.Errorf(protocol.CodeInvalid, "%s must be the number of an event", name)
		}
	}
	if v := q.Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > maxHistory {
			return 0, 0, protocol.Errorf(protocol.CodeInvalid, "limit must be a number from 1 to %d", maxHistory)
		}
	}
	return number, limit, nil
}
