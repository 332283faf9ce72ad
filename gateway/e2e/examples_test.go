package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"tandem.watch/tandem/internal/testenv"
)

// The SDK's examples, run as somebody does who follows their READMEs.

const examples = "../../client/examples"

// copyExample copies the files of an example, with each old text in them
// replaced by the new one, into a folder of its own.
func copyExample(t *testing.T, name string, oldNew ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	entries, err := os.ReadDir(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		// Somebody may have tried the example where it lies.
		if entry.Name() == "tandem.js" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(examples, name, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, entry.Name()), strings.NewReplacer(oldNew...).Replace(string(text)))
	}
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve serves a site of somebody else. Its address has another host name than
// the gateway's.
func serve(t *testing.T, handler http.Handler) (site string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

// TestExamplePage has two people watch together on a page of another site,
// whose content security policy allows what the example's README says.
func TestExamplePage(t *testing.T) {
	var page http.Handler
	site := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { page.ServeHTTP(w, r) }))
	gateway := start(t, "--allowed-origins", site).URL()
	files := http.FileServer(http.Dir(copyExample(t, "page", "http://localhost:4001", gateway)))
	page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'self' %[1]s; "+
			"connect-src http: https: ws: wss:; media-src %[1]s; style-src 'unsafe-inline'", gateway))
		files.ServeHTTP(w, r)
	})
	enter := func(w *window) {
		w.enter("#name", w.name)
		w.click("#form button")
		w.await("the room", `location.hash.length === 13 && document.querySelector("#video").readyState >= 3`)
	}

	browser := testenv.Chromium(t)
	ann, ben := open(t, browser, "Ann", desktop), open(t, browser, "Ben", phone)
	ann.navigate(site)
	enter(ann)
	link := eval[string](ann, `document.querySelector("#link").href`)
	ben.navigate(link)
	enter(ben)
	both := []*window{ann, ben}
	for _, w := range both {
		w.await("the names", `document.querySelector("#members").textContent === "Ann, Ben"`)
	}
	// The video's own controls.
	ann.click("#video")
	awaitTogether("Ann plays", both...)
	shootAll("example-page", both...)
	ben.do("Ben pauses", chromedp.Evaluate[chromedp.Void](`document.querySelector("#video").pause()`))
	awaitStill("Ben pauses", both...)

	// A page that is loaded again is the same member.
	ben.do("loading it again", chromedp.Reload())
	enter(ben)
	ann.await("nobody came anew", `document.querySelector("#members").textContent === "Ann, Ben"`)
	ann.click("#video")
	awaitTogether("Ann plays again", both...)

	// A room that is not there, and a site that the gateway does not know.
	ben.navigate(site + "/#000000000000")
	ben.do("loading that", chromedp.Reload())
	ben.enter("#name", "Ben")
	ben.click("#form button")
	ben.await("no room", `document.querySelector("#problem").textContent.includes("(room_not_found)")`)
	other := serve(t, page)
	dora := open(t, browser, "Dora", desktop)
	dora.expectOffline(true)
	dora.navigate(other)
	dora.enter("#name", "Dora")
	dora.click("#form button")
	dora.await("what is wrong", `document.querySelector("#problem").textContent.includes("allowed-origins")`)
	dora.takeProblems()
}

// TestExampleExtension has two people, each in a browser with the extension,
// watch together on a site over https with a content security policy that
// allows nothing but the video.
func TestExampleExtension(t *testing.T) {
	dir := copyExample(t, "extension")
	id := extensionID(t, dir)
	gateway := start(t, "--allowed-origins", "chrome-extension://"+id).URL()
	download(t, gateway+"/sdk/v1/tandem.js", filepath.Join(dir, "tandem.js"))

	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; media-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'")
		if r.URL.Path == "/clip.webm" {
			http.ServeFile(w, r, "../../client/clip/clip.webm")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>Some video</title><p>%s<p><video width="64" height="36" src="/clip.webm"></video>
			<video id="video" width="640" height="360" src="/clip.webm" controls></video>`, r.URL.Path)
	}))
	t.Cleanup(site.Close)

	ann, ben := withExtension(t, dir, "Ann"), withExtension(t, dir, "Ben")
	both := []*window{ann, ben}
	for _, w := range both {
		w.navigate(site.URL)
		w.await("the video", `document.querySelector("#video").readyState >= 3`)
	}
	popup := ann.popup(id)
	code := popup.watchTogether(gateway, "Ann", "")
	popup.await("the video", `document.querySelector("#state").textContent === "In step."`)
	popup.shoot("example-extension")
	popup.closePage()
	popup = ben.popup(id)
	popup.watchTogether(gateway, "Ben", code)
	popup.await("both", `document.querySelector("#members").textContent === "Ann, Ben" && document.querySelector("#state").textContent === "In step."`)
	popup.closePage()

	ann.click("#video")
	awaitTogether("Ann plays", both...)
	const small = `document.querySelector("video:not(#video)").paused`
	if !eval[bool](ben, small) {
		t.Error("the small video plays too")
	}
	ben.click("#video")
	awaitStill("Ben pauses", both...)

	// Another page in the same tab: still in the room.
	ben.navigate(site.URL + "/other")
	ann.click("#video")
	awaitTogether("Ann plays, and Ben is on another page", both...)

	// The browser may stop the worker at any time.
	ben.stopWorker(id)
	ann.do("Ann seeks", chromedp.Evaluate[chromedp.Void](`document.querySelector("#video").currentTime = 30`))
	checkNear(t, "the seek", awaitTogether("Ann seeks after Ben's worker was stopped", both...), 40, 12)
	popup = ben.popup(id)
	popup.await("nobody came anew", `document.querySelector("#members").textContent === "Ann, Ben"`)

	// Who leaves has the video for oneself.
	popup.click("#leave")
	popup.await("the form", `document.querySelector("#enter").offsetHeight > 0`)
	popup.closePage()
	ann.click("#video")
	awaitStill("Ann pauses", ann)
	ben.await("Ben plays on", `!document.querySelector("#video").paused`)
	popup = ann.popup(id)
	popup.await("Ann alone", `document.querySelector("#members").textContent === "Ann"`)
}

// extensionID is the id that the key of a manifest gives, which its README
// tells to allow.
func extensionID(t *testing.T, dir string) (id string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Key string }
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(manifest.Key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(key)
	for _, b := range sum[:16] {
		id += string([]byte{'a' + b>>4, 'a' + b&15})
	}
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range regexp.MustCompile(`chrome-extension://(\w+)`).FindAllStringSubmatch(string(readme), -1) {
		if told[1] != id {
			t.Errorf("the README allows %s, and the extension is %s", told[1], id)
		}
	}
	return id
}

func download(t *testing.T, url, path string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.ReadFrom(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// withExtension starts a browser of somebody that has the extension, and takes
// certificates of test sites.
func withExtension(t *testing.T, dir, name string) *window {
	t.Helper()
	browser := testenv.Chromium(t,
		chromedp.Flag("disable-extensions", false),
		chromedp.Flag("disable-extensions-except", dir),
		chromedp.Flag("load-extension", dir),
		chromedp.Flag("disable-features", "DisableLoadExtensionCommandLineSwitch,MediaRouter,OptimizationHints,Translate"),
		chromedp.Flag("ignore-certificate-errors", true),
	)
	w := &window{t: t, name: name, ctx: browser}
	if err := chromedp.Listen(w.ctx, w.listen); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.finish)
	return w
}

// popup opens the extension's popup, in a tab beside the window's.
func (w *window) popup(id string) *window {
	w.t.Helper()
	ctx, _ := chromedp.NewContext(w.ctx)
	popup := &window{t: w.t, name: w.name + "'s popup", ctx: ctx}
	// The first context of a tab decides on its life.
	if err := chromedp.Do(ctx); err != nil {
		w.t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, popup.listen); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		for _, problem := range popup.takeProblems() {
			w.t.Errorf("%s: %s", popup.name, problem)
		}
	})
	popup.navigate("chrome-extension://" + id + "/popup.html")
	return popup
}

// watchTogether creates a room, or joins that of a code, by the popup.
func (w *window) watchTogether(gateway, name, code string) (shown string) {
	w.t.Helper()
	w.await("the form", `document.querySelector("#enter").offsetHeight > 0 && (document.querySelector("#server").select(), true)`)
	w.enter("#server", gateway)
	w.enter("#name", name)
	if code != "" {
		w.enter("#code", code)
	}
	w.click("#go")
	w.await("the room", `document.querySelector("#shown-code").textContent !== ""`)
	return eval[string](w, `document.querySelector("#shown-code").textContent`)
}

// stopWorker stops the extension's service worker, as the browser does with
// one that has nothing to do.
func (w *window) stopWorker(id string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	targets, err := chromedp.Targets(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, info := range targets {
		if info.Type == "service_worker" && strings.Contains(info.URL, id) {
			w.do("stopping the worker", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := cdp.Call(ctx, chromedp.FromContext(ctx).Browser, target.CloseTarget, target.CloseTargetParams{TargetID: info.TargetID})
				return err
			}))
			return
		}
	}
	w.t.Fatalf("no worker among %v", targets)
}
