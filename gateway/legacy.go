package gateway

import (
	"net/http"
	"strings"

	"tandem.watch/tandem/gateway/legacy"
	"tandem.watch/tandem/gateway/ws"
	"tandem.watch/tandem/internal/limit"
	"tandem.watch/tandem/protocol"
)

// newLegacy makes the service of the old extension's dialect.
func (g *Gateway) newLegacy() *legacy.Service {
	o := g.sessionOptions()
	o.CheckOrigin = func(r *http.Request) bool {
		// The extension's own worker has the socket.
		return strings.HasPrefix(r.Header.Get("Origin"), "chrome-extension://") || g.config.checkOrigin(r)
	}
	return legacy.New(legacy.Options{
		Sessions: o, Node: g.config.NodeID,
		AllowRoom: func(address string) error {
			if wait, ok := g.rooms.Take(address); !ok {
				return &protocol.Error{
					Code: protocol.CodeRateLimited, Message: "Too many rooms from your address", RetryAfterMs: wait.Milliseconds() + 1,
				}
			}
			return nil
		},
	})
}

// legacyRoutes are the addresses that the old extension knows.
func (g *Gateway) legacyRoutes(mux *http.ServeMux) {
	mux.Handle("GET /ws", g.limitSessions(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ws.Asks(r, protocol.Subprotocol) {
			g.ws.ServeHTTP(w, r)
			return
		}
		g.legacy.ServeHTTP(w, r)
	})))
	links := &legacy.Links{Hub: g.hub, Base: g.baseURL}
	for path, h := range map[string]http.Handler{
		"/api/short-id/{roomId}": g.forAll(g.looks, links.Make),
		"/api/room/{shortId}":    g.forAll(g.looks, links.Find),
		"/room/{shortId}":        g.forAll(g.looks, links.Follow),
		"/room/{shortId}/{pin}":  g.forAll(g.looks, links.Follow),
		"/status":                g.forAll(g.polls, g.legacy.Status),
		"/health":                g.forAll(nil, g.health),
	} {
		mux.Handle("GET "+path, h)
		mux.Handle("OPTIONS "+path, h)
	}
}

// forAll lets pages of every site read the answers of a GET, at a rate that is
// limited by address unless rate is nil.
func (g *Gateway) forAll(rate *limit.Keyed, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Content-Type")
		h.Set("Access-Control-Expose-Headers", "Location")
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if rate != nil {
			if wait, ok := rate.Take(g.config.clientAddress(r)); !ok {
				writeError(w, http.StatusTooManyRequests, &protocol.Error{
					Code: protocol.CodeRateLimited, Message: "too many requests from your address", RetryAfterMs: wait.Milliseconds() + 1,
				})
				return
			}
		}
		next(w, r)
	})
}
