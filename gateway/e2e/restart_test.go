package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem.watch/tandem/internal/testenv"
)

// TestRestartUnderWindows stops the gateway cleanly, and then kills it, under
// three windows that watch, over WebTransport, ws and wss: they come back by themselves to their seats, miss
// nothing, repeat nothing, and their videos play on all the while.
func TestRestartUnderWindows(t *testing.T) {
	program := start(t)
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	ann.transport = "webtransport"
	link := ann.create(program.URL(), "Ann")
	ben := open(t, browser, "Ben", desktop)
	ben.transport = "websocket"
	ben.joinByLink(link, "Ben")
	cleo := open(t, trusting(t), "Cleo", phone)
	cleo.transport = "websocket"
	cleo.joinByLink(strings.Replace(link, program.URL(), program.SecureURL(), 1), "Cleo")
	all := []*window{ann, ben, cleo}
	awaitMembers(all, "Ann (host)", "Ben", "Cleo")

	ann.click("#play-button")
	ann.await("playing", `tandem.room.state.timeline.playing`)
	said := []string{}
	for _, how := range []struct {
		name string
		end  func()
	}{
		{"stopped", program.Stop},
		{"killed", program.Kill},
	} {
		ann.seekTo(0.15) // the clip is to last until the end of the round
		awaitTogether("before it is "+how.name, all...)
		seats, members := seatsOf(all), ann.members()
		ann.checkConnection("webtransport", "https")
		ben.checkConnection("websocket", "ws")
		cleo.checkConnection("websocket", "wss")
		for _, w := range all {
			text := "before it is " + how.name
			w.say(text)
			said = append(said, w.name+": "+text)
		}
		before := awaitChat(all, said...)
		for _, w := range all {
			w.record()
			w.expectOffline(true)
		}

		how.end()
		for _, w := range all {
			w.await("noticing", `tandem.room.connection.state === "reconnecting"`)
			w.await("saying so", `/Reconnecting/.test(document.querySelector("#state-line").textContent)`)
			text := "while it is " + how.name
			w.say(text)
			said = append(said, w.name+": "+text)
			w.awaitText("#chat-pending", text+"sending…")
		}
		for _, w := range all {
			w.awaitMoved(time.Second)
		}
		shootAll("09-"+how.name, all...)

		program.Restart()
		for _, w := range all {
			w.await("coming back", `tandem.room.connection.state === "connected"`)
			w.expectOffline(false)
		}
		after := awaitChat(all, said...)
		if got := after[:min(len(before), len(after))]; !slices.Equal(got, before) {
			t.Errorf("%s: the chat before was %v, is %v", how.name, before, got)
		}
		awaitMembers(all, "Ann (host)", "Ben", "Cleo")
		if got := seatsOf(all); !slices.Equal(got, seats) {
			t.Errorf("%s: the seats were %v, are %v", how.name, seats, got)
		}
		for _, w := range all {
			if got := w.members(); !slices.Equal(got, members) {
				t.Errorf("%s: %s lists %v, want %v", how.name, w.name, got, members)
			}
			w.checkUndisturbed(how.name)
		}
		if at := eval[float64](ann, `tandem.room.position()`); at > 45 {
			t.Logf("%s: at %.0f s of the clip; the machine is slow", how.name, at)
			ann.seekTo(0.15)
		}
		awaitTogether("after it was "+how.name, all...)
	}
	for _, w := range all {
		if got := eval[int](w, `document.querySelectorAll("#chat-log .note").length`); got > len(all) {
			t.Errorf("%s was told of %d comings and goings", w.name, got)
		}
	}

	// All of it still works.
	ben.click("#play-button")
	awaitStill("Ben pauses", all...)
	shootAll("10-restarted", all...)
}

func seatsOf(windows []*window) []string {
	var seats []string
	for _, w := range windows {
		seats = append(seats, w.self()+" "+eval[string](w, `tandem.room.seat`))
	}
	return seats
}

// awaitMoved waits until the window's video has played on for so long.
func (w *window) awaitMoved(d time.Duration) {
	w.t.Helper()
	from := eval[float64](w, `document.querySelector("#video").currentTime`)
	w.await("playing on", fmt.Sprintf(`document.querySelector("#video").currentTime > %f`, from+d.Seconds()))
}

// record begins to note what becomes of the video, and of the room's timeline
// as the page has it. Either is where 0 was, by the page's clock.
func (w *window) record() {
	w.t.Helper()
	eval[bool](w, `(() => {
		clearInterval(window.recorded?.timer);
		const video = document.querySelector("#video");
		const recorded = window.recorded = {events: [], video: [], room: [], late: 0};
		let last = performance.now();
		recorded.timer = setInterval(() => {
			recorded.late = Math.max(recorded.late, performance.now() - last - 50);
			last = performance.now();
			recorded.video.push(performance.now() - video.currentTime * 1000);
			recorded.room.push(performance.now() - tandem.room.position() * 1000);
		}, 50);
		for (const type of ["pause", "play", "seeking", "emptied", "error", "ended"]) {
			video.addEventListener(type, () => recorded.events.push(type));
		}
		return true;
	})()`)
}

// checkUndisturbed checks that since record neither the video nor the timeline
// stood or jumped. A video may limp on a busy machine, and it is not judged
// where even the page's timers were late; the timeline always is.
func (w *window) checkUndisturbed(what string) {
	w.t.Helper()
	got := eval[struct {
		Events []string  `json:"events"`
		Video  []float64 `json:"video"`
		Room   []float64 `json:"room"`
		Late   float64   `json:"late"`
	}](w, `({events: recorded.events, video: recorded.video, room: recorded.room, late: recorded.late})`)
	if len(got.Video) == 0 {
		w.t.Fatalf("%s: %s recorded nothing", what, w.name)
	}
	judge := w.t.Errorf
	if got.Late > starved {
		judge = w.t.Logf
	}
	if len(got.Events) > 0 {
		judge("%s: %s's video had: %s", what, w.name, strings.Join(got.Events, ", "))
	}
	video, room := slices.Max(got.Video)-slices.Min(got.Video), slices.Max(got.Room)-slices.Min(got.Room)
	w.t.Logf("%s: %s's video moved by %.0f ms, the timeline by %.1f ms; a timer was up to %.0f ms late", what, w.name, video, room, got.Late)
	if video > 400 {
		judge("%s: %s's video stood or jumped by %.0f ms", what, w.name, video)
	}
	if room > 100 {
		w.t.Errorf("%s: %s's timeline stood or jumped by %.0f ms", what, w.name, room)
	}
}
