package e2e

import (
	"fmt"
	"strings"
	"testing"

	"tandem.watch/tandem/internal/testenv"
)

// TestHeldInPlace has things change under somebody's hands: what is open stays
// open, what has the focus keeps it, and what is said can be taken away.
func TestHeldInPlace(t *testing.T) {
	gateway := start(t).URL()
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	ben := open(t, browser, "Ben", desktop)
	ben.joinByLink(link, "Ben")
	awaitMembers([]*window{ann, ben}, "Ann (host)", "Ben")

	// A badge that comes while a menu is open.
	item := fmt.Sprintf(`document.querySelector("#members [data-member=%s]")`, ben.self())
	ann.click("#tab-people")
	ann.click("#members li:not([data-host]) button")
	eval[bool](ann, `Boolean(window.menu = document.querySelector(".member-menu"))`)
	ben.navigate("about:blank")
	ann.await("word that Ben is away", item+`.textContent.includes("reconnecting")`)
	if !eval[bool](ann, `window.menu.isConnected`) {
		t.Error("the open menu was made anew for a badge")
	}
	ann.press("\x1b")

	// What is told while a dialog is open can be taken away, and outlives it.
	toast := `document.querySelector("#error").checkVisibility()`
	tell := `(HTMLVideoElement.prototype.requestPictureInPicture = () => Promise.reject(), document.querySelector("#pip-button").click(), true)`
	ann.click("#settings-button")
	eval[bool](ann, tell)
	ann.await("being told", toast)
	ann.click("#error-close")
	ann.await("its end", "!"+toast)
	if !eval[bool](ann, `document.querySelector("#settings-dialog").open`) {
		t.Error("the dialog was closed with it")
	}
	eval[bool](ann, tell)
	ann.await("being told again", toast)
	ann.click("#settings-dialog [data-close]")
	ann.await("the dialog's end", `!document.querySelector("#settings-dialog").open`)
	ann.await("being told still", toast)
	ann.click("#error-close")

	// The key that opened the subtitles closes them.
	ann.strike("s")
	ann.awaitFocus("#captions-list input")
	ann.strike("s")
	ann.awaitFocus("#captions-button")

	// A drag that changes nothing is over when the pointer is lifted.
	eval[bool](ann, `((seek) => (seek.value = 30, seek.dispatchEvent(new Event("input")), true))(document.querySelector("#seek"))`)
	ann.await("the drag", `document.querySelector("#position").textContent.startsWith("0:30")`)
	eval[bool](ann, `dispatchEvent(new PointerEvent("pointercancel"))`)
	ann.await("the drag's end", `document.querySelector("#position").textContent.startsWith("0:00")`)
}

// TestMisspelledLink pastes a link to a room that nobody could have made: the
// page says so.
func TestMisspelledLink(t *testing.T) {
	gateway := start(t).URL()
	ann := open(t, testenv.Chromium(t), "Ann", desktop)
	ann.expectOffline(true) // Chromium notes refused requests itself
	ann.navigate(ann.address(gateway))
	ann.enter("#join-code", gateway+"/r/100%")
	ann.enter("#join-name", "Ann")
	ann.click("#join-button")
	ann.await("a word of it", `document.querySelector("#join-error").textContent !== ""`)
	if text := ann.text("#join-error"); strings.Contains(text, "Something went wrong in this page") {
		t.Errorf("the page is at a loss: %s", text)
	}
}
