package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tandem.watch/tandem/internal/testenv"
)

// legacyWorker is the service worker of an extension that was written after the
// old one's contract, and knows nothing else: a socket, a player that is a clock,
// and the messages.
const legacyWorker = `
const server = %[1]s, reports = %[2]s, roomId = %[3]s;
const userId = "user_" + Math.random().toString(36).slice(2, 10);
const report = (text) => fetch(reports, {method: "POST", body: String(text)}).catch(() => undefined);
self.addEventListener("unhandledrejection", (event) => report("unhandled: " + event.reason));

// The player: where it was, when, and whether it plays. The clock is 8 s wrong.
const date = () => Date.now() + 8000;
let position = 0, moment = date(), playing = false;
const here = () => playing ? position + (date() - moment) / 1000 : position;
const set = (to, plays) => { position = to; moment = date(); playing = plays; };

const socket = new WebSocket(server + "/ws");
const send = (type, fields) => socket.send(JSON.stringify({type, userId, ...fields}));
socket.onerror = () => report("error");
socket.onclose = (event) => report("closed " + event.code);
socket.onopen = () => {
	report("opened from " + location.origin);
	send("JOIN", {roomId, username: "Oldie", pin: null, timestamp: date()});
	setInterval(() => send("PING", {timestamp: date()}), 15000);
	setInterval(() => send("POSITION_UPDATE", {currentTime: here(), isPlaying: playing}), 500);
};
socket.onmessage = ({data}) => {
	const message = JSON.parse(data);
	if (message.type === "ROOM_STATE") report("joined with " + message.users.map((user) => user.username).join(", "));
	if (message.userId === userId) return;
	const elapsed = message.eventTimestamp ? (date() - message.eventTimestamp) / 1000 : 0;
	if (message.type === "PLAY_PAUSE") {
		const plays = message.control === "play";
		const target = (message.currentTime ?? here()) + (plays ? elapsed : 0);
		set(Math.abs(here() - target) > 0.5 ? target : here(), plays);
		report(message.control + " " + target.toFixed(3) + " after " + elapsed.toFixed(3));
	} else if (message.type === "SEEK_PAUSE") {
		set(message.currentTime, false);
		report("seek " + message.currentTime);
		setTimeout(() => send("READY", {targetTime: message.currentTime}), 200);
	}
};
// What the test wants it to do: a person's hand.
const polls = setInterval(async () => {
	const wish = await fetch(reports).then((answer) => answer.text(), () => "");
	if (wish === "play") { set(here(), true); send("PLAY_PAUSE", {control: "play", currentTime: here(), eventTimestamp: date()}); }
	if (wish === "where") report("at " + here().toFixed(3) + " playing " + playing);
	if (wish === "leave") { send("LEAVE", {roomId}); clearInterval(polls); }
}, 200);
`

// extensionDesk is what an extension reports to, and is told by what to do.
type extensionDesk struct {
	url     string
	reports chan string
	wishes  chan string
}

func newExtensionDesk(t *testing.T) *extensionDesk {
	t.Helper()
	d := &extensionDesk{reports: make(chan string, 1000), wishes: make(chan string, 10)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodGet {
			select {
			case wish := <-d.wishes:
				_, _ = io.WriteString(w, wish)
			default:
			}
			return
		}
		text, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		if err != nil {
			t.Log("a report: ", err)
		}
		t.Logf("the extension: %s", text)
		select {
		case d.reports <- string(text):
		default:
		}
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// await waits for a report that begins so.
func (d *extensionDesk) await(t *testing.T, prefix string) string {
	t.Helper()
	var last string
	eventually(t, "the extension reports "+prefix, func() string {
		for {
			select {
			case report := <-d.reports:
				if last = report; strings.HasPrefix(report, prefix) {
					return ""
				}
			default:
				return "the last report was " + last
			}
		}
	})
	return last
}

// TestLegacyExtension has the old extension, as its contract describes it, in a
// room with a page: over wss, from its service worker.
func TestLegacyExtension(t *testing.T) {
	gateway := start(t)
	room := createRoom(t, gateway.URL(), "Ann")
	secure, err := url.Parse(gateway.SecureURL())
	if err != nil {
		t.Fatal(err)
	}
	desk := newExtensionDesk(t)
	dir := t.TempDir()
	manifest, err := json.Marshal(map[string]any{
		"manifest_version": 3, "name": "tandem.watch", "version": "1.0.0",
		"background":       map[string]string{"service_worker": "worker.js"},
		"host_permissions": []string{"http://127.0.0.1/*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	worker := fmt.Sprintf(legacyWorker, js("wss://tandem.test:"+secure.Port()), js(desk.url), js(room.ID))
	for name, text := range map[string]string{"manifest.json": string(manifest), "worker.js": worker} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	browser := testenv.Chromium(t,
		chromedp.Flag("disable-extensions", false),
		chromedp.Flag("disable-extensions-except", dir),
		chromedp.Flag("load-extension", dir),
		chromedp.Flag("host-resolver-rules", "MAP tandem.test 127.0.0.1"),
		chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("disable-features", "DisableLoadExtensionCommandLineSwitch,MediaRouter,OptimizationHints,Translate"),
	)
	if got := desk.await(t, "opened"); !strings.Contains(got, "chrome-extension://") {
		t.Errorf("it %s", got)
	}
	desk.await(t, "joined with")
	ben := open(t, browser, "Ben", desktop)
	ben.joinByLink(gateway.URL()+"/r/"+room.ID, "Ben")
	ben.await("the extension", `[...document.querySelectorAll("#members .name")].some((e) => e.textContent.includes("Oldie"))`)

	// The page plays: the extension is told when, in its own wrong time.
	ben.click("#play-button")
	play := desk.await(t, "play")
	var target, elapsed float64
	if _, err := fmt.Sscanf(play, "play %f after %f", &target, &elapsed); err != nil || elapsed < -0.5 || elapsed > 2 {
		t.Errorf("its clock was not allowed for: %s", play)
	}
	ben.await("playing", `!document.querySelector("#video").paused && document.querySelector("#video").currentTime > 1.5`)
	desk.wishes <- "where"
	var at float64
	var playing bool
	where := desk.await(t, "at")
	now := eval[float64](ben, `document.querySelector("#video").currentTime`)
	if _, err := fmt.Sscanf(where, "at %f playing %t", &at, &playing); err != nil || !playing || at > now+1 || at < now-5 {
		t.Errorf("the page is at %.3f, the extension %s", now, where)
	}
	// It pauses: so does the extension; and the extension plays: so does the page.
	ben.click("#play-button")
	desk.await(t, "pause")
	ben.await("standing", `document.querySelector("#video").paused`)
	desk.wishes <- "play"
	ben.await("playing again", `!document.querySelector("#video").paused`)
	desk.wishes <- "leave"
	desk.await(t, "closed 1000")
	ben.await("alone", `![...document.querySelectorAll("#members .name")].some((e) => e.textContent.includes("Oldie"))`)
}
