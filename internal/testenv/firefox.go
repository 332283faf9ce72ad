package testenv

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// firefoxNames are the programs to look for, best first. scripts/setup.sh
// looks for the same.
var firefoxNames = []string{"firefox-esr", "firefox"}

// bidiLine is how Firefox says where it can be driven.
var bidiLine = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

// firefoxPreferences are those of its profile: nothing that calls home, asks,
// or keeps a page from playing.
const firefoxPreferences = `
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.systemAddon.update.enabled", false);
user_pref("extensions.update.enabled", false);
user_pref("media.autoplay.default", 0);
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,");
user_pref("toolkit.telemetry.enabled", false);
`

// Firefox is one window of headless Firefox, driven by WebDriver BiDi.
type Firefox struct {
	context string // of the window

	write sync.Mutex
	conn  *websocket.Conn

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan bidiMessage
	ended   error
}

// bidiMessage is a message of WebDriver BiDi, of either direction and any kind.
type bidiMessage struct {
	ID      uint64          `json:"id,omitempty"`
	Type    string          `json:"type,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   string          `json:"error,omitempty"`
	Message string          `json:"message,omitempty"`
}

// StartFirefox starts headless Firefox with a profile of its own and one
// window. What its pages write to the console goes to the test's log. It is
// closed, and its process waited for, when the test ends.
//
// TANDEM_FIREFOX names the program to use; otherwise it is looked for on PATH.
// If there is none the test fails.
func StartFirefox(t testing.TB) *Firefox {
	t.Helper()
	path, err := findFirefox()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	profile := filepath.Join(dir, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxPreferences), 0o600); err != nil {
		t.Fatal(err)
	}

	log := newTestLog(t)
	cmd := exec.Command(path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank")
	cmd.Env = append(environment(dir), "MOZ_CRASHREPORTER_DISABLE=1")
	// Its processes are ended with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // by that signal
	})
	address := make(chan string, 1)
	go readAddress(stderr, address, log)

	ctx, cancel := context.WithTimeout(t.Context(), browserStart)
	defer cancel()
	f := &Firefox{waiting: map[uint64]chan bidiMessage{}}
	select {
	case url := <-address:
		if url == "" {
			t.Fatalf("Firefox (%s) ended before it could be driven", path)
		}
		if f.conn, _, err = websocket.DefaultDialer.DialContext(ctx, url+"/session", nil); err != nil {
			t.Fatalf("driving Firefox: %v", err)
		}
	case <-ctx.Done():
		t.Fatalf("Firefox (%s) cannot be driven after %v", path, browserStart)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		f.read(log)
	}()
	t.Cleanup(func() {
		stop, cancel := context.WithTimeout(context.Background(), browserStop)
		defer cancel()
		_ = f.call(stop, "browser.close", map[string]any{}, nil) // otherwise it is killed
		f.conn.Close()
		<-over
	})
	if err := f.begin(ctx); err != nil {
		t.Fatalf("driving Firefox: %v", err)
	}
	return f
}

func findFirefox() (string, error) {
	if name := os.Getenv("TANDEM_FIREFOX"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("TANDEM_FIREFOX: %w", err)
		}
		return path, nil
	}
	for _, name := range firefoxNames {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("Firefox is missing: run `make setup`, or set TANDEM_FIREFOX to its path")
}

// readAddress finds the address to drive Firefox by in what it writes, and
// reads the rest so that it never blocks.
func readAddress(stderr io.Reader, address chan<- string, log *testLog) {
	defer close(address)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if match := bidiLine.FindStringSubmatch(lines.Text()); match != nil {
			address <- match[1]
			break
		}
		log.debugf("Firefox: %s", lines.Text())
	}
	_, _ = io.Copy(io.Discard, stderr)
}

func (f *Firefox) begin(ctx context.Context) error {
	if err := f.call(ctx, "session.new", map[string]any{"capabilities": map[string]any{}}, nil); err != nil {
		return err
	}
	if err := f.call(ctx, "session.subscribe", map[string]any{"events": []string{"log.entryAdded"}}, nil); err != nil {
		return err
	}
	var tree struct {
		Contexts []struct{ Context string }
	}
	if err := f.call(ctx, "browsingContext.getTree", map[string]any{}, &tree); err != nil {
		return err
	}
	if len(tree.Contexts) == 0 {
		return errors.New("it has no window")
	}
	f.context = tree.Contexts[0].Context
	return nil
}

// Navigate opens an address and waits until it has loaded.
func (f *Firefox) Navigate(ctx context.Context, url string) error {
	return f.call(ctx, "browsingContext.navigate", map[string]any{"context": f.context, "url": url, "wait": "complete"}, nil)
}

// Resize makes the page that large, in CSS pixels.
func (f *Firefox) Resize(ctx context.Context, width, height int64) error {
	size := map[string]any{"width": width, "height": height}
	return f.call(ctx, "browsingContext.setViewport", map[string]any{"context": f.context, "viewport": size}, nil)
}

// Screenshot returns what the window shows, as a PNG.
func (f *Firefox) Screenshot(ctx context.Context) ([]byte, error) {
	var answer struct{ Data []byte }
	err := f.call(ctx, "browsingContext.captureScreenshot", map[string]any{"context": f.context}, &answer)
	return answer.Data, err
}

// Evaluate evaluates an expression, or a promise, in the page, as if somebody
// had just clicked there, and decodes its value into value.
func (f *Firefox) Evaluate(ctx context.Context, expression string, value any) error {
	var answer struct {
		Type             string
		Result           struct{ Value string }
		ExceptionDetails struct{ Text string }
	}
	err := f.call(ctx, "script.evaluate", map[string]any{
		"expression":     "(async () => JSON.stringify(await (" + expression + ")) ?? 'null')()",
		"target":         map[string]any{"context": f.context},
		"awaitPromise":   true,
		"userActivation": true,
	}, &answer)
	if err != nil {
		return err
	}
	if answer.Type != "success" {
		return errors.New(answer.ExceptionDetails.Text)
	}
	return json.Unmarshal([]byte(answer.Result.Value), value)
}

// call runs a command and decodes its answer into result, unless that is nil.
func (f *Firefox) call(ctx context.Context, method string, params, result any) error {
	answer := make(chan bidiMessage, 1)
	f.mu.Lock()
	if f.ended != nil {
		f.mu.Unlock()
		return f.ended
	}
	f.last++
	id := f.last
	f.waiting[id] = answer
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.waiting, id)
	}()

	f.write.Lock()
	err := f.conn.SetWriteDeadline(time.Now().Add(browserStop))
	if err == nil {
		err = f.conn.WriteJSON(bidiMessage{ID: id, Method: method, Params: params})
	}
	f.write.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m, ok := <-answer:
		switch {
		case !ok:
			return fmt.Errorf("%s: Firefox has closed", method)
		case m.Type == "error":
			return fmt.Errorf("%s: %s: %s", method, m.Error, m.Message)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(m.Result, result)
		}
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// read hands out answers until Firefox closes.
func (f *Firefox) read(log *testLog) {
	for {
		var m bidiMessage
		if err := f.conn.ReadJSON(&m); err != nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.ended = fmt.Errorf("Firefox has closed: %w", err)
			for _, answer := range f.waiting {
				close(answer)
			}
			clear(f.waiting)
			return
		}
		if m.Method == "log.entryAdded" {
			if entry, ok := m.Params.(map[string]any); ok {
				log.debugf("Firefox: %v: %v", entry["level"], entry["text"])
			}
			continue
		}
		f.mu.Lock()
		if answer := f.waiting[m.ID]; answer != nil {
			delete(f.waiting, m.ID)
			answer <- m
		}
		f.mu.Unlock()
	}
}
