package e2e

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tandem.watch/tandem/internal/testenv"
)

// picture looks at what the tile of a member shows: how much its pixels differ
// from each other, and from themselves a moment later. A picture that is not
// there, or stands still, has none of one or the other.
const picture = `(async (member) => {
	const video = document.querySelector("#camera-tiles li[data-member=" + CSS.escape(member) + "] video");
	if (!video?.videoWidth) return {Contrast: 0, Change: 0};
	const canvas = document.createElement("canvas");
	canvas.width = 32, canvas.height = 24;
	const context = canvas.getContext("2d", {willReadFrequently: true});
	const look = () => (context.drawImage(video, 0, 0, 32, 24), context.getImageData(0, 0, 32, 24).data);
	const first = look();
	await new Promise((done) => setTimeout(done, 400));
	const second = look();
	let least = 255, most = 0, change = 0;
	for (let i = 0; i < first.length; i++) {
		if (i % 4 === 3) continue;
		least = Math.min(least, first[i]), most = Math.max(most, first[i]);
		change += Math.abs(first[i] - second[i]);
	}
	return {Contrast: most - least, Change: change};
})`

// awaitFaces waits until a window shows the moving pictures of these others,
// and tiles of nobody else but itself.
func (w *window) awaitFaces(others ...*window) {
	w.t.Helper()
	for _, other := range others {
		member := other.self()
		eventually(w.t, fmt.Sprintf("%s sees %s", w.name, other.name), func() string {
			seen, err := tryEval[struct{ Contrast, Change int }](w, fmt.Sprintf("%s(%s)", picture, js(member)))
			switch {
			case err != nil:
				return err.Error()
			case seen.Contrast < 50 || seen.Change == 0:
				return fmt.Sprintf("the picture has contrast %d, and changed by %d", seen.Contrast, seen.Change)
			default:
				return ""
			}
		})
	}
	w.await("no other faces", fmt.Sprintf(`document.querySelectorAll("#camera-tiles li:not([data-own])").length === %d`, len(others)))
}

// cameras starts a Chromium whose camera and microphone make pictures and
// sounds by themselves, and whose user says yes to them.
func cameras(t *testing.T) *window {
	t.Helper()
	browser := testenv.Chromium(t,
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-fake-ui-for-media-stream", true),
		// A machine without a network has no other way between two windows.
		chromedp.Flag("allow-loopback-in-peer-connection", true),
	)
	return &window{t: t, ctx: browser}
}

const ownFace = `document.querySelector("#camera-tiles li[data-own] video")?.videoWidth > 0`

// TestCameras has people see each other: two, then three, of whom one reloads
// the page and one leaves. Nobody is seen who has not asked for it.
func TestCameras(t *testing.T) {
	gateway := start(t).URL()
	browser := cameras(t).ctx
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	ben := open(t, browser, "Ben", desktop)
	ben.joinByLink(link, "Ben")

	// Off at first, and nobody is connected with anybody.
	const none = `document.querySelectorAll("#camera-tiles li").length === 0`
	ann.await("no faces at first", none)
	ann.click("#camera-button")
	ann.await("her own picture", ownFace)
	if got := eval[string](ann, `getComputedStyle(document.querySelector("#camera-tiles li[data-own] video")).transform`); got != "matrix(-1, 0, 0, 1, 0, 0)" {
		t.Errorf("one's own picture is not mirrored: %s", got)
	}
	ben.await("word of her camera", `document.querySelector("#cameras-note").textContent === "Ann has the camera on."`)
	ben.await("no faces before he asks", none)

	// Seeing needs no camera of one's own.
	ben.click("#call-button")
	ben.awaitFaces(ann)
	ann.await("no face of one without camera and microphone", `document.querySelectorAll("#camera-tiles li").length === 1`)
	ben.click("#camera-button")
	ann.awaitFaces(ben)
	ben.awaitFaces(ann)

	// Muted, as long as the microphone is off.
	muted := fmt.Sprintf(`document.querySelector("#camera-tiles li[data-member=%s] .camera-muted").hidden`, ann.self())
	ben.await("Ann is muted", "!"+muted)
	ann.click("#microphone-button")
	ben.await("Ann is not muted", muted)
	ben.await("her sound", fmt.Sprintf(`!document.querySelector("#camera-tiles li[data-member=%s] video").srcObject.getAudioTracks()[0].muted`, ann.self()))
	ann.click("#microphone-button")
	ben.await("Ann is muted again", "!"+muted)

	// A third one, on a phone.
	cleo := open(t, browser, "Cleo", phone)
	cleo.joinByLink(link, "Cleo")
	cleo.click("#camera-button")
	all := []*window{ann, ben, cleo}
	ann.awaitFaces(ben, cleo)
	ben.awaitFaces(ann, cleo)
	cleo.awaitFaces(ann, ben)
	for _, w := range []*window{ann, cleo} {
		eval[bool](w, `scrollTo(0, 0), true`)
		for _, selector := range []string{"#camera-tiles", "#camera-button", "#call-button", "#chat-input"} {
			w.checkInView(selector)
		}
	}
	ann.state("cameras")
	cleo.state("cameras-phone")
	checkLayout(t, cleo, "#camera-button", "#camera-tiles")

	// One reloads: not seen until it asks again.
	ben.navigate(link)
	ben.awaitRoom()
	ann.awaitFaces(cleo)
	cleo.awaitFaces(ann)
	ben.await("no faces after a reload", none)
	ben.await("word of the others", `document.querySelector("#cameras-note").textContent.includes("have cameras or microphones on")`)
	ben.click("#camera-button")
	for i, w := range all {
		w.awaitFaces(all[(i+1)%3], all[(i+2)%3])
	}

	// One turns the camera off, and on again; its light goes off meanwhile.
	track := eval[string](cleo, `(window.track = document.querySelector("#camera-tiles li[data-own] video").srcObject.getTracks()[0]).readyState`)
	cleo.click("#camera-button")
	ann.awaitFaces(ben)
	if now := eval[string](cleo, `window.track.readyState`); track != "live" || now != "ended" {
		t.Errorf("the camera was %s, and is %s when it is off", track, now)
	}
	cleo.click("#camera-button")
	ann.awaitFaces(ben, cleo)

	// One leaves the cameras, one leaves the room.
	cleo.click("#call-button")
	ann.awaitFaces(ben)
	cleo.await("no faces outside", none)
	ben.click("#leave-button")
	ann.awaitFaces()
	ann.await("her own picture still", ownFace)
}

// TestCamerasReconnect takes the gateway away under two people who see each
// other: they go on seeing each other, and do when it is back.
func TestCamerasReconnect(t *testing.T) {
	program := start(t)
	browser := cameras(t).ctx
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(program.URL(), "Ann")
	ben := open(t, browser, "Ben", desktop)
	ben.joinByLink(link, "Ben")
	for _, w := range []*window{ann, ben} {
		w.click("#camera-button")
	}
	ann.awaitFaces(ben)
	ben.awaitFaces(ann)

	for _, w := range []*window{ann, ben} {
		w.expectOffline(true)
	}
	program.Kill()
	ann.await("noticing", `tandem.room.connection.state === "reconnecting"`)
	ann.awaitFaces(ben)
	ben.awaitFaces(ann)
	// This nobody hears now.
	ann.click("#microphone-button")
	program.Restart()
	for _, w := range []*window{ann, ben} {
		w.await("coming back", `tandem.room.connection.state === "connected"`)
		w.expectOffline(false)
	}
	ben.await("what was told meanwhile", fmt.Sprintf(`document.querySelector("#camera-tiles li[data-member=%s] .camera-muted").hidden`, ann.self()))
	ann.awaitFaces(ben)
	ben.awaitFaces(ann)
}

// TestCamerasRefused asks for a camera where there is none to be had: the page
// says why, and goes on.
func TestCamerasRefused(t *testing.T) {
	gateway := start(t).URL()
	for _, test := range []struct {
		name, says string
		host       string // in the place of 127.0.0.1
		flags      []chromedp.ExecAllocatorOption
	}{
		{name: "denied", says: "not allowed here", flags: []chromedp.ExecAllocatorOption{
			chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("deny-permission-prompts", true),
		}},
		{name: "none there", says: "No camera was found", flags: []chromedp.ExecAllocatorOption{
			chromedp.Flag("use-fake-device-for-media-stream", "device-count=0"), chromedp.Flag("use-fake-ui-for-media-stream", true),
		}},
		{name: "insecure", says: "https", host: "tandem.test", flags: []chromedp.ExecAllocatorOption{
			chromedp.Flag("host-resolver-rules", "MAP tandem.test 127.0.0.1"),
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ann := open(t, testenv.Chromium(t, test.flags...), "Ann", phone)
			ann.create(strings.Replace(gateway, "127.0.0.1", cmp.Or(test.host, "127.0.0.1"), 1), "Ann")
			ann.click("#camera-button")
			ann.await("saying why", fmt.Sprintf(`document.querySelector("#cameras-note").textContent.includes(%s)`, js(test.says)))
			t.Log(eval[string](ann, `document.querySelector("#cameras-note").textContent`))
			if eval[bool](ann, `document.querySelector("#call-button").offsetHeight > 0`) {
				t.Error("she is with the cameras without one")
			}
			checkLayout(t, ann, "#camera-button", "#cameras-note")
		})
	}
}
