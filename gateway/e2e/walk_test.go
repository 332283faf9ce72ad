package e2e

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tandem.watch/tandem/internal/testenv"
)

// TestThreeWindows is the product in its thinnest form: three people in one
// room, of whom one comes late, and the host goes. Each comes over another
// transport: WebTransport, ws and wss.
func TestThreeWindows(t *testing.T) {
	program := start(t)
	gateway := program.URL()
	browser := testenv.Chromium(t)

	ann := open(t, browser, "Ann", desktop)
	ann.transport = "webtransport"
	ann.navigate(gateway + "/")
	ann.await("the start page", `document.querySelector("#create-form")?.offsetHeight > 0`)
	ann.shoot("01-start")
	checkLayout(t, ann, "#create-form", "#join-form")
	link := ann.create(gateway, "Ann")
	awaitMembers([]*window{ann}, "Ann (host)")
	ann.checkConnection("webtransport", "https")
	ann.shoot("02-alone")

	ben := open(t, browser, "Ben", desktop)
	ben.transport = "websocket"
	ben.navigate(link)
	ben.await("the form to join", `document.querySelector("#join-form")?.offsetHeight > 0`)
	ben.shoot("03-link")
	if eval[bool](ben, `document.querySelector("#join-code").offsetHeight > 0`) {
		t.Error("who opens a link is asked for the code")
	}
	ben.joinByLink(link, "Ben")
	ben.checkConnection("websocket", "ws")
	awaitMembers([]*window{ann, ben}, "Ann (host)", "Ben")

	// One plays, all play.
	ann.say("here we go")
	ann.click("#play-button")
	awaitTogether("Ann plays", ann, ben)
	ben.say("I see it")
	awaitChat([]*window{ann, ben}, "Ann: here we go", "Ben: I see it")

	// Who comes late is where the others are, and sees what was said. The code
	// is typed as people type codes.
	code := strings.ToLower(eval[string](ann, `document.querySelector("#room-code").textContent`))
	cleo := open(t, trusting(t), "Cleo", phone)
	cleo.transport = "websocket"
	cleo.navigate(program.SecureURL() + "/")
	cleo.await("the start page", `document.querySelector("#join-form")?.offsetHeight > 0`)
	checkLayout(t, cleo, "#create-form", "#join-form", "#join-button")
	cleo.shoot("04-start")
	cleo.joinByCode(program.SecureURL(), " "+strings.ReplaceAll(code, "-", " "), "Cleo")
	all := []*window{ann, ben, cleo}
	cleo.checkConnection("websocket", "wss")
	awaitMembers(all, "Ann (host)", "Ben", "Cleo")
	awaitTogether("Cleo comes late", all...)
	awaitChat(all, "Ann: here we go", "Ben: I see it")
	cleo.say("sorry I am late")
	awaitChat(all, "Ann: here we go", "Ben: I see it", "Cleo: sorry I am late")
	shootAll("05-playing", all...)
	ann.shootForDocs("watch")
	for _, w := range all {
		checkLayout(t, w, "#video", "#play-button", "#seek", "#tab-people", "#chat-input", "#chat-send", "#leave-button")
		t.Logf("%s: %s", w.name, w.status())
	}

	// One pauses, all stand at the same frame.
	ben.click("#play-button")
	stopped := awaitStill("Ben pauses", all...)
	if stopped < 1 {
		t.Errorf("they stand at %.3f s after having played for longer", stopped)
	}
	shootAll("06-paused", all...)

	// One seeks, all are there: standing, and playing.
	duration := eval[float64](ann, `document.querySelector("#video").duration`)
	cleo.seekTo(0.6)
	checkNear(t, "a seek", awaitStill("Cleo seeks", all...), 0.6*duration, 2)
	ann.click("#play-button")
	awaitTogether("Ann plays again", all...)
	ben.seekTo(0.1)
	checkNear(t, "a seek while playing", awaitTogether("Ben seeks", all...), 0.1*duration+10, 12)

	// The host goes; the one who was there next is host, and they watch on.
	ann.click("#leave-button")
	ann.await("the start page", `location.pathname === "/" && document.querySelector("#create-form")?.offsetHeight > 0`)
	rest := []*window{ben, cleo}
	awaitMembers(rest, "Ben (host)", "Cleo")
	awaitTogether("Ann has left", rest...)
	awaitChat(rest, "Ann: here we go", "Ben: I see it", "Cleo: sorry I am late")
	shootAll("07-host-left", all...)
}

// TestReload reloads a page, and closes the host's window: a seat outlives the
// page, but not for ever.
func TestReload(t *testing.T) {
	gateway := start(t, "--seat-grace", "10s").URL()
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	ben := open(t, browser, "Ben", desktop)
	ben.joinByLink(link, "Ben")
	both := []*window{ann, ben}
	awaitMembers(both, "Ann (host)", "Ben")
	ann.say("before")
	ann.click("#play-button")
	awaitTogether("Ann plays", both...)

	// The host's page comes back to the host's seat, and nobody sees it go.
	seat, members := ann.self(), ben.members()
	comings := eval[int](ben, `document.querySelectorAll("#chat-log .note").length`)
	ann.navigate(link)
	ann.awaitRoom()
	if got := ann.self(); got != seat {
		t.Errorf("after a reload Ann is %s, was %s", got, seat)
	}
	awaitMembers(both, "Ann (host)", "Ben")
	for _, w := range both {
		if got := w.members(); !slices.Equal(got, members) {
			t.Errorf("after a reload %s lists %v, want %v", w.name, got, members)
		}
	}
	if got := eval[int](ben, `document.querySelectorAll("#chat-log .note").length`); got != comings {
		t.Errorf("a reload made %d comings and goings", got-comings)
	}
	awaitTogether("Ann is back", both...)
	ann.say("after")
	awaitChat(both, "Ann: before", "Ann: after")

	// Closed without a word, she is away at first, and gone after the grace.
	ann.closePage()
	awaitMembers([]*window{ben}, "Ann (host) (away)", "Ben")
	ben.shoot("08-host-away")
	awaitMembers([]*window{ben}, "Ben (host)")
	awaitTogether("Ann is gone", ben)
}

// trusting starts a Chromium that takes the gateway's own certificate without a
// question, as it would one that an authority has signed.
func trusting(t *testing.T) context.Context {
	t.Helper()
	return testenv.Chromium(t, chromedp.Flag("ignore-certificate-errors", true))
}

func checkNear(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s: at %.3f s, want %.1f ± %.0f s", what, got, want, within)
	}
}
