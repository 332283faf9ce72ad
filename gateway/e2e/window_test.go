package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tandem.watch/tandem/internal/testenv"
)

// size is that of a window's page, in CSS pixels.
type size struct{ width, height int64 }

var (
	desktop = size{1280, 800}
	phone   = size{390, 844}
)

// window is a browser window with one page of the program. Its methods fail
// the test when something goes wrong.
type window struct {
	t         *testing.T
	name      string
	transport string // which its pages are to use; "" leaves it to them

	ctx     context.Context  // of Chromium, or of the test
	firefox *testenv.Firefox // nil in Chromium

	mu       sync.Mutex
	offline  bool     // the gateway is away: failing requests are no fault
	udpLost  bool     // so does what goes over UDP, however late the browser says so
	problems []string // errors on the console, uncaught exceptions, violated policies
}

// open opens a window of somebody. What goes wrong in its page fails the test.
func open(t *testing.T, browser context.Context, name string, s size) *window {
	t.Helper()
	w := &window{t: t, name: name, ctx: testenv.NewWindow(t, browser)}
	if err := chromedp.Listen(w.ctx, w.listen); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	options := []chromedp.EmulateViewportOption{}
	if s == phone {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulatePortrait)
	}
	w.do("sizing the window", chromedp.EmulateViewport(s.width, s.height, options...))
	t.Cleanup(w.finish)
	return w
}

// openFirefox opens somebody's window in a Firefox of its own. Its faults stay
// in the log.
func openFirefox(t *testing.T, name string, s size) *window {
	t.Helper()
	w := &window{t: t, name: name, ctx: t.Context(), firefox: testenv.StartFirefox(t)}
	w.resize(s)
	return w
}

// resize gives a page of Firefox another size.
func (w *window) resize(s size) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := w.firefox.Resize(ctx, s.width, s.height); err != nil {
		w.t.Fatalf("%s: sizing the window: %v", w.name, err)
	}
}

// listen notes what goes wrong in the page. It is a listener of chromedp.
func (w *window) listen(event any) {
	switch event := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if event.Type == "error" || event.Type == "assert" {
			parts := make([]string, len(event.Args))
			for i, arg := range event.Args {
				parts[i] = arg.Description + string(arg.Value)
			}
			w.note(false, "console."+string(event.Type)+": "+strings.Join(parts, " "))
		}
	case *runtime.EventExceptionThrown:
		d := event.ExceptionDetails
		text := d.Text
		if d.Exception != nil {
			text += " " + d.Exception.Description
		}
		w.note(false, fmt.Sprintf("uncaught: %s (%s:%d)", text, d.URL, d.LineNumber+1))
	case *cdplog.EventEntryAdded:
		e := event.Entry
		if e.Level == "error" {
			// A connection that fails, and nothing else, may happen while the gateway is away.
			network := e.Source == "network" || strings.HasPrefix(e.Text, "WebSocket connection to ") ||
				strings.HasPrefix(e.Text, "Failed to establish a connection to ") || strings.HasPrefix(e.Text, "Access to fetch at ")
			if w.mayLose(e.Text) {
				return
			}
			w.note(network, fmt.Sprintf("%s: %s (%s:%d)", e.Source, e.Text, e.URL, e.LineNumber+1))
		}
	}
}

func (w *window) note(network bool, problem string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !network || !w.offline {
		w.problems = append(w.problems, problem)
	}
}

// expectOffline says whether the gateway is away now.
func (w *window) expectOffline(offline bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offline = offline
}

// expectUDPLost says that the window's network stops letting UDP through. An
// attempt at WebTransport that was under way then fails whenever the browser
// gives it up, which may be long after the page went on without it.
func (w *window) expectUDPLost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.udpLost = true
}

// mayLose says whether a line of the console is the end of a connection over
// UDP that is to be expected.
func (w *window) mayLose(line string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.udpLost && strings.Contains(line, "QUIC_NETWORK_IDLE_TIMEOUT")
}

// takeProblems returns what went wrong so far, and forgets it.
func (w *window) takeProblems() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	problems := w.problems
	w.problems = nil
	return problems
}

func (w *window) finish() {
	for _, problem := range w.takeProblems() {
		w.t.Errorf("%s's page: %s", w.name, problem)
	}
	if w.t.Failed() {
		w.shootInto(w.t.ArtifactDir(), "failed-"+w.name)
	}
}

// do runs actions that wait for nothing that may not come.
func (w *window) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		w.t.Fatalf("%s: %s: %v", w.name, what, err)
	}
}

func (w *window) navigate(url string) {
	w.t.Helper()
	if w.firefox == nil {
		w.do("opening "+url, chromedp.Navigate(url))
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := w.firefox.Navigate(ctx, url); err != nil {
		w.t.Fatalf("%s: opening %s: %v", w.name, url, err)
	}
}

// click clicks on an element as soon as it can be seen and is enabled.
func (w *window) click(selector string) {
	w.t.Helper()
	if w.firefox != nil {
		w.await("clicking "+selector, fmt.Sprintf(`((e) => e?.offsetHeight > 0 && !e.disabled && (e.click(), true))(document.querySelector(%s))`, js(selector)))
		return
	}
	sel := chromedp.CSS(selector)
	w.do("clicking "+selector, chromedp.WaitVisible(sel), chromedp.WaitEnabled(sel), chromedp.Click(sel))
}

// enter types into a field as soon as it can be seen.
func (w *window) enter(selector, text string) {
	w.t.Helper()
	if w.firefox != nil {
		w.await("typing into "+selector, fmt.Sprintf(`((e) => e?.offsetHeight > 0 && (e.value = %s, e.dispatchEvent(new Event("input", {bubbles: true}))))(document.querySelector(%s))`, js(text), js(selector)))
		return
	}
	sel := chromedp.CSS(selector)
	w.do("typing into "+selector, chromedp.WaitVisible(sel), chromedp.SendKeys(sel, text))
}

// tryEval evaluates an expression, or a promise, in the page.
func tryEval[T any](w *window, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if w.firefox == nil {
		return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	}
	var value T
	err := w.firefox.Evaluate(ctx, expression, &value)
	return value, err
}

func eval[T any](w *window, expression string) T {
	w.t.Helper()
	value, err := tryEval[T](w, expression)
	if err != nil {
		w.t.Fatalf("%s: %s: %v", w.name, expression, err)
	}
	return value
}

// await waits until an expression is true. A page that is being replaced has
// no say.
func (w *window) await(what, expression string) {
	w.t.Helper()
	began := time.Now()
	eventually(w.t, w.name+": "+what, func() string {
		done, err := tryEval[bool](w, "Boolean("+expression+")")
		switch {
		case err != nil:
			return err.Error()
		case !done:
			return expression + " is false"
		default:
			return ""
		}
	})
	if took := time.Since(began); took > 5*time.Second {
		w.t.Logf("%s: %s took %v", w.name, what, took.Round(time.Millisecond))
	}
}

// closePage closes the window as its cross does.
func (w *window) closePage() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Cancel(ctx); err != nil {
		w.t.Fatalf("closing %s's window: %v", w.name, err)
	}
}
