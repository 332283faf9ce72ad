package testenv

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const clip = "../../client/clip/clip.webm"

// clipPage plays the built-in clip, and counts frames to notice throttling.
const clipPage = `<!doctype html><title>clip</title><video src="/clip.webm" autoplay></video><script>
window.frames_ = 0;
const count = () => { window.frames_++; requestAnimationFrame(count); };
count();
console.log("page loaded", {a: 1}, 42);
</script>`

// openClip opens the page in a new window and waits until the clip plays.
func openClip(t *testing.T, browser context.Context, url string) context.Context {
	t.Helper()
	window := NewWindow(t, browser)
	ctx, cancel := context.WithTimeout(window, 30*time.Second)
	defer cancel()
	err := chromedp.Do(ctx,
		chromedp.Navigate(url),
		chromedp.Poll[chromedp.Void](`document.querySelector("video").currentTime > 0.2`),
	)
	if err != nil {
		t.Fatal("the clip does not play: ", err)
	}
	return window
}

func evaluate[T any](t *testing.T, window context.Context, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(window, 20*time.Second)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// TestClipPlaysInSeparateWindows is about the ground that the tests of the
// program stand on: in this Chromium, several windows play the clip at once, at
// full speed, and share nothing.
func TestClipPlaysInSeparateWindows(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/clip.webm", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, clip) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if _, err := w.Write([]byte(clipPage)); err != nil {
			t.Log(err)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	browser := Chromium(t)
	windows := []context.Context{openClip(t, browser, server.URL), openClip(t, browser, server.URL)}

	for i, window := range windows {
		if got := evaluate[string](t, window, `document.visibilityState`); got != "visible" {
			t.Errorf("window %d is %s", i, got)
		}
		if got := evaluate[float64](t, window, `document.querySelector("video").duration`); got < 59.9 || got > 60.1 {
			t.Errorf("the clip is %v s long, want 60", got)
		}
		// Against the page's own clock, so that a busy machine does not matter.
		const measure = `(async () => {
			const video = document.querySelector("video");
			const [time, position, frames] = [performance.now(), video.currentTime, window.frames_];
			await new Promise(done => setTimeout(done, 1500));
			const seconds = (performance.now() - time) / 1000;
			return [(video.currentTime - position) / seconds, (window.frames_ - frames) / seconds];
		})()`
		rates := evaluate[[]float64](t, window, measure)
		t.Logf("window %d: %.3f of real time, %.0f frames per second", i, rates[0], rates[1])
		if rates[0] < 0.5 || rates[0] > 1.2 { // a starved machine drops frames, and a throttled window stands
			t.Errorf("window %d plays at %.3f of real time", i, rates[0])
		}
		if rates[1] < 2 { // a hidden window draws none, or one a second
			t.Errorf("window %d draws %.1f frames per second: it is throttled", i, rates[1])
		}

		const seek = `(async () => {
			const video = document.querySelector("video");
			video.pause();
			const seeked = new Promise(done => video.addEventListener("seeked", done, {once: true}));
			video.currentTime = 31.4;
			await seeked;
			return video.currentTime;
		})()`
		if got := evaluate[float64](t, window, seek); got != 31.4 {
			t.Errorf("window %d stands at %v after a seek to 31.4", i, got)
		}
	}

	// The second window sees nothing of what the first one keeps.
	const keep = `sessionStorage.setItem("a", "1"); localStorage.setItem("a", "1"); document.cookie = "a=1"; true`
	evaluate[bool](t, windows[0], keep)
	const kept = `[sessionStorage.getItem("a"), localStorage.getItem("a"), document.cookie].join("")`
	if got := evaluate[string](t, windows[1], kept); got != "" {
		t.Errorf("the second window sees %q of the first one's storage", got)
	}
}

func TestMissingChromiumIsAnError(t *testing.T) {
	t.Setenv("TANDEM_CHROMIUM", "")
	t.Setenv("PATH", t.TempDir())
	if path, err := findChromium(); err == nil {
		t.Fatalf("found %s on an empty PATH", path)
	}
	t.Setenv("TANDEM_CHROMIUM", "/nowhere/chromium")
	if path, err := findChromium(); err == nil {
		t.Fatalf("found %s, though TANDEM_CHROMIUM leads nowhere", path)
	}
}
