package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"tandem.watch/tandem/core"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/protocol"
)

// newRoom is the body of POST /v1/rooms.
type newRoom struct {
	Name  string          `json:"name"`
	PIN   string          `json:"pin"`
	Title string          `json:"title"`
	Media *protocol.Media `json:"media"`
}

// createdRoom is its answer.
type createdRoom struct {
	ID     string `json:"id"`
	URL    string `json:"url"`
	Member string `json:"member"`
	Seat   string `json:"seat"`
}

func (g *Gateway) createRoom(w http.ResponseWriter, r *http.Request) {
	address := g.config.clientAddress(r)
	if !g.config.checkOrigin(r) {
		writeError(w, http.StatusForbidden, protocol.Errorf(protocol.CodeForbidden, "pages of this origin may not create rooms here; an operator can add it to allowed-origins"))
		return
	}
	req, err := readNewRoom(w, r)
	if err != nil {
		writeFailure(w, err)
		return
	}
	if wait, ok := g.rooms.Take(address); !ok {
		writeError(w, http.StatusTooManyRequests, &protocol.Error{
			Code: protocol.CodeRateLimited, Message: "too many rooms from your address", RetryAfterMs: wait.Milliseconds() + 1,
		})
		return
	}
	made, err := g.hub.Create(r.Context(), core.CreateRequest{
		Name: req.Name, PIN: req.PIN, Title: req.Title, Address: address, Media: v1.Media(*req.Media),
	})
	if err != nil {
		writeFailure(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, createdRoom{ID: made.Room, URL: g.roomURL(r, made.Room), Member: made.Member, Seat: made.Seat})
}

func readNewRoom(w http.ResponseWriter, r *http.Request) (*newRoom, error) {
	// JSON is asked for so that no form of another site can create rooms.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, protocol.Errorf(protocol.CodeInvalid, "Content-Type must be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err != nil {
		return nil, protocol.Errorf(protocol.CodeTooLarge, "the body has at most 16 KiB")
	}
	var req newRoom
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, protocol.Errorf(protocol.CodeMalformed, `the body is one JSON object such as {"name":"Ada"}`)
	}
	if req.Media == nil {
		req.Media = &protocol.Media{Kind: protocol.MediaClip}
	}
	if err := protocol.CheckName(req.Name); err != nil {
		return nil, err
	}
	if req.PIN != "" {
		if err := protocol.CheckPIN(req.PIN); err != nil {
			return nil, err
		}
	}
	if req.Title != "" {
		if err := protocol.CheckTitle(req.Title); err != nil {
			return nil, err
		}
	}
	return &req, req.Media.Check()
}

func (g *Gateway) roomURL(r *http.Request, id string) string {
	return g.baseURL(r).JoinPath("r", url.PathEscape(id)).String()
}

// roomState is the answer of GET /v1/rooms/{id}.
type roomState struct {
	ID string `json:"id"`
	// Title is absent where a PIN is asked.
	Title   string `json:"title,omitempty"`
	PIN     bool   `json:"pin"`
	Locked  bool   `json:"locked"`
	Members int    `json:"members"`
}

func (g *Gateway) roomInfo(w http.ResponseWriter, r *http.Request) {
	if wait, ok := g.looks.Take(g.config.clientAddress(r)); !ok {
		writeError(w, http.StatusTooManyRequests, &protocol.Error{
			Code: protocol.CodeRateLimited, Message: "too many requests from your address", RetryAfterMs: wait.Milliseconds() + 1,
		})
		return
	}
	id := r.PathValue("id")
	if code, ok := protocol.ParseRoomCode(id); ok {
		id = code
	}
	info, err := g.hub.Info(r.Context(), id)
	if err != nil {
		writeFailure(w, err)
		return
	}
	writeJSON(w, http.StatusOK, roomState{ID: id, Title: info.Title, PIN: info.PIN, Locked: info.Locked, Members: info.Members})
}

// endpointList is the answer of GET /v1/endpoints.
type endpointList struct {
	Endpoints []protocol.Endpoint `json:"endpoints"`
	// WebTransportOff says why there is none, if there is none.
	WebTransportOff string `json:"webTransportOff,omitempty"`
}

func (g *Gateway) listEndpoints(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	writeJSON(w, http.StatusOK, endpointList{
		Endpoints: g.endpoints(r), WebTransportOff: g.webTransportOff(),
	})
}

func (g *Gateway) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok", "nodeId": g.config.NodeID})
}

// isRefusal says whether an error is one of a code.
func isRefusal(err error, code protocol.ErrorCode) bool {
	return errors.Is(err, &protocol.Error{Code: code})
}

// writeFailure answers with any error: what is not meant for clients is
// "internal" to them.
func writeFailure(w http.ResponseWriter, err error) {
	var e *protocol.Error
	if !errors.As(err, &e) {
		e = protocol.Errorf(protocol.CodeUnavailable, "not done; try again")
	}
	writeError(w, statusOf(e.Code), e)
}

func statusOf(code protocol.ErrorCode) int {
	switch code {
	case protocol.CodeRoomNotFound, protocol.CodeNotFound:
		return http.StatusNotFound
	case protocol.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case protocol.CodeRateLimited, protocol.CodePINThrottled:
		return http.StatusTooManyRequests
	case protocol.CodeForbidden, protocol.CodeBanned, protocol.CodeRoomLocked, protocol.CodePINInvalid, protocol.CodePINRequired:
		return http.StatusForbidden
	case protocol.CodeUnavailable, protocol.CodeUnknown:
		return http.StatusServiceUnavailable
	case protocol.CodeInternal:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

func writeError(w http.ResponseWriter, status int, e *protocol.Error) {
	if e.RetryAfterMs > 0 {
		w.Header().Set("Retry-After", fmt.Sprint((e.RetryAfterMs+999)/1000))
	}
	writeJSON(w, status, map[string]*protocol.Error{"error": e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

func etag(data []byte) string {
	sum := sha256.Sum256(data)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}
