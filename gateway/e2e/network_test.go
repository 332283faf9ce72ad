package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"

	"tandem.watch/tandem/internal/testenv"
)

// slack is what is granted to a busy machine over the times that are promised.
const slack = 5

// TestUDPIsDropped has a network that stops letting UDP through under a window
// that watches over WebTransport, and then a window that comes when it is so.
func TestUDPIsDropped(t *testing.T) {
	network := testenv.OwnNetwork(t)
	if network == nil {
		return
	}
	gateway := start(t).URL()
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	ann.preferWebTransport(link)
	ben := open(t, browser, "Ben", desktop)
	ben.transport = "websocket"
	ben.joinByLink(link, "Ben")
	both := []*window{ann, ben}
	awaitMembers(both, "Ann (host)", "Ben")
	ann.click("#play-button")
	awaitTogether("Ann plays", both...)
	said := []string{}
	say := func(w *window, text string) {
		t.Helper()
		w.say(text)
		said = append(said, w.name+": "+text)
	}
	say(ann, "before")
	say(ben, "before")
	before := awaitChat(both, said...)
	ann.awaitHeld()
	ann.checkConnection("webtransport", "https")

	seats, members := seatsOf(both), ben.members()
	notes := eval[int](ben, `document.querySelectorAll("#chat-log .note").length`)
	for _, w := range both {
		w.record()
	}
	ann.expectOffline(true)
	ann.expectUDPLost()
	ann.recordConnection()
	ben.recordMembers()
	network.DropUDP()
	cut := time.Now()
	say(ben, "unheard at first")
	say(ann, "on the way into the void")
	ann.await("coming back", `tandem.room.connection.state === "connected" && tandem.room.connection.transport === "websocket"`)
	back := ann.connectedAt("websocket").Sub(cut)
	t.Logf("back over WebSocket %v after UDP was cut: %s", back.Round(time.Millisecond), eval[string](ann, `tandem.room.connection.why`))
	if back > slack*4*time.Second {
		t.Errorf("back after %v, want 4 s on a machine that has nothing else to do", back)
	}
	ann.expectOffline(false)
	if why := eval[string](ann, `tandem.room.connection.why`); !strings.Contains(why, "UDP did not get through") {
		t.Errorf("it says: %s", why)
	}
	say(ann, "after")
	say(ben, "after")
	after := awaitChat(both, said...)
	if got := after[:min(len(before), len(after))]; !slices.Equal(got, before) {
		t.Errorf("the chat before was %v, is %v", before, got)
	}
	if got := seatsOf(both); !slices.Equal(got, seats) {
		t.Errorf("the seats were %v, are %v", seats, got)
	}
	for _, w := range both {
		if got := w.members(); !slices.Equal(got, members) {
			t.Errorf("%s lists %v, want %v", w.name, got, members)
		}
		w.checkUndisturbed("UDP was cut")
	}
	if got := eval[int](ben, `document.querySelectorAll("#chat-log .note").length`); got != notes {
		t.Errorf("Ben was told of %d comings and goings", got-notes)
	}
	if got := eval[[]string](ben, `recordedMembers`); len(got) != 1 {
		t.Errorf("Ben saw these lists of members: %q", got)
	}
	awaitTogether("UDP was cut", both...)

	// Who comes now loses the head start, and no more.
	cleo := open(t, browser, "Cleo", desktop)
	cleo.expectUDPLost()
	cleo.expectOffline(true) // that of WebTransport is in the log
	cleo.navigate(link)
	cleo.enter("#join-name", "Cleo")
	took := eval[float64](cleo, `new Promise((done) => {
		const began = performance.now();
		const look = () => window.tandem?.room.connection.state === "connected" ? done(performance.now() - began) : setTimeout(look, 5);
		document.querySelector("#join-button").click();
		look();
	})`)
	why := eval[string](cleo, `tandem.room.connection.why`)
	t.Logf("Cleo is in the room %.0f ms after her click: %s", took, why)
	if took > slack*1000 {
		t.Errorf("Cleo was in after %.0f ms, want 1 s on a machine that has nothing else to do", took)
	}
	cleo.checkConnection("websocket", "ws")
	if !strings.Contains(why, "UDP did not get through") {
		t.Errorf("it says: %s", why)
	}
	all := []*window{ann, ben, cleo}
	awaitMembers(all, "Ann (host)", "Ben", "Cleo")
	awaitTogether("Cleo comes late", all...)
	awaitChat(all, said...)

	// It is remembered: a reload does not try.
	ann.navigate(link)
	ann.awaitRoom()
	if why := eval[string](ann, `tandem.room.connection.why`); !strings.Contains(why, "lately") {
		t.Errorf("after a reload it says: %s", why)
	}
	awaitMembers(all, "Ann (host)", "Ben", "Cleo")

	// Another network, say: the browser tells that it is online, and it is tried again.
	network.PassUDP()
	eval[bool](ann, `dispatchEvent(new Event("online"))`)
	ann.navigate(link)
	ann.awaitRoom()
	ann.preferWebTransport(link)
	ann.checkConnection("webtransport", "https")
	awaitMembers(all, "Ann (host)", "Ben", "Cleo")
	awaitChat(all, said...)
}

// TestPlainAddress opens the page where it is no secure context, at a plain
// address of a local network: browsers hide WebTransport there.
func TestPlainAddress(t *testing.T) {
	network := testenv.OwnNetwork(t)
	if network == nil {
		return
	}
	network.AddAddress("192.0.2.1/24")
	gateway := start(t, "--http-addr", "192.0.2.1:0", "--https-addr", "192.0.2.1:0").URL()
	browser := testenv.Chromium(t)
	ann := open(t, browser, "Ann", desktop)
	link := ann.create(gateway, "Ann")
	if eval[bool](ann, `isSecureContext`) {
		t.Fatal("the page is a secure context; then this test shows nothing")
	}
	ann.checkConnection("websocket", "ws")
	ann.await("saying why", `/WebTransport is off: .*secure context/.test(document.querySelector("#state-line").textContent)`)
	t.Log(ann.status())
	ben := open(t, browser, "Ben", desktop)
	ben.joinByLink(link, "Ben")
	both := []*window{ann, ben}
	awaitMembers(both, "Ann (host)", "Ben")
	ann.say("no padlock here")
	ben.click("#play-button")
	awaitTogether("Ben plays", both...)
	awaitChat(both, "Ann: no padlock here")
}

// preferWebTransport reloads the page until it is on WebTransport, though that
// was free to lose: on a busy machine its head start may not be enough.
func (w *window) preferWebTransport(link string) {
	w.t.Helper()
	for range 20 {
		if strings.HasPrefix(w.connection(), "webtransport ") {
			return
		}
		w.t.Logf("%s: WebSocket was first: %s", w.name, eval[string](w, `tandem.room.connection.why`))
		eval[bool](w, `(localStorage.removeItem("tandem.networks"), true)`)
		w.navigate(link)
		w.awaitRoom()
	}
	w.t.Fatalf("%s is never on WebTransport: %s", w.name, eval[string](w, `tandem.room.connection.why`))
}

// awaitHeld waits until the page's connection has lasted for long enough to be
// a good one, and its first quick probes are over.
func (w *window) awaitHeld() {
	w.t.Helper()
	from := eval[float64](w, `performance.now()`)
	w.await("holding", fmt.Sprintf(`performance.now() > %f`, from+6_000))
}

// recordConnection begins to note when the page was connected anew, and how.
func (w *window) recordConnection() {
	w.t.Helper()
	eval[bool](w, `(() => {
		window.recordedConnections = [];
		tandem.room.on("connection", ({state, transport}) => {
			recordedConnections.push({State: state, Transport: transport ?? "", At: performance.timeOrigin + performance.now()});
		});
		return true;
	})()`)
}

// connectedAt is when that was first so, over a transport.
func (w *window) connectedAt(transport string) time.Time {
	w.t.Helper()
	all := eval[[]struct {
		State, Transport string
		At               float64
	}](w, `recordedConnections`)
	w.t.Logf("%s: %v", w.name, all)
	for _, c := range all {
		if c.State == "connected" && c.Transport == transport {
			return time.UnixMicro(int64(c.At * 1000))
		}
	}
	w.t.Fatalf("%s was not connected by %s", w.name, transport)
	return time.Time{}
}

// recordMembers begins to note what the page lists as members, each time that
// it is another.
func (w *window) recordMembers() {
	w.t.Helper()
	eval[bool](w, `(() => {
		const list = document.querySelector("#members");
		const look = () => JSON.stringify(`+listMembers+`);
		window.recordedMembers = [look()];
		new MutationObserver(() => {
			const now = look();
			if (now !== recordedMembers.at(-1)) recordedMembers.push(now);
		}).observe(list, {childList: true, subtree: true, attributes: true, characterData: true});
		return true;
	})()`)
}

// TestLateLoss has a browser say late that UDP was lost: where that is to be
// expected it is no fault of the page, and anywhere else it is.
func TestLateLoss(t *testing.T) {
	late := &cdplog.EventEntryAdded{Entry: &cdplog.Entry{
		Source: "other", Level: "error",
		Text: "Failed to establish a connection to https://127.0.0.1:1/v1/wt: net::ERR_QUIC_PROTOCOL_ERROR.QUIC_NETWORK_IDLE_TIMEOUT (No recent network activity)",
	}}
	w := &window{t: t, name: "Ann"}
	w.listen(late)
	if got := w.takeProblems(); len(got) != 1 {
		t.Errorf("without a loss it is %q", got)
	}
	w.expectUDPLost()
	w.listen(late)
	if got := w.takeProblems(); len(got) != 0 {
		t.Errorf("after a loss it is %q", got)
	}
}
