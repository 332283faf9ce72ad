package testenv

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/runtime"
)

// testLog writes to a test's log until the test ends, and then nowhere: a
// browser may still talk while it closes, and testing panics on a late line.
type testLog struct {
	mu   sync.Mutex
	t    testing.TB
	over bool
}

func newTestLog(t testing.TB) *testLog {
	l := &testLog{t: t}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.over = true
	})
	return l
}

func (l *testLog) debugf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.t.Logf(format, args...)
	}
}

// event logs what a page says. It is a listener of chromedp.
func (l *testLog) event(event any) {
	switch event := event.(type) {
	case *runtime.EventConsoleAPICalled:
		parts := make([]string, len(event.Args))
		for i, arg := range event.Args {
			parts[i] = describe(arg)
		}
		l.debugf("console.%s: %s", event.Type, strings.Join(parts, " "))
	case *runtime.EventExceptionThrown:
		details := event.ExceptionDetails
		text := details.Text
		if details.Exception != nil {
			text += " " + describe(details.Exception)
		}
		l.debugf("uncaught: %s (%s:%d)", text, details.URL, details.LineNumber+1)
	}
}

func describe(object *runtime.RemoteObject) string {
	if preview := object.Preview; preview != nil && object.Subtype != "error" {
		parts := make([]string, len(preview.Properties))
		for i, property := range preview.Properties {
			parts[i] = property.Name + ": " + property.Value
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	if object.Description != "" {
		return object.Description
	}
	if len(object.Value) > 0 {
		return string(object.Value)
	}
	return fmt.Sprint(object.Type)
}
