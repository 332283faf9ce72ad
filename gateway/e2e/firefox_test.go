package e2e

import (
	"testing"

	"tandem.watch/tandem/internal/testenv"
)

// TestFirefox has Firefox join over WebTransport, by the certificate's hash,
// and watch with Chromium.
func TestFirefox(t *testing.T) {
	gateway := start(t).URL()
	ann := open(t, testenv.Chromium(t), "Ann", desktop)
	link := ann.create(gateway, "Ann")
	fay := openFirefox(t, "Fay", desktop)
	fay.transport = "webtransport"
	fay.joinByLink(link, "Fay")
	both := []*window{ann, fay}
	awaitMembers(both, "Ann (host)", "Fay")
	fay.checkConnection("webtransport", "https")
	t.Logf("%s: %s", eval[string](fay, `navigator.userAgent`), fay.status())

	ann.say("hello")
	fay.say("hello from another browser")
	awaitChat(both, "Ann: hello", "Fay: hello from another browser")
	fay.click("#play-button")
	awaitTogether("Fay plays", both...)
	ann.seekTo(0.5)
	awaitTogether("Ann seeks", both...)
	t.Log(fay.status())
	checkLayout(t, fay, "#play-button", "#seek", "#chat-input", "#chat-send", "#leave-button")
	fay.shoot("firefox")
	fay.resize(phone)
	checkLayout(t, fay, "#play-button", "#seek", "#chat-input", "#chat-send", "#leave-button")
	fay.shoot("firefox-phone")
	fay.click("#share-button")
	fay.await("the QR code", `document.querySelector("#share-qr path") !== null`)
	fay.shoot("firefox-share")
	fay.click("#share-dialog [data-close]")
	ann.click("#play-button")
	awaitStill("Ann pauses", both...)
}
