package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// axe is the accessibility checker (axe-core, Deque), which is installed with
// the client's other tools and never shipped.
var axe = sync.OnceValues(func() (string, error) {
	script, err := os.ReadFile("../../client/node_modules/axe-core/axe.min.js")
	if err != nil {
		return "", fmt.Errorf("axe-core is missing: run `npm ci` in client/ (make test does): %w", err)
	}
	return string(script), nil
})

// colours makes the page believe that its user prefers a colour scheme.
func (w *window) colours(scheme string) {
	w.t.Helper()
	w.do("preferring "+scheme, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		return chromedp.Void{}, err
	})
}

// state checks a state of the page as people meet it, light and dark: axe-core
// finds nothing serious or critical in it, and it fits into its window. It is
// photographed for whoever wants to see it.
func (w *window) state(name string) {
	w.t.Helper()
	script, err := axe()
	if err != nil {
		w.t.Fatal(err)
	}
	if !eval[bool](w, `Boolean(window.axe)`) {
		eval[bool](w, script+`;true`)
	}
	for _, scheme := range []string{"light", "dark"} {
		w.colours(scheme)
		// A busy machine may show a page half way from one scheme to the other.
		eventually(w.t, fmt.Sprintf("%s: %s, %s, without violations", w.name, name, scheme), func() string {
			return strings.Join(w.violations(), "\n")
		})
		w.shoot(name + "-" + scheme)
	}
	w.shootForDocs(name)
	checkLayout(w.t, w)
}

// violations are what axe-core finds serious or critical in the page as it is.
func (w *window) violations() []string {
	w.t.Helper()
	return eval[[]string](w, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(async () => {
		await Promise.allSettled(document.getAnimations().filter((a) => a.effect.getTiming().iterations < 9).map((a) => a.finished));
		const {violations} = await axe.run(document, {resultTypes: ["violations"]});
		done(violations.filter(({impact}) => impact === "serious" || impact === "critical")
			.map(({id, help, nodes}) => id + ": " + help + ": " + nodes.map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join("; ")));
	})))`)
}

// strike presses one letter's key the way that browsers do: a page that takes
// it for itself keeps it from being typed.
func (w *window) strike(letter string) {
	w.t.Helper()
	w.do("striking "+letter, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		for _, typ := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			params := input.DispatchKeyEventParams{Type: typ, Key: letter}
			if typ == input.DispatchKeyEventTypeKeyDown {
				params.Text = letter
			}
			if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, params); err != nil {
				return chromedp.Void{}, err
			}
		}
		return chromedp.Void{}, nil
	})
}

// press presses keys, as a person at the keyboard does.
func (w *window) press(keys string) {
	w.t.Helper()
	w.do("pressing "+strings.TrimSpace(keys), chromedp.KeyEvent(keys))
}

// tabTo presses the tab key until an element has the focus.
func (w *window) tabTo(selector string) {
	w.t.Helper()
	var passed []string
	for range 60 {
		if eval[bool](w, fmt.Sprintf(`document.activeElement?.matches(%s) ?? false`, js(selector))) {
			if !eval[bool](w, `document.activeElement.matches(":focus-visible")`) {
				w.t.Errorf("%s: %s has the focus, and does not show it", w.name, selector)
			}
			return
		}
		w.press("\t")
		passed = append(passed, eval[string](w, `document.activeElement?.id || document.activeElement?.ariaLabel || document.activeElement?.tagName`))
	}
	w.t.Fatalf("%s: the tab key does not lead to %s, but to %q", w.name, selector, passed)
}

// awaitFocus waits until an element has the focus.
func (w *window) awaitFocus(selector string) {
	w.t.Helper()
	w.await("the focus on "+selector, fmt.Sprintf(`document.activeElement?.matches(%s)`, js(selector)))
}

// visible says whether an element can be seen.
func (w *window) visible(selector string) bool {
	w.t.Helper()
	return eval[bool](w, fmt.Sprintf(`document.querySelector(%s)?.checkVisibility() ?? false`, js(selector)))
}

// text is what an element says.
func (w *window) text(selector string) string {
	w.t.Helper()
	return eval[string](w, fmt.Sprintf(`document.querySelector(%s)?.textContent ?? "nothing is there"`, js(selector)))
}

// awaitText waits until an element says something.
func (w *window) awaitText(selector, part string) {
	w.t.Helper()
	w.await(selector+" saying "+part, fmt.Sprintf(`document.querySelector(%s)?.textContent.includes(%s)`, js(selector), js(part)))
}

// steady is how far a page may move its parts by itself while it
// loads: the cumulative layout shift that is called good is 0.1.
const steady = 0.05

// checkSteady checks that nothing on the page has jumped since it was opened,
// but for what its user has done.
func (w *window) checkSteady(t *testing.T, what string) {
	t.Helper()
	shift := eval[float64](w, `new Promise((done) => {
		let sum = 0;
		const seen = new PerformanceObserver((list) => {
			for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
		});
		seen.observe({type: "layout-shift", buffered: true});
		setTimeout(() => done(sum), 100);
	})`)
	if shift > steady {
		t.Errorf("%s: %s has jumped by %.3f, want at most %.2f", w.name, what, shift, steady)
	}
}
