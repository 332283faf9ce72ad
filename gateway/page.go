package gateway

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"tandem.watch/tandem/protocol"
)

//go:embed pages
var pageFiles embed.FS

// pageTemplates escape by context (html/template): what they show of a room or
// of an address was written by anybody.
var pageTemplates = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// titlePatience bounds how long a page waits to be told its room's title.
const titlePatience = 250 * time.Millisecond

// preview is what other sites show with a link (https://ogp.me).
type preview struct {
	// Room is the room's title, if it has one that everybody may know.
	Room, Title, Description string
	URL, Image               string
	// Private pages are not for search engines: a room's address lets one in.
	Private bool
}

// watchPage is index.html in two halves: between them goes the preview, in the
// place of what the file has for when it is opened by itself.
type watchPage struct{ before, after []byte }

func newWatchPage(html []byte) watchPage {
	before, rest, ok := bytes.Cut(html, []byte("<!-- preview"))
	_, after, closed := bytes.Cut(rest, []byte("<!-- /preview -->"))
	if !ok || !closed {
		panic("index.html has no place for the preview") // it is part of the program
	}
	return watchPage{before: before, after: bytes.TrimLeft(after, "\n")}
}

func (p watchPage) serve(w http.ResponseWriter, r *http.Request, v preview) {
	var b bytes.Buffer
	b.Write(p.before)
	if err := pageTemplates.ExecuteTemplate(&b, "preview.html", v); err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	b.Write(p.after)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", etag(b.Bytes()))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.Bytes()))
}

// home serves the page without a room.
func (g *Gateway) home(w http.ResponseWriter, r *http.Request) {
	base := g.baseURL(r)
	g.page.serve(w, r, preview{
		Title: "tandem", Description: "Watch a video together, in the same moment.",
		URL: base.JoinPath("/").String(), Image: base.JoinPath("app/share.png").String(),
	})
}

// roomPage serves the page of a room. Whether there is such a room the page
// says itself, unless the address cannot be one's.
func (g *Gateway) roomPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	code, isCode := protocol.ParseRoomCode(id)
	if isCode {
		id = code
	}
	title, found := g.roomTitle(r, id)
	if !isCode && !found {
		missingPage(w, r, missing{Title: "This link leads to no room", Shown: id, Room: true})
		return
	}
	g.page.serve(w, r, preview{
		Room: title, Title: "Watch together", Description: "You are invited to watch a video together, in the same moment.",
		URL: g.roomURL(r, id), Image: g.baseURL(r).JoinPath("app/share.png").String(), Private: true,
	})
}

// roomTitle returns a room's title if everybody may know it. found is false when
// there is no such room; who asks too much, or while the log is slow, is told
// nothing, but gets the page.
func (g *Gateway) roomTitle(r *http.Request, id string) (title string, found bool) {
	if utf8.RuneCountInString(id) > protocol.MaxRoomID {
		return "", false
	}
	if _, ok := g.looks.Take(g.config.clientAddress(r)); !ok {
		return "", true
	}
	ctx, cancel := context.WithTimeout(r.Context(), titlePatience)
	defer cancel()
	info, err := g.hub.Info(ctx, id)
	return info.Title, !isRefusal(err, protocol.CodeRoomNotFound)
}

// missing is a page that is not there.
type missing struct {
	Title string
	// Shown is the address, or with Room what stands for the code in it.
	Shown string
	Room  bool
}

// notFound answers for addresses that nothing has.
func notFound(w http.ResponseWriter, r *http.Request) {
	if id, ok := strings.CutPrefix(r.URL.Path, "/r/"); ok && strings.Trim(id, "/") != "" {
		missingPage(w, r, missing{Title: "This link leads to no room", Shown: id, Room: true})
		return
	}
	missingPage(w, r, missing{Title: "There is nothing here", Shown: r.URL.Path})
}

// missingPage tells people what may be wrong and where to go. Programs get a
// line of text.
func missingPage(w http.ResponseWriter, r *http.Request, m missing) {
	w.Header().Add("Vary", "Accept")
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		writeText(w, http.StatusNotFound, "404 page not found")
		return
	}
	const most = 80
	if shown := []rune(strings.ToValidUTF8(m.Shown, "�")); len(shown) > most {
		m.Shown = string(shown[:most]) + "…"
	}
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, "missing.html", m); err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(b.Bytes())
}

// baseURL is the address that people reach this gateway at: the public one, or
// what the request called it.
func (g *Gateway) baseURL(r *http.Request) *url.URL {
	if g.config.PublicURL != nil {
		return g.config.PublicURL
	}
	scheme := "http"
	if g.config.overTLS(r) {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: r.Host}
}

// trustworthy says whether browsers take a request's address for one that
// nobody in between can change (W3C Secure Contexts, section 3.1): elsewhere
// they ignore some headers, and say so to whoever opens their tools.
func (g *Gateway) trustworthy(r *http.Request) bool {
	if g.config.overTLS(r) {
		return true
	}
	if u := g.config.PublicURL; u != nil && u.Scheme == "https" && strings.EqualFold(u.Host, r.Host) {
		return true // behind what ends TLS
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(trimBrackets(host))
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
