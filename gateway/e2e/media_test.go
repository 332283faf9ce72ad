package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tandem.watch/tandem/client"
	"tandem.watch/tandem/internal/testenv"
)

const subtitles = "WEBVTT\n\n00:00.000 --> 00:40.000\n<v Ann>First <i>line</i>\n\n00:40.000 --> 00:59.000\nSecond line\n"

// mediaServer serves videos and subtitles of another site, good and bad. Below
// /open/ it lets other sites' pages read what it serves.
func mediaServer(t *testing.T) string {
	t.Helper()
	serve := func(kind string, data []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/open/") {
				w.Header().Set("Access-Control-Allow-Origin", "*")
			}
			w.Header().Set("Content-Type", kind)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(data)))
		}
	}
	mux := http.NewServeMux()
	clip := client.Clip()
	for path, handler := range map[string]http.HandlerFunc{
		"film.webm":  serve("video/webm", clip),
		"page.html":  serve("text/html", []byte("<!doctype html><title>Films</title>")),
		"film.flv":   serve("video/x-flv", []byte("no film")),
		"broken.mp4": serve("video/mp4", []byte("no film either")),
		"en.vtt":     serve("text/vtt", []byte(subtitles)),
		"none.vtt":   serve("text/vtt", []byte("WEBVTT\n")),
	} {
		mux.Handle("/open/"+path, handler)
		mux.Handle("/closed/"+path, handler)
	}
	mux.HandleFunc("/open/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.WriteHeader(http.StatusNotFound)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// chooseURL watches a video by its address, through the page's dialog.
func (w *window) chooseURL(url string) {
	w.t.Helper()
	w.click("#media-button")
	w.enter("#media-url", url)
	w.click("#media-watch")
	w.await("the dialog's end", `!document.querySelector("#media-dialog").open`)
}

// TestMediaErrors watches what cannot be watched: the page says why.
func TestMediaErrors(t *testing.T) {
	gateway, media := start(t).URL(), mediaServer(t)
	ann := open(t, testenv.Chromium(t), "Ann", desktop)
	ann.expectOffline(true) // Chromium notes failed requests itself
	ann.create(gateway, "Ann")
	for _, test := range []struct{ url, want string }{
		{media + "/open/gone.mp4", "There is nothing at this address"},
		{media + "/open/page.html", "That is a page, not a video"},
		{media + "/open/film.flv", "This browser does not play this format"},
		{media + "/open/broken.mp4", "This browser does not know the codec"},
		{media + "/closed/broken.mp4", "Nothing playable is at this address"},
		{"http://127.0.0.1:9/film.mp4", "The video’s server cannot be reached"},
	} {
		ann.chooseURL(test.url)
		ann.awaitText("#screen-message-title", test.want)
		ann.await("the message", `document.querySelector("#screen-message").checkVisibility()`)
		if test.url == media+"/open/page.html" {
			ann.state("media-page")
		}
	}
	// What plays takes the message away.
	ann.chooseURL(media + "/closed/film.webm")
	ann.await("the film", `document.querySelector("#video").readyState >= 3 && !document.querySelector("#screen-message").checkVisibility()`)
	if got := ann.text("#now-playing"); got != "film.webm" {
		t.Errorf("the title is %q", got)
	}

	// What is no address never gets to the others.
	number := eval[int](ann, `tandem.room.state.mediaNumber`)
	ann.click("#media-button")
	ann.enter("#media-url", "ftp://127.0.0.1/film.mp4")
	ann.click("#media-watch")
	ann.awaitText("#media-error", "Only http and https")
	if got := eval[int](ann, `tandem.room.state.mediaNumber`); got != number {
		t.Error("an address that leads nowhere was given to the room")
	}
}

// TestFiles watches a file that everybody has: one has another cut.
func TestFiles(t *testing.T) {
	gateway := start(t).URL()
	browser := testenv.Chromium(t)
	folder := t.TempDir()
	film, other := filepath.Join(folder, "The film.webm"), filepath.Join(folder, "not a film.webm")
	if err := os.WriteFile(film, client.Clip(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, []byte("no film"), 0o600); err != nil {
		t.Fatal(err)
	}
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	ben := open(t, browser, "Ben", phone)
	ben.joinByLink(link, "Ben")
	both := []*window{ann, ben}

	ann.click("#media-button")
	ann.do("choosing a file", chromedp.SetUploadFiles(chromedp.CSS("#media-file"), []string{film}))
	ann.await("the file", `tandem.room.state.media.kind === "file" && document.querySelector("#video").readyState >= 3`)
	ben.awaitText("#screen-message-title", "The film.webm")
	ben.state("file-wanted")
	ben.do("opening a wrong copy", chromedp.SetUploadFiles(chromedp.CSS("#own-copy"), []string{other}))
	ben.awaitText("#screen-message-title", "does not play your file")
	ben.do("opening the copy", chromedp.SetUploadFiles(chromedp.CSS("#own-copy"), []string{film}))
	ben.await("the copy", `document.querySelector("#video").readyState >= 3 && !document.querySelector("#screen-message").checkVisibility()`)
	ann.click("#play-button")
	awaitTogether("each with its own copy", both...)
	ann.click("#play-button")
	awaitStill("Ann pauses", both...)

	// The same file once more, by whoever came back without it.
	ann.navigate(link)
	ann.awaitText("#screen-message-title", "The film.webm")
	ann.click("#media-button")
	ann.do("choosing the same file", chromedp.SetUploadFiles(chromedp.CSS("#media-file"), []string{film}))
	ann.await("the same file", `document.querySelector("#video").readyState >= 3 && !document.querySelector("#media-dialog").open`)

	// A copy that is longer than the one that was chosen.
	eval[int](ann, `tandem.room.setMedia({kind: "file", title: "Another cut.webm", durationMs: 30000})`)
	ben.awaitText("#screen-message-title", "Another cut.webm")
	ben.do("opening a copy", chromedp.SetUploadFiles(chromedp.CSS("#own-copy"), []string{film}))
	ben.awaitText("#error", "30 s longer")
	ben.awaitText("#now-note", "30 s longer")
}

// TestSubtitles shows subtitles that come with a video, says what is wrong with
// others, and opens one's own.
func TestSubtitles(t *testing.T) {
	gateway, media := start(t).URL(), mediaServer(t)
	ann := open(t, testenv.Chromium(t), "Ann", desktop)
	ann.create(gateway, "Ann")
	ann.expectOffline(true)
	eval[int](ann, `tandem.room.setMedia({kind: "url", url: `+js(media+"/open/film.webm")+`, subtitles: [
		{url: `+js(media+"/open/en.vtt")+`, label: "English"},
		{url: `+js(media+"/closed/en.vtt")+`, lang: "de"},
		{url: `+js(media+"/open/gone.vtt")+`},
		{url: `+js(media+"/open/none.vtt")+`, label: "Empty"},
	]})`)
	ann.await("the film", `document.querySelector("#video").readyState >= 3`)
	ann.click("#play-button") // a video that never moved shows no subtitle in Chromium
	ann.click("#captions-button")
	ann.await("the choices", `document.querySelectorAll("#captions-list label").length === 5`)
	shown := `[...(document.querySelector("#video").textTracks[0]?.activeCues ?? [])].map((c) => c.text).join("|")`
	choose := func(place string) { ann.click("#captions-list label:nth-child(" + place + ")") }
	choose("2")
	ann.await("a line", shown+` === "First <i>line</i>"`)
	ann.state("subtitles")
	for place, want := range map[string]string{"3": "no CORS", "4": "no subtitles there (404)", "5": "There are no subtitles in it"} {
		choose(place)
		ann.awaitText("#captions-error", want)
		ann.await("no line", shown+` === ""`)
	}
	choose("1")
	ann.await("no subtitles", `document.querySelector("#video").textTracks[0].mode === "disabled" && document.querySelector("#captions-error").textContent === ""`)

	own := filepath.Join(t.TempDir(), "mine.srt")
	if err := os.WriteFile(own, []byte("1\n00:00:00,000 --> 00:00:50,000\n<font color=red>Mine</font>\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ann.do("opening one's own", chromedp.SetUploadFiles(chromedp.CSS("#captions-file"), []string{own}))
	ann.await("one's own line", shown+` === "Mine"`)
	if got := eval[string](ann, `document.querySelector("#captions-list :checked").parentElement.textContent`); got != "mine.srt (mine)" {
		t.Errorf("chosen is %q", got)
	}
}
