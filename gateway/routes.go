package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"tandem.watch/tandem/client"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/protocol"
	"tandem.watch/tandem/tls/certs"
)

// contentPolicy allows a page what the watch page needs: its own scripts and
// styles, media and subtitles from anywhere, and connections to gateways.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' https: http: blob:; connect-src 'self' ws: wss: http: https:; font-src 'self'; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// routes serves the API below /v1/, which answers in JSON whatever is asked,
// and everything else.
func (g *Gateway) routes() http.Handler {
	api, site := g.apiRoutes(), g.siteRoutes()
	return g.secured(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			api.ServeHTTP(w, r)
		} else {
			site.ServeHTTP(w, r)
		}
	}))
}

func (g *Gateway) apiRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /v1/ws", g.limitSessions(g.ws))
	mux.Handle("POST /v1/rooms", g.fromPages(g.createRoom))
	mux.Handle("OPTIONS /v1/rooms", g.fromPages(preflight))
	mux.Handle("GET /v1/rooms/{id}", g.fromPages(g.roomInfo))
	mux.Handle("GET /v1/rooms/{id}/events", g.fromPages(g.roomEvents))
	mux.Handle("OPTIONS /v1/rooms/{id}/events", g.fromPages(preflight))
	mux.Handle("GET /v1/rooms/{id}/chat", g.fromPages(g.roomChat))
	mux.Handle("OPTIONS /v1/rooms/{id}/chat", g.fromPages(preflight))
	mux.HandleFunc("GET /v1/endpoints", g.listEndpoints)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, protocol.Errorf("not_found", "there is no such address here"))
	})
	return mux
}

func (g *Gateway) siteRoutes() http.Handler {
	mux := http.NewServeMux()
	g.legacyRoutes(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !g.ready.Load() {
			writeText(w, http.StatusServiceUnavailable, "starting")
			return
		}
		if why := certs.NotReady(g.Certificates()); why != "" {
			writeText(w, http.StatusServiceUnavailable, why)
			return
		}
		writeText(w, http.StatusOK, "ok")
	})

	app, sdk := newAssets(client.App()), newAssets(client.SDK())
	mux.HandleFunc("GET /{$}", g.home)
	mux.HandleFunc("GET /r/{id}", g.roomPage)
	mux.HandleFunc("GET /", notFound)
	mux.Handle("GET /app/", http.StripPrefix("/app/", app))
	mux.Handle("GET /sdk/v1/", http.StripPrefix("/sdk/v1/", crossOrigin(sdk)))
	mux.Handle("GET /clip.webm", clip(client.Clip()))
	return mux
}

// secured sets the headers that every answer has.
func (g *Gateway) secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		// A room's address lets one in: it does not leave with a link or a request.
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Permissions-Policy", "camera=(self), microphone=(self), fullscreen=(self), geolocation=()")
		if g.trustworthy(r) {
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
		}
		next.ServeHTTP(w, r)
	})
}

// crossOrigin lets other sites' pages import the SDK.
func crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		next.ServeHTTP(w, r)
	})
}

// fromPages lets pages of allowed origins read the answers.
func (g *Gateway) fromPages(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" && g.config.checkOrigin(r) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		next(w, r)
	})
}

// preflight answers what a browser asks before it sends JSON to another origin.
func preflight(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// limitSessions bounds the sessions of one address and of all.
func (g *Gateway) limitSessions(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := g.config.clientAddress(r)
		if wait, ok := g.attempts.Take(address); !ok {
			g.counters.Refuse(v1.RefusedAttempts)
			writeError(w, http.StatusTooManyRequests, &protocol.Error{
				Code: protocol.CodeRateLimited, Message: "too many new connections from your address", RetryAfterMs: wait.Milliseconds() + 1,
			})
			return
		}
		leave, everywhere, ok := g.addrs.enter(address)
		if !ok {
			w.Header().Set("Retry-After", "5")
			if everywhere {
				g.counters.Refuse(v1.RefusedFull)
				writeError(w, http.StatusServiceUnavailable, protocol.Errorf(protocol.CodeUnavailable, "this gateway has as many sessions as it may"))
				return
			}
			g.counters.Refuse(v1.RefusedAddress)
			writeError(w, http.StatusTooManyRequests, protocol.Errorf(protocol.CodeRateLimited, "too many connections from your address"))
			return
		}
		defer leave()
		next.ServeHTTP(w, r)
	})
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
