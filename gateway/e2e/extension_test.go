package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tandem.watch/tandem/internal/testenv"
)

// TestExtension has the service worker of an extension use the SDK: it joins
// over WebTransport, hears what is said, and plays.
func TestExtension(t *testing.T) {
	id, key := extensionKey(t)
	gateway := start(t, "--allowed-origins", "chrome-extension://"+id).URL()
	room := createRoom(t, gateway, "Ann")
	reports := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		text, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		if err != nil {
			t.Log("a report: ", err)
		}
		t.Logf("the extension: %s", text)
		select {
		case reports <- string(text):
		default:
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	writeExtension(t, dir, key, fmt.Sprintf(`
		import { joinRoom } from "./tandem.js";
		const report = (text) => fetch(%[1]s, {method: "POST", body: text}).catch(() => undefined);
		self.addEventListener("unhandledrejection", (event) => report("unhandled: " + event.reason));
		const onTransport = ({transport, why}) => report("transport " + transport + " (" + why + ")");
		joinRoom({server: %[2]s, room: %[3]s, name: "Extension", transports: ["webtransport"], onTransport}).then((room) => {
			globalThis.room = room;
			report("joined from " + location.origin);
			room.on("chat", async ({text}) => {
				report("heard " + text);
				if (text === "play") await room.play().then(() => room.say("it plays"), (error) => report("play: " + error));
			});
		}, (error) => report("joining: " + error.code + ": " + error.message));
	`, js(server.URL), js(gateway), js(room.ID)))

	browser := testenv.Chromium(t,
		chromedp.Flag("disable-extensions", false),
		chromedp.Flag("disable-extensions-except", dir),
		chromedp.Flag("load-extension", dir),
		chromedp.Flag("disable-features", "DisableLoadExtensionCommandLineSwitch,MediaRouter,OptimizationHints,Translate"),
	)
	ben := open(t, browser, "Ben", desktop)
	ben.joinByLink(gateway+"/r/"+room.ID, "Ben")
	ben.await("the extension", `[...document.querySelectorAll("#members .name")].some((e) => e.textContent === "Extension")`)
	ben.say("play")
	awaitTogether("the extension plays", ben)
	awaitChat([]*window{ben}, "Ben: play", "Extension: it plays")

	server.Close()
	close(reports)
	var all []string
	for report := range reports {
		all = append(all, report)
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{"transport webtransport", "joined from chrome-extension://" + id, "heard play"} {
		if !strings.Contains(text, want) {
			t.Errorf("the extension did not report %q", want)
		}
	}
}

// extensionKey makes a key for a manifest, and the id that it gives.
func extensionKey(t *testing.T) (id, key string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	for _, b := range sum[:16] {
		id += string([]byte{'a' + b>>4, 'a' + b&15})
	}
	return id, base64.StdEncoding.EncodeToString(public)
}

func writeExtension(t *testing.T, dir, key, worker string) {
	t.Helper()
	sdk, err := os.ReadFile("../../client/dist/sdk/tandem.js")
	if err != nil {
		t.Fatal(err)
	}
	manifest := fmt.Sprintf(`{
		"manifest_version": 3, "name": "tandem test", "version": "1", "key": %s,
		"background": {"service_worker": "worker.js", "type": "module"},
		"host_permissions": ["http://127.0.0.1/*"]
	}`, js(key))
	for name, text := range map[string]string{"manifest.json": manifest, "worker.js": worker, "tandem.js": string(sdk)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
