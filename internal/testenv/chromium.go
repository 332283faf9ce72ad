package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	// browserStart bounds the start of Chromium, which is slow on a busy
	// machine with a cold disk.
	browserStart = 60 * time.Second
	// browserStop bounds the polite way of closing a window or the browser;
	// after it, Chromium is killed.
	browserStop = 10 * time.Second
)

// chromiumNames are the programs to look for, best first. scripts/setup.sh
// looks for the same.
var chromiumNames = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Chromium starts a headless browser with a profile of its own and returns its
// chromedp context: that of its first window. More windows come from
// [NewWindow]. The browser is closed, and its process waited for, when the
// test ends.
//
// TANDEM_CHROMIUM names the program to use; otherwise it is looked for on
// PATH. If there is none the test fails.
//
// More options come after the usual ones, and override them.
//
// The context has no deadline. Give each step one with context.WithTimeout;
// ending such a derived context does not close the window.
func Chromium(t testing.TB, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, err := findChromium()
	if err != nil {
		t.Fatal(err)
	}

	log := newTestLog(t)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(chromiumOptions(path), more...)...)
	// Kills what is left of Chromium and waits for it.
	t.Cleanup(stop)
	browser, _ := chromedp.NewContext(alloc, chromedp.WithListener(log.event), chromedp.WithErrorf(log.debugf))
	open(t, browser, "Chromium ("+path+")", log)
	return browser
}

// NewWindow opens a window that shares nothing with the others of the same
// browser: no cookies, no local or session storage, no cache. It counts as
// visible, however many there are. What its page writes to the console and
// the exceptions that nobody caught go to the test's log. The window is closed
// when the test ends.
func NewWindow(t testing.TB, browser context.Context) context.Context {
	t.Helper()
	log := newTestLog(t)
	window, _ := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(log.event))
	open(t, window, "a window", log)
	return window
}

// open makes the window, or starts the browser, that ctx stands for, and closes
// it when the test ends.
func open(t testing.TB, ctx context.Context, what string, log *testLog) {
	t.Helper()
	t.Cleanup(func() {
		stop, cancel := context.WithTimeout(ctx, browserStop)
		defer cancel()
		// A test may have closed the window, or killed the browser, itself.
		if err := chromedp.Cancel(stop); err != nil && !errors.Is(err, context.Canceled) {
			log.debugf("closing %s: %v", what, err)
		}
	})

	// Not a derived context with a deadline: the end of the context of the
	// first Do is what closes the window.
	done := make(chan error, 1)
	go func() { done <- chromedp.Do(ctx) }()
	timeout := time.NewTimer(browserStart)
	defer timeout.Stop()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("opening %s: %v", what, err)
		}
	case <-timeout.C:
		t.Fatalf("opening %s: nothing after %v", what, browserStart)
	}
}

func findChromium() (string, error) {
	if name := os.Getenv("TANDEM_CHROMIUM"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("TANDEM_CHROMIUM: %w", err)
		}
		return path, nil
	}
	for _, name := range chromiumNames {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("Chromium is missing: run `make setup`, or set TANDEM_CHROMIUM to its path")
}

func chromiumOptions(path string) []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		// Not chromedp.Headless: it mutes, and the media clock is the sound's.
		chromedp.Flag("headless", "new"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.DisableGPU,

		// Every window runs at full speed, whichever is in front.
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-renderer-backgrounding", true),

		// Nothing that calls home, asks, or gets in the way.
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-breakpad", true),
		chromedp.Flag("disable-client-side-phishing-detection", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-features", "MediaRouter,OptimizationHints,Translate"),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("metrics-recording-only", true),
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("use-mock-keychain", true),

		// A container's /dev/shm is often too small.
		chromedp.Flag("disable-dev-shm-usage", true),
	}
	if os.Geteuid() == 0 {
		// Chromium refuses to be root inside its sandbox.
		options = append(options, chromedp.NoSandbox)
	}
	return options
}
