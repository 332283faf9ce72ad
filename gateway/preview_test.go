package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"html"
	"image/png"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"tandem.watch/tandem/client"
	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/protocol"
)

// seen is what another site shows of a page: its tags by name, and the title.
func seen(t *testing.T, page response) map[string]string {
	t.Helper()
	if page.Status != http.StatusOK || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("the page is %d %s", page.Status, page.Header.Get("Content-Type"))
	}
	tags := map[string]string{}
	for _, m := range regexp.MustCompile(`<meta (?:name|property)="([^"]*)" content="([^"]*)">`).FindAllStringSubmatch(string(page.Body), -1) {
		tags[m[1]] = html.UnescapeString(m[2])
	}
	for _, m := range regexp.MustCompile(`<title>([^<]*)</title>`).FindAllStringSubmatch(string(page.Body), -1) {
		tags["title"] += html.UnescapeString(m[1])
	}
	return tags
}

func wantTags(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: %s is %q, want %q", what, name, got[name], value)
		}
	}
}

func TestPreview(t *testing.T) {
	for public, base := range map[string]string{"": "http://tandem.test", "https://watch.example/tandem": "https://watch.example/tandem"} {
		virtual(t, func(t *testing.T, w *world) {
			wantTags(t, "home", seen(t, w.get("/")), map[string]string{
				"title": "tandem", "og:title": "tandem", "og:description": "Watch a video together, in the same moment.", "og:url": base + "/",
				"og:image": base + "/app/share.png", "twitter:card": "summary_large_image", "robots": "",
			})
			made := w.create(`{"name":"Ann"}`)
			wantTags(t, "a room", seen(t, w.get("/r/"+protocol.FormatRoomCode(made.ID))), map[string]string{
				"title": "tandem", "og:title": "Watch together", "og:description": "You are invited to watch a video together, in the same moment.",
				"og:url": base + "/r/" + made.ID, "og:image": base + "/app/share.png", "robots": "noindex",
			})
			ann := w.enter(made, "Ann")
			before := w.get("/r/" + made.ID)
			ann.do(&protocol.ChangeSettings{Command: ann.id(), Title: new("Film night")})
			wantTags(t, "a room with a title", seen(t, w.get("/r/"+made.ID)), map[string]string{"title": "Film night · tandem", "og:title": "Film night"})
			r := w.request(http.MethodGet, "/r/"+made.ID, "")
			r.Header.Set("If-None-Match", before.Header.Get("ETag"))
			again := w.call(home, r)
			if again.Status != http.StatusOK {
				t.Errorf("with another title it is answered %d", again.Status)
			}
			r.Header.Set("If-None-Match", again.Header.Get("ETag"))
			if got := w.call(home, r); got.Status != http.StatusNotModified || got.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("unchanged it is answered %d, %s", got.Status, got.Header.Get("Cache-Control"))
			}
			ann.do(&protocol.ChangeSettings{Command: ann.id(), PIN: new("4711")})
			if body := string(w.get("/r/" + made.ID).Body); strings.Contains(body, "Film") {
				t.Error("the page of a room with a PIN tells its title")
			}
			wantTags(t, "no room", seen(t, w.get("/r/000000000000")), map[string]string{"og:title": "Watch together"})
		}, "--public-url", public)
	}
}

// A title is text, whatever it looks like.
func TestHostileTitle(t *testing.T) {
	for _, title := range []string{
		`"><script>alert(1)</script>`, `</title><img src=x onerror=alert(1)>`, `' onload='alert(1)`, `{{.URL}}`, `<!-- `, `&lt;b&gt; &amp;`, `javascript:alert(1)`,
	} {
		virtual(t, func(t *testing.T, w *world) {
			body, err := json.Marshal(map[string]string{"name": "Ann", "title": title})
			if err != nil {
				t.Fatal(err)
			}
			page := w.get("/r/" + w.create(string(body)).ID)
			wantTags(t, title, seen(t, page), map[string]string{"title": title + " · tandem", "og:title": title})
			plain := w.get("/r/000000000000")
			for _, mark := range []string{"<", ">", `"`, "<script", "<img"} {
				want := strings.Count(string(plain.Body), mark)
				if got := strings.Count(string(page.Body), mark); got != want {
					t.Errorf("%s: the page has %q %d times, want %d", title, mark, got, want)
				}
			}
		})
	}
}

// A log that is away or slow costs the page its room's title, and no time.
func TestPreviewDoesNotWait(t *testing.T) {
	for name, fault := range map[string]func(string) error{
		"slow": func(string) error { time.Sleep(3 * time.Second); return nil }, "away": func(string) error { return http.ErrHandlerTimeout },
	} {
		virtual(t, func(t *testing.T, w *world) {
			w.log.Set(memory.Faults{BeforeRead: fault})
			begin := time.Now()
			wantTags(t, name, seen(t, w.get("/r/7Q2K9XHF3BTW")), map[string]string{"og:title": "Watch together"})
			if took := time.Since(begin); took > titlePatience {
				t.Errorf("%s: the page took %v", name, took)
			}
			time.Sleep(5 * time.Second)
			w.log.Set(memory.Faults{})
		})
	}
}

// The page is what index.html is but for the preview, and that file is a page
// by itself.
func TestPreviewIsAllThatIsPutIn(t *testing.T) {
	file := string(client.Page())
	for _, part := range []string{"<!doctype html>", "<title>tandem</title>", `<meta name="description"`, `<link rel="manifest"`, `<link rel="apple-touch-icon"`} {
		if strings.Count(file, part) != 1 {
			t.Errorf("index.html has %s %d times", part, strings.Count(file, part))
		}
	}
	virtual(t, func(t *testing.T, w *world) {
		own := regexp.MustCompile(`(?s)<!-- preview.*<!-- /preview -->\n`).ReplaceAllString(file, "")
		served := string(w.get("/").Body)
		begin, end := strings.Index(served, "<title>"), strings.Index(served, `    <link rel="icon"`)
		words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		if got := served[:begin] + served[end:]; words(got) != words(own) {
			t.Errorf("beside the preview the page is another one:\n%s", got[:800])
		}
	})
}

// Every picture that is named is there, in the size that is named.
func TestPictures(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		var manifest struct {
			Icons []struct{ Src, Sizes, Type string }
		}
		w.get("/app/manifest.webmanifest").into(t, &manifest)
		sizes := map[string]string{"/app/share.png": "1200x630", "/app/icon-square-180.png": "180x180"}
		for _, icon := range manifest.Icons {
			if icon.Type == "image/png" {
				sizes[icon.Src] = icon.Sizes
			}
		}
		if len(sizes) != 5 {
			t.Errorf("the pictures are %v", sizes)
		}
		for path, size := range sizes {
			got := w.get(path)
			config, err := png.DecodeConfig(bytes.NewReader(got.Body))
			if err != nil || fmt.Sprintf("%dx%d", config.Width, config.Height) != size {
				t.Errorf("%s: %d, %v, %dx%d, want %s", path, got.Status, err, config.Width, config.Height, size)
			}
			if got.Header.Get("Content-Type") != "image/png" || got.Header.Get("Cache-Control") != "public, max-age=86400" || got.Header.Get("ETag") == "" {
				t.Errorf("%s: the headers are %v", path, got.Header)
			}
		}
	})
}

// Who follows a link that leads nowhere is told why, and where to go.
func TestMissingPages(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		for path, part := range map[string]string{
			"/nothing": "<strong dir=\"auto\">/nothing</strong>", "/r/": "No page of this gateway", "/r/7Q2K-9XHF": "<strong dir=\"auto\">7Q2K-9XHF</strong> cannot be the code",
			"/r/7Q2K-9XHF-3BTW-0": "12 letters and digits", "/r/7Q2K-9XHF-3BTU": "cannot be the code", "/r/a/b": "12 letters and digits", "/r/" + strings.Repeat("x", 300): "xxxx…",
			"/r/%3Cscript%3Ealert(1)%3C%2Fscript%3E": "&lt;script&gt;alert(1)&lt;/script&gt;", "/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E": "&lt;img src=x onerror=alert(1)&gt;",
			"/r/%FF%00": "cannot be the code", "/metrics": "/metrics",
		} {
			r := w.request(http.MethodGet, path, "")
			r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
			got := w.call(home, r)
			body := string(got.Body)
			if got.Status != http.StatusNotFound || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || !strings.Contains(body, part) || !strings.Contains(body, `href="/"`) {
				t.Errorf("%s: %d %s without %s", path, got.Status, body, part)
			}
			if strings.Contains(body, "<script") || strings.Contains(body, "<style") || strings.Contains(body, " style=") || strings.Count(body, "<img") != 1 {
				t.Errorf("%s: the page has more than it may: %s", path, body)
			}
			if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Vary") != "Accept" || got.Header.Get("Content-Security-Policy") != contentPolicy {
				t.Errorf("%s: the headers are %v", path, got.Header)
			}
			if plain := w.get(path); plain.Status != http.StatusNotFound || string(plain.Body) != "404 page not found\n" {
				t.Errorf("%s: a program gets %d %q", path, plain.Status, plain.Body)
			}
			r.Method = http.MethodPost
			if posted := w.call(home, r); posted.Status != http.StatusMethodNotAllowed {
				t.Errorf("%s: POST is answered %d", path, posted.Status)
			}
		}
		r := w.request(http.MethodGet, "/v1/nothing", "")
		r.Header.Set("Accept", "text/html")
		refusalOf(t, w.call(home, r), http.StatusNotFound, protocol.CodeNotFound)
		if got := w.get("/r/7q2k-9xhf%203bto"); got.Status != http.StatusOK {
			t.Errorf("a code that may be a room's: %d", got.Status)
		}
	})
}

// The header that plain addresses of a network cannot have is not sent there.
func TestOpenerPolicy(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		for address, want := range map[string]bool{
			"http://localhost:4001/": true, "http://127.0.0.1:4001/": true, "http://127.8.9.1/": true, "http://[::1]:4001/": true, "http://tandem.localhost/": true,
			"http://192.168.1.5:4001/": false, "http://tandem.local:4001/": false, "http://[fd00::1]/": false, "http://notlocalhost/": false, "http://localhost.example/": false,
			"https://192.168.1.5:4433/": true, "http://watch.example/": true,
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
			if strings.HasPrefix(address, "https:") && r.TLS == nil {
				r.TLS = &tls.ConnectionState{}
			}
			answer := httptest.NewRecorder()
			w.g.routes().ServeHTTP(answer, r)
			if got := answer.Header().Get("Cross-Origin-Opener-Policy") == "same-origin"; got != want {
				t.Errorf("%s: the header is sent: %v, want %v", address, got, want)
			}
		}
	}, "--public-url", "https://watch.example")
}

// The address of a room that is made over TLS leads back there.
func TestRoomURLOverTLS(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://tandem.test:4433/", nil)
		if got := w.g.roomURL(r, "7Q2K9XHF3BTW"); got != "https://tandem.test:4433/r/7Q2K9XHF3BTW" {
			t.Errorf("the room's address is %s", got)
		}
	})
}
