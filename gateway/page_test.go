package gateway

import (
	"net/http"
	"strings"
	"testing"

	"tandem.watch/tandem/client"
	"tandem.watch/tandem/protocol"
)

func TestPage(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		page := w.get("/")
		if page.Status != http.StatusOK || !strings.HasPrefix(string(page.Body), "<!doctype html>") {
			t.Fatalf("the page is %d %.40q", page.Status, page.Body)
		}
		if _, body, _ := strings.Cut(string(page.Body), "</head>"); !strings.HasSuffix(string(w.get("/r/7Q2K9XHF3BTW").Body), body) {
			t.Error("a room's page is another one")
		}
		for _, path := range []string{"/", "/r/7Q2K-9XHF-3BTW", "/app/app.js", "/v1/endpoints", "/nothing"} {
			h := w.get(path).Header
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			} {
				if h.Get(name) != want {
					t.Errorf("%s: %s is %q, want %q", path, name, h.Get(name), want)
				}
			}
			policy := h.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
				if !strings.Contains(policy, part) {
					t.Errorf("%s: the content policy %q lacks %s", path, policy, part)
				}
			}
			if strings.Contains(policy, "unsafe") {
				t.Errorf("%s: the content policy is %q", path, policy)
			}
		}
		if body := string(page.Body); strings.Contains(body, "<script>") || strings.Contains(body, " onclick=") || strings.Contains(body, "<style") {
			t.Error("the page has scripts or styles that its own policy forbids")
		}
	})
}

func TestAssets(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		for path, kind := range map[string]string{
			"/app/app.js": "text/javascript", "/app/app.css": "text/css", "/app/icon.svg": "image/svg+xml", "/app/missing.css": "text/css",
			"/app/manifest.webmanifest": "application/manifest+json", "/sdk/v1/tandem.js": "text/javascript",
		} {
			got := w.get(path)
			if got.Status != http.StatusOK || !strings.HasPrefix(got.Header.Get("Content-Type"), kind) || len(got.Body) == 0 {
				t.Errorf("%s: %d, %s, %d bytes", path, got.Status, got.Header.Get("Content-Type"), len(got.Body))
			}
			if got.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: Cache-Control is %q", path, got.Header.Get("Cache-Control"))
			}
			r := w.request(http.MethodGet, path, "")
			r.Header.Set("If-None-Match", got.Header.Get("ETag"))
			if again := w.call(home, r); again.Status != http.StatusNotModified {
				t.Errorf("%s: unchanged it is answered %d", path, again.Status)
			}
			cross := got.Header.Get("Access-Control-Allow-Origin") == "*" && got.Header.Get("Cross-Origin-Resource-Policy") == "cross-origin"
			if want := strings.HasPrefix(path, "/sdk/"); cross != want {
				t.Errorf("%s may be used by other sites: %v, want %v", path, cross, want)
			}
		}
	})
}

// What is not there is not found, and nothing beside the files is reached.
func TestUnknownPaths(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		for _, path := range []string{
			"/nothing", "/app/", "/app/nothing.js", "/sdk/v1/", "/sdk/v1/nothing.js", "/sdk/v2/tandem.js", "/app/..%2f..%2fembed.go",
			"/app/%2e%2e/%2e%2e/embed.go", "/metrics", "/debug/pprof/", "/r/", "/r/a/b", "/tandem.db",
		} {
			if got := w.get(path); got.Status != http.StatusNotFound && got.Status != http.StatusMovedPermanently && got.Status != http.StatusTemporaryRedirect {
				t.Errorf("%s: %d %.60q", path, got.Status, got.Body)
			}
		}
		refusalOf(t, w.get("/v1/nothing"), http.StatusNotFound, protocol.CodeNotFound)
		refusalOf(t, w.call(home, w.request(http.MethodDelete, "/v1/rooms/x", "")), http.StatusNotFound, protocol.CodeNotFound)
		if got := w.call(home, w.request(http.MethodPost, "/health", "")); got.Status != http.StatusMethodNotAllowed {
			t.Errorf("POST /health: %d", got.Status)
		}
	})
}

func TestClip(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		data := client.Clip()
		whole := w.get("/clip.webm")
		if whole.Status != http.StatusOK || len(whole.Body) != len(data) || whole.Header.Get("Content-Type") != "video/webm" || whole.Header.Get("Accept-Ranges") != "bytes" {
			t.Fatalf("the clip is %d, %d bytes, %v", whole.Status, len(whole.Body), whole.Header)
		}
		r := w.request(http.MethodGet, "/clip.webm", "")
		r.Header.Set("Range", "bytes=1000-1999")
		part := w.call(home, r)
		if part.Status != http.StatusPartialContent || string(part.Body) != string(data[1000:2000]) {
			t.Errorf("a part is %d, %d bytes, %s", part.Status, len(part.Body), part.Header.Get("Content-Range"))
		}
		r.Header.Set("Range", "bytes=99999999-")
		if got := w.call(home, r); got.Status != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("a part beyond the end is %d", got.Status)
		}
		r.Header.Set("Range", "bytes=0-99")
		r.Header.Set("If-Range", `"another"`)
		if got := w.call(home, r); got.Status != http.StatusOK || len(got.Body) != len(data) {
			t.Errorf("a part of another clip is %d, %d bytes", got.Status, len(got.Body))
		}
	})
}
