package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"tandem.watch/tandem/internal/testenv"
)

// TestKeyboard creates a room, joins it, plays and chats without a pointer.
func TestKeyboard(t *testing.T) {
	gateway := start(t).URL()
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	ann.navigate(gateway + "/")
	ann.await("the start page", `document.querySelector("#create-form")?.offsetHeight > 0`)
	ann.tabTo("#skip")
	ann.press(kb.Enter)
	ann.awaitFocus("#create-name")
	ann.press("Ann")
	ann.tabTo("#create-button")
	ann.press(kb.Enter)
	ann.awaitRoom()
	link := eval[string](ann, `location.href`)

	ben := open(t, browser, "Ben", phone)
	ben.navigate(link)
	ben.awaitFocus("#join-name")
	ben.press("Ben" + kb.Enter)
	ben.awaitRoom()
	both := []*window{ann, ben}
	awaitMembers(both, "Ann (host)", "Ben")

	// Playing: by its button, by its key, and from there on.
	ann.tabTo("#play-button")
	ann.press(" ")
	awaitTogether("Ann presses the button", both...)
	ben.press("k")
	awaitStill("Ben presses K", both...)
	ann.press("k")
	awaitTogether("Ann presses K", both...)
	before := eval[float64](ann, `tandem.room.position()`)
	ann.press("l")
	ann.await("going forward", `tandem.room.position() > `+js(before+8))
	ann.press("j")
	awaitTogether("Ann goes back", both...)
	ann.press("k")
	awaitStill("Ann presses K again", both...)
	ann.press(kb.ArrowRight)
	checkNear(t, "five seconds further", awaitStill("Ann presses an arrow", both...), eval[float64](ann, `tandem.room.position()`), 0.1)

	// Chatting, and out of it again. In a field, letters are letters.
	ann.strike("c")
	ann.awaitFocus("#chat-input")
	ann.press("kick off, mate?" + kb.Enter)
	awaitChat(both, "Ann: kick off, mate?")
	ann.press(kb.Escape)
	ann.awaitFocus("#play-button")

	// The sound is one's own.
	ann.press("m")
	ann.await("no sound", `document.querySelector("#video").muted`)
	ann.press("m")
	ann.await("sound", `!document.querySelector("#video").muted`)

	// Help, and the focus back where it was.
	ann.press("?")
	ann.await("the help", `document.querySelector("#help-dialog").open`)
	ann.press("k")
	ann.press(kb.Escape)
	ann.await("no help", `!document.querySelector("#help-dialog").open`)
	ann.awaitFocus("#play-button")
	if eval[bool](ann, `tandem.room.state.timeline.playing`) {
		t.Error("a key pressed in a dialog has started the video")
	}

	// The panels by their arrows, and a member's menu.
	ann.tabTo("#tab-chat")
	ann.press(kb.ArrowRight)
	ann.awaitFocus("#tab-people")
	ann.tabTo(`[aria-label="More about Ben"]`)
	ann.press(kb.Enter)
	ann.awaitFocus(`[aria-label="More about Ben"][aria-expanded="true"]`)
	ann.press("\t" + kb.Enter)
	ben.await("being moderator", `tandem.room.state.members.find((m) => m.id === tandem.room.state.self).role === "moderator"`)

	// Subtitles: open, and closed by Escape.
	ann.press("s")
	ann.awaitFocus("#captions-list input:checked")
	ann.press(kb.Escape)
	ann.awaitFocus("#captions-button")

	// Full screen with the chat in it.
	ann.press("f")
	ann.await("full screen", `document.fullscreenElement?.id === "watch"`)
	if !ann.visible("#tab-chat") {
		t.Error("in full screen there is no panel")
	}
	ann.press("f")
	ann.await("no full screen", `document.fullscreenElement === null`)

	ann.tabTo("#leave-button")
	ann.press(kb.Enter)
	ann.await("the start page", `location.pathname === "/" && document.querySelector("#create-form")?.offsetHeight > 0`)
	if got := eval[string](ann, `document.querySelector("#create-name").value`); got != "Ann" {
		t.Errorf("the name that is remembered is %q", got)
	}
}
