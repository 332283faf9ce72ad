package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/chromedp"
)

// What a person does on the page, and sees there.

// address is where the window finds a page of the program: over the transport
// that it is to use.
func (w *window) address(page string) string {
	if w.transport == "" {
		return page
	}
	return page + "?transport=" + w.transport
}

// create makes a room through the form of the start page.
func (w *window) create(gateway, name string) (link string) {
	w.t.Helper()
	w.navigate(w.address(gateway + "/"))
	w.enter("#create-name", name)
	w.click("#create-button")
	w.awaitRoom()
	return eval[string](w, `location.origin + location.pathname`)
}

// joinByLink comes into a room by its address.
func (w *window) joinByLink(link, name string) {
	w.t.Helper()
	w.navigate(w.address(link))
	w.enter("#join-name", name)
	w.click("#join-button")
	w.awaitRoom()
}

// joinByCode comes into a room by typing its code on the start page.
func (w *window) joinByCode(gateway, code, name string) {
	w.t.Helper()
	w.navigate(w.address(gateway + "/"))
	w.enter("#join-code", code)
	w.enter("#join-name", name)
	w.click("#join-button")
	w.awaitRoom()
}

func (w *window) awaitRoom() {
	w.t.Helper()
	w.await("the room", `location.pathname.startsWith("/r/") && window.tandem?.room.connection.state === "connected"
		&& document.querySelector("#video").readyState >= 3`)
}

// say writes a line of chat.
func (w *window) say(text string) {
	w.t.Helper()
	w.enter("#chat-input", text)
	w.click("#chat-send")
}

// seekTo clicks into the seek bar, and waits until the room has moved; fraction
// is from 0 to 1.
func (w *window) seekTo(fraction float64) {
	w.t.Helper()
	// A click on the thumb moves nothing.
	w.await("the thumb's moving away", fmt.Sprintf(
		`((bar) => Math.abs(bar.value / bar.max - %f) * bar.offsetWidth > 24)(document.querySelector("#seek"))`, fraction))
	before := eval[int](w, `tandem.room.state.timeline.number`)
	const where = `(() => {
		const bar = document.querySelector("#seek");
		bar.scrollIntoView({block: "nearest"});
		const {left, top, width, height} = bar.getBoundingClientRect();
		return [left, top + height / 2, width];
	})()`
	at := eval[[]float64](w, where)
	w.do("clicking into the seek bar", chromedp.MouseClickXY(at[0]+at[2]*fraction, at[1]))
	w.await("the seek", fmt.Sprintf(`tandem.room.state.timeline.number > %d`, before))
}

// member is a member as the page lists it.
type member struct {
	ID, Name   string
	Host, Away bool
}

func (m member) String() string {
	s := m.Name
	if m.Host {
		s += " (host)"
	}
	if m.Away {
		s += " (away)"
	}
	return s
}

const listMembers = `[...document.querySelectorAll("#members li[data-member]")].map((item) => ({
	ID: item.dataset.member,
	Name: item.querySelector(".name").textContent,
	Host: item.hasAttribute("data-host"),
	Away: item.hasAttribute("data-away"),
}))`

func (w *window) members() []member {
	w.t.Helper()
	return eval[[]member](w, listMembers)
}

func (w *window) self() string {
	w.t.Helper()
	return eval[string](w, `window.tandem.room.state.self`)
}

// awaitMembers waits until windows list these members, by String, in order.
func awaitMembers(windows []*window, want ...string) {
	for _, w := range windows {
		w.t.Helper()
		eventually(w.t, w.name+": the list of members", func() string {
			have, err := tryEval[[]member](w, listMembers)
			if err != nil {
				return err.Error()
			}
			if got := fmt.Sprint(have); got != fmt.Sprint(want) {
				return fmt.Sprintf("is %s, want %s", got, want)
			}
			return ""
		})
	}
}

// line is a line of chat as the page shows it.
type line struct {
	Number    int
	Who, Text string
}

const listChat = `[...document.querySelectorAll("#chat-log [data-chat-number]")].map((item) => ({
	Number: Number(item.dataset.chatNumber),
	Who: item.querySelector(".who").textContent,
	Text: item.querySelector(".text").textContent,
}))`

// awaitChat waits until all windows show the same chat, made of these lines of
// "who: text" in any order, and checks that its numbers rise: nothing is
// missing, nothing is there twice, and everybody reads it in the same order.
func awaitChat(windows []*window, want ...string) []line {
	first := windows[0]
	first.t.Helper()
	want = slices.Sorted(slices.Values(want))
	var all [][]line
	eventually(first.t, "the chat", func() string {
		all = nil
		for _, w := range windows {
			lines, err := tryEval[[]line](w, listChat)
			if err != nil {
				return w.name + ": " + err.Error()
			}
			var have []string
			for _, l := range lines {
				have = append(have, l.Who+": "+l.Text)
			}
			slices.Sort(have)
			if !slices.Equal(have, want) {
				return fmt.Sprintf("%s shows %q, want %q", w.name, have, want)
			}
			all = append(all, lines)
		}
		return ""
	})
	for i, lines := range all {
		if !slices.Equal(lines, all[0]) {
			first.t.Errorf("%s shows the chat %v, %s %v", windows[i].name, lines, first.name, all[0])
		}
	}
	for i := 1; i < len(all[0]); i++ {
		if all[0][i].Number <= all[0][i-1].Number {
			first.t.Errorf("the chat is out of order: %v", all[0])
		}
	}
	return all[0]
}

// connection is how a page is connected: its transport and where to.
func (w *window) connection() string {
	w.t.Helper()
	return eval[string](w, `tandem.room.connection.transport + " " + tandem.room.connection.url`)
}

// checkConnection checks the transport and the scheme of a page's connection,
// and that the page says so.
func (w *window) checkConnection(transport, scheme string) {
	w.t.Helper()
	if got := w.connection(); !strings.HasPrefix(got, transport+" "+scheme+"://") {
		w.t.Errorf("%s is connected by %s, want %s over %s", w.name, got, transport, scheme)
	}
	word := map[string]string{"webtransport": "WebTransport", "websocket": "WebSocket"}[transport]
	w.await("saying how", fmt.Sprintf(`document.querySelector("#state-line").textContent.includes(%s)`, js(word)))
}

// status is the state line, for the log.
func (w *window) status() string {
	w.t.Helper()
	return strings.TrimSpace(eval[string](w, `document.querySelector("#state-line").textContent`))
}

// js writes a value as a JavaScript literal.
func js(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // only for values that the tests make
	}
	return string(text)
}
