package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// shoot saves what a window shows, when somebody wants to see it.
func (w *window) shoot(stage string) {
	w.t.Helper()
	if dir := os.Getenv("TANDEM_SCREENSHOTS"); dir != "" {
		eval[bool](w, `(scrollTo(0, 0), true)`)
		w.shootInto(dir, stage+"-"+w.name)
	}
}

// shootForDocs saves a picture of the documentation.
func (w *window) shootForDocs(name string) {
	w.t.Helper()
	if dir := os.Getenv("TANDEM_DOCS_IMAGES"); dir != "" {
		w.shootInto(dir, name)
	}
}

// shootInto saves what a window shows. A picture that fails is no fault of
// what is tested.
func (w *window) shootInto(dir, name string) {
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	var image []byte
	var err error
	if w.firefox != nil {
		image, err = w.firefox.Screenshot(ctx)
	} else {
		image, err = chromedp.Run(ctx, chromedp.CaptureScreenshot())
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), image, 0o644)
	}
	if err != nil {
		w.t.Logf("no picture %s: %v", name, err)
	}
}

func shootAll(stage string, windows ...*window) {
	for _, w := range windows {
		w.shoot(stage)
	}
}

// checkLayout checks that the page fits into its window, and that what people
// need can be reached.
func checkLayout(t *testing.T, w *window, selectors ...string) {
	t.Helper()
	const overflow = `Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - innerWidth`
	if px := eval[float64](w, overflow); px > 0 {
		t.Errorf("%s: the page is %v px wider than its window", w.name, px)
	}
	for _, selector := range selectors {
		inside := fmt.Sprintf(`(() => {
			const box = document.querySelector(%s)?.getBoundingClientRect();
			return Boolean(box) && box.width > 0 && box.height > 0 && box.left >= 0 && box.right <= innerWidth;
		})()`, js(selector))
		if !eval[bool](w, inside) {
			t.Errorf("%s: %s is not to be seen, or sticks out of the window", w.name, selector)
		}
	}
}

// checkInView checks that an element lies in the window whole, without
// scrolling.
func (w *window) checkInView(selector string) {
	w.t.Helper()
	out := eval[string](w, fmt.Sprintf(`(() => {
		const box = document.querySelector(%s)?.getBoundingClientRect();
		if (!box?.width || !box.height) return "is not to be seen";
		const {left, top, right, bottom} = box;
		return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight ? "" :
			"lies at " + [left, top, right, bottom].map(Math.round) + " of " + [innerWidth, innerHeight];
	})()`, js(selector)))
	if out != "" {
		w.t.Errorf("%s: %s %s", w.name, selector, out)
	}
}
