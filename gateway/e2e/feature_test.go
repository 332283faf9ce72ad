package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tandem.watch/tandem/internal/testenv"
)

// What people do with a room beside playing, by clicks, each state judged light
// and dark; at desktop width and at that of a phone.

// TestEntering comes to doors that open, and to those that do not.
func TestEntering(t *testing.T) {
	gateway := start(t).URL()
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	ann.navigate(gateway + "/")
	ann.await("the start page", `document.querySelector("#create-form")?.offsetHeight > 0`)
	ann.checkSteady(t, "the start page")
	ann.state("start")
	ann.enter("#create-pin", "1234")
	link := ann.create2(gateway, "Ann")
	ann.state("alone")

	// A PIN, wrong at first.
	ben := open(t, browser, "Ben", phone)
	ben.navigate(link)
	ben.await("the PIN's field", `document.querySelector("#join-pin")?.offsetHeight > 0`)
	ben.state("join")
	ben.expectOffline(true) // Chromium notes refused requests itself
	ben.enter("#join-name", "Ben")
	ben.enter("#join-pin", "4321")
	ben.click("#join-button")
	ben.awaitText("#join-error", "not the room’s PIN")
	ben.state("pin-wrong")
	eval[bool](ben, `(document.querySelector("#join-pin").value = "", true)`)
	ben.enter("#join-pin", "1234"+kb.Enter)
	ben.awaitRoom()
	ben.checkSteady(t, "the room")
	awaitMembers([]*window{ann, ben}, "Ann (host)", "Ben")

	// Removed, and in again; banned, and not.
	remove := func(how string) {
		ann.click("#tab-people")
		ann.click(`[aria-label="More about Ben"]`)
		ann.do("clicking "+how, chromedp.Click(chromedp.Search(`//div[@class="member-menu"]/button[text()="`+how+`"]`)))
	}
	remove("Remove")
	ben.awaitText("#problem-title", "You were removed")
	ben.state("removed")
	ann.click("#tab-chat")
	ann.awaitText("#chat-log .note:last-child", "Ben was removed")
	ben.do("joining again", chromedp.Click(chromedp.Search(`//*[@id="problem-actions"]/button[text()="Join again"]`)))
	ben.click("#join-button") // name and PIN are still there
	ben.awaitRoom()
	remove("Ban")
	ann.awaitText("#ask-title", "Ban Ben?")
	ann.state("ban")
	ann.click("#ask-yes")
	ben.awaitText("#problem-title", "You were banned")
	ben.navigate(link)
	ben.enter("#join-name", "Ben")
	ben.enter("#join-pin", "1234"+kb.Enter)
	ben.awaitText("#problem-title", "You were banned")
	if eval[int](ben, `document.querySelectorAll("#problem-actions button").length`) != 1 {
		t.Error("whoever is banned is offered to try again")
	}

	// Let in again, and locked out.
	ann.click("#settings-button")
	ann.state("settings")
	ann.do("letting Ben in", chromedp.Click(chromedp.Search(`//*[@id="banned"]//button`)))
	ann.await("nobody banned", `document.querySelectorAll("#banned li").length === 0`)
	ann.click("#setting-locked")
	ann.await("the lock", `tandem.room.state.settings.locked && document.querySelector("#room-lock").checkVisibility()`)
	ann.enter("#setting-title", "Film night"+kb.Enter)
	ann.awaitText("#room-title", "Film night")
	ben.navigate(link)
	ben.awaitText("#join-about", "locked")
	ben.enter("#join-name", "Ben")
	ben.enter("#join-pin", "1234"+kb.Enter)
	ben.awaitText("#problem-title", "The room is locked")
	ben.navigate(gateway + "/r/0000-0000-0000")
	ben.awaitText("#problem-title", "There is no such room")
	ben.state("no-room")
	ben.do("going on", chromedp.Click(chromedp.Search(`//*[@id="problem-actions"]/button[1]`)))
	ben.await("the start page", `location.pathname === "/" && document.querySelector("#join-code")?.offsetHeight > 0`)
	ben.enter("#join-code", "0000-0000-0000")
	ben.click("#join-button")
	ben.awaitText("#join-error", "no such room")
}

// create2 makes a room on a start page that is open, with what is typed already.
func (w *window) create2(gateway, name string) (link string) {
	w.t.Helper()
	w.enter("#create-name", name)
	w.click("#create-button")
	w.awaitRoom()
	return gateway + eval[string](w, `location.pathname`)
}

// TestPeople shares the room, gives roles, chats and reacts.
func TestPeople(t *testing.T) {
	gateway := start(t).URL()
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	ann.click("#share-button")
	ann.await("the link", `document.querySelector("#share-link").value === `+js(link))
	if got := eval[int](ann, `document.querySelector("#share-qr path")?.getAttribute("d").length ?? 0`); got < 1000 {
		t.Errorf("the QR code has %d characters of path", got)
	}
	ann.state("share")
	ann.click("#copy-link")
	ann.await("saying so", `/Copied|by hand/.test(document.querySelector("#copy-link").textContent)`)
	ann.press(kb.Escape)

	ben := open(t, browser, "Ben", phone)
	ben.joinByLink(link, "Ben")
	both := []*window{ann, ben}
	awaitMembers(both, "Ann (host)", "Ben")
	ann.awaitText("#chat-log", "Ben came in")

	// Roles, and their badges.
	ann.click("#tab-people")
	ann.click(`[aria-label="More about Ben"]`)
	ann.state("people")
	ann.do("making Ben moderator", chromedp.Click(chromedp.Search(`//button[text()="Make moderator"]`)))
	ben.click("#tab-people")
	ben.awaitText("#members", "moderator")
	ben.click(`[aria-label="More about Ben"]`)
	ben.do("changing one's name", chromedp.Click(chromedp.Search(`//button[text()="Change my name"]`)))
	ben.await("the question", `document.querySelector("#ask-dialog").open`)
	ben.state("rename")
	ben.enter("#ask-input", "ny"+kb.Enter) // the name is selected, and replaced
	awaitMembers(both, "Ann (host)", "ny")
	ben.state("people-phone")

	// Lines that come while one looks elsewhere are counted.
	ann.click("#tab-chat")
	ann.say("who is ny?")
	ben.await("the count", `document.querySelector("#chat-unread").textContent === "1" && document.querySelector("#chat-unread").checkVisibility()`)
	ben.click("#tab-chat")
	ben.await("no count", `!document.querySelector("#chat-unread").checkVisibility()`)
	ben.awaitText("#chat-log", "Ben is called ny now")
	ben.click(`#reactions [aria-label="Applause"]`)
	ann.awaitText("#reactions-shown", "👏 ny")
	ann.enter("#chat-input", "I am typ")
	ben.awaitText("#typing", "Ann is typing")
	ben.state("chat-phone")

	// The host hands the room over, and nobody but the new one controls it.
	ann.click("#tab-people")
	ann.click(`[aria-label="More about ny"]`)
	ann.do("handing over", chromedp.Click(chromedp.Search(`//button[text()="Hand over host"]`)))
	ann.click("#ask-yes")
	awaitMembers(both, "Ann", "ny (host)")
	ben.click("#settings-button")
	ben.click("#setting-guest-control")
	ann.await("no control", `document.querySelector("#play-button").disabled && !document.querySelector("#media-button").checkVisibility()`)
	ann.state("guest")
	ben.press(kb.Escape)
	ben.click("#leave-button")
	ben.await("the start page", `location.pathname === "/"`)
	awaitMembers([]*window{ann}, "Ann (host)")
	ann.click("#tab-chat")
	ann.awaitText("#chat-log", "ny left")
	ann.awaitText("#chat-log", "You are host now")
}

// TestQueue lines videos up, puts them in another order, and watches them one
// after the other.
func TestQueue(t *testing.T) {
	gateway, media := start(t).URL(), mediaServer(t)
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	ben := open(t, browser, "Ben", phone)
	ben.joinByLink(link, "Ben")
	both := []*window{ann, ben}
	ann.click("#tab-queue")
	ann.state("queue-empty")
	for _, name := range []string{"one", "two", "three"} {
		ann.click("#queue-add")
		ann.enter("#media-url", media+"/open/film.webm?"+name)
		ann.click(".more summary")
		ann.enter("#media-name", name)
		if name == "one" {
			ann.state("media-dialog")
		}
		ann.click("#media-enqueue")
		ann.await("the dialog's end", `!document.querySelector("#media-dialog").open`)
		ann.await("the details' closing", `!document.querySelector(".more").open`)
	}
	const titles = `[...document.querySelectorAll("#queue-list .title")].map((e) => e.textContent)`
	awaitQueue := func(want ...string) {
		t.Helper()
		for _, w := range both {
			w.await("the queue", js(strings.Join(want, ","))+` === `+titles+`.join()`)
		}
	}
	awaitQueue("one", "two", "three")
	ann.state("queue")
	ben.click("#tab-queue")
	ben.state("queue-phone")

	// By the keyboard too: the focus stays with the item.
	ann.tabTo(`[aria-label="Move three up"]`)
	ann.press(kb.Enter)
	awaitQueue("one", "three", "two")
	ann.awaitFocus(`[aria-label="Move three up"]`)
	ben.do("playing two next", chromedp.Click(chromedp.Search(`//li[.//*[text()="two"]]//button[text()="Play next"]`)))
	awaitQueue("two", "one", "three")
	ben.click(`[aria-label="Remove one"]`)
	awaitQueue("two", "three")

	// When a video ends, the next one plays, for all, once.
	ann.click("#play-button")
	awaitTogether("playing", both...)
	ann.seekTo(0.97)
	for _, w := range both {
		w.awaitText("#now-playing", "two")
	}
	awaitQueue("three")
	awaitTogether("the next one", both...)
	ann.click("#next-button")
	awaitQueue()
	for _, w := range both {
		w.awaitText("#now-playing", "three")
	}
	awaitTogether("the last one", both...)
	chosen := eval[[]string](ben, `[...document.querySelectorAll("#chat-log .note")].map((n) => n.textContent)`)
	if n := len(slices.DeleteFunc(chosen, func(s string) bool { return !strings.Contains(s, "“two”") || strings.Contains(s, "queue") })); n != 1 {
		t.Errorf("going on to the second is told %d times", n)
	}
}

// TestSoundBlocked comes back to a room that plays without having touched the
// page: it plays without sound, and says so.
func TestSoundBlocked(t *testing.T) {
	gateway := start(t).URL()
	browser := testenv.Chromium(t, chromedp.Flag("autoplay-policy", "document-user-activation-required"))
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	ben := open(t, browser, "Ben", phone)
	ben.joinByLink(link, "Ben")
	both := []*window{ann, ben}
	ann.click("#play-button")
	awaitTogether("Ann plays", both...)
	// Whoever came in by the button has made the gesture.
	for _, w := range both {
		if w.visible("#unblock-bar") || eval[bool](w, `document.querySelector("#video").muted`) {
			t.Errorf("%s came in by a click, and is without sound", w.name)
		}
	}
	ben.navigate(link)
	ben.await("the button", `document.querySelector("#unblock")?.checkVisibility()`)
	awaitTogether("Ben is back", both...)
	if !eval[bool](ben, `document.querySelector("#video").muted`) {
		t.Error("the browser lets it play aloud: the test proves nothing")
	}
	ben.awaitText("#unblock-text", "Playing without sound")
	ben.state("blocked")
	ben.click("#unblock")
	ben.await("sound", `!document.querySelector("#video").muted && !document.querySelector("#unblock-bar").checkVisibility()`)
	awaitTogether("with sound", both...)
}

// TestPicture looks at the controls and the figures.
func TestPicture(t *testing.T) {
	gateway := start(t).URL()
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	ben := open(t, browser, "Ben", phone)
	ben.joinByLink(link, "Ben")
	both := []*window{ann, ben}
	ann.click("#help-button")
	ann.state("help")
	ann.press(kb.Escape)
	ann.click("#play-button")
	awaitTogether("playing", both...)
	ann.click("#vitals summary")
	for _, w := range both {
		w.awaitText("#figures", "offset")
		w.awaitText("#figures", "room within")
	}
	ann.awaitText("#vitals-list", "Round trip")
	ann.await("a curve", `document.querySelector("#plot .curve").getAttribute("d").includes("L")`)
	ann.await("its words", `/milliseconds now/.test(document.querySelector("#plot").ariaLabel)`)
	ann.state("playing")
	ben.state("playing-phone")

	// Nothing that moves, and the controls go; a movement, and they are back.
	idle := `document.querySelector("#stage").hasAttribute("data-idle")`
	eval[bool](ann, `(document.activeElement.blur(), true)`)
	ann.await("the controls' hiding", idle)
	ann.do("moving the mouse", chromedp.MouseEvent("mouseMoved", 300, 300), chromedp.MouseEvent("mouseMoved", 320, 300))
	ann.await("the controls", "!"+idle)

	// A phone's keyboard takes half the window: the picture stays on top, the
	// field above the keyboard.
	ben.do("opening the keyboard", chromedp.EmulateViewport(phone.width, 480, chromedp.EmulateMobile, chromedp.EmulatePortrait))
	ben.click("#chat-input")
	ben.await("picture and field", `document.querySelector("#screen").getBoundingClientRect().top >= 0 && scrollY > 0
		&& document.querySelector("#chat-input").getBoundingClientRect().bottom <= innerHeight`)
	ben.shoot("keyboard")
	ben.do("closing it", chromedp.EmulateViewport(phone.width, phone.height, chromedp.EmulateMobile, chromedp.EmulatePortrait))

	// No offset is told of a video that stands, and none is negative.
	ann.click("#play-button")
	awaitStill("paused", both...)
	for _, w := range both {
		w.await("no offset", `!/offset|within/.test(document.querySelector("#figures").textContent)`)
	}
	if got := ann.text("#vitals-list"); !strings.Contains(got, "My offset–") || strings.Contains(got, "Round trip−") {
		t.Errorf("the figures say %q", got)
	}

	// Full screen with the chat, and without.
	ann.click("#fullscreen-button")
	ann.await("full screen", `document.fullscreenElement?.id === "watch"`)
	ann.say("in full screen")
	awaitChat(both, "Ann: in full screen")
	ann.state("full-screen")
	ann.click("#panel-button")
	ann.await("no panel", `!document.querySelector("#side").checkVisibility()`)
	ann.click("#fullscreen-button")
	ann.await("no full screen", `document.fullscreenElement === null`)
	ann.click("#panel-button")
	ann.await("the panel", `document.querySelector("#side").checkVisibility()`)
}
