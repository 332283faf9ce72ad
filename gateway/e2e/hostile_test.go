package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"tandem.watch/tandem/internal/testenv"
)

// hostile is what somebody may call themself, say, or have for a title.
const hostile = `<img src=x onerror=alert(1)>"'</p>`

// TestHostile has everything that a member can write be hostile: it is shown
// as it was written, and nothing else happens.
func TestHostile(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write([]byte("WEBVTT\n\n00:00.000 --> 00:59.000\n<img src=x onerror=alert(1)><script>alert(2)</script><c onclick=alert(3)>text</c> <a href=\"javascript:alert(4)\">link</a>\n"))
	}))
	t.Cleanup(site.Close)
	gateway := start(t).URL()
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	ann.navigate(gateway + "/")
	const watch = `(() => {
		window.violated = [];
		addEventListener("securitypolicyviolation", (e) => violated.push(e.violatedDirective + " " + e.blockedURI));
		window.alert = window.confirm = window.prompt = (text) => violated.push("alert " + text);
		return true;
	})()`
	eval[bool](ann, watch)
	ann.enter("#create-name", hostile)
	ann.click("#create-button")
	ann.awaitRoom()
	link := eval[string](ann, `location.origin + location.pathname`)
	ben := open(t, browser, "Ben", phone)
	ben.navigate(link)
	eval[bool](ben, watch)
	ben.enter("#join-name", "Ben")
	ben.click("#join-button")
	ben.awaitRoom()
	both := []*window{ann, ben}
	awaitMembers(both, hostile+" (host)", "Ben")

	lines := []string{hostile, `javascript:alert(5)`, `<a href="javascript:alert(6)">x</a>`, `https://a.example/"onmouseover=alert(7)`}
	for _, text := range lines {
		ann.say(text)
	}
	eval[int](ann, `tandem.room.changeSettings({title: `+js(hostile)+`})`)
	eval[int](ann, fmt.Sprintf(`tandem.room.setMedia({kind: "clip", title: %s, subtitles: [{url: %s, label: %s}]})`, js(hostile), js(site.URL+"/x.vtt"), js(hostile)))
	eval[int](ann, `tandem.room.enqueue({kind: "file", title: `+js(hostile)+`})`)
	eval[bool](ann, `tandem.room.react(`+js(`<b>&lt;i</b>`)+`)`)
	var want []string
	for _, text := range lines {
		want = append(want, hostile+": "+text)
	}
	awaitChat(both, want...)
	ann.click("#play-button") // a video that never moved shows no subtitle in Chromium
	for _, w := range both {
		w.awaitText("#now-playing", hostile)
		w.awaitText("#room-title", hostile)
		w.awaitText("#queue-list", hostile)
		w.click("#captions-button")
		w.click("#captions-list label:nth-child(2)")
		w.await("the subtitles", `document.querySelector("#video").textTracks[0]?.activeCues?.length === 1`)
		if got := eval[string](w, `document.querySelector("#video").textTracks[0].activeCues[0].text`); got != "alert(2)text link" {
			t.Errorf("%s: the subtitle is %q", w.name, got)
		}
		made := eval[int](w, `document.querySelectorAll("body img:not(.brand img), [onerror], [onclick], [onmouseover], script:not([src]), a[href^='javascript']").length`)
		if made != 0 {
			t.Errorf("%s: what was written has become %d elements", w.name, made)
		}
		if got := eval[[]string](w, `violated`); len(got) > 0 {
			t.Errorf("%s: %q", w.name, got)
		}
		if got := eval[string](w, `document.title`); got != hostile+" · tandem" {
			t.Errorf("%s: the title is %q", w.name, got)
		}
	}
	links := eval[[]string](ben, `[...document.querySelectorAll("#chat-log a")].map((a) => a.href + " " + a.rel)`)
	if len(links) != 1 || links[0] != "https://a.example/ noopener noreferrer nofollow" {
		t.Errorf("the links in the chat are %q", links)
	}
	ben.click("#tab-people")
	ben.state("hostile")
}
