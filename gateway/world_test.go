package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/internal/memnet"
)

// Addresses of people, of documentation's networks.
const (
	home   = "198.51.100.1"
	office = "198.51.100.2"
	cafe   = "198.51.100.3"
)

const testSecret = "a secret of the tests"

// faultyLog is a log in memory that fails on demand, as a gateway's own.
type faultyLog struct{ *memory.Faulty }

func (faultyLog) Close(context.Context) error { return nil }

// world is a whole gateway with its log and its network, in virtual time.
type world struct {
	t      *testing.T
	flags  []string
	rooms  *memory.Log // what outlives the gateway
	log    faultyLog   // the gateway's view of it
	net    *memnet.Listener
	g      *Gateway
	output *bytes.Buffer // the gateway's log, if it is to be kept
	shared *sharedLog    // instead of log, where there are several gateways
	dead   bool          // see kill

	clients []*peer
	names   map[string]string // of members
}

// virtual runs a test in a bubble of virtual time over a gateway that was
// started with flags. It fails when anything is left running at the end.
func virtual(t *testing.T, test func(t *testing.T, w *world), flags ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, flags: flags, rooms: memory.New(), names: map[string]string{}}
		w.start()
		defer w.end()
		test(t, w)
	})
}

func (w *world) start() {
	w.t.Helper()
	config, err := LoadConfig(append([]string{"--secret", testSecret, "--node-id", "test"}, w.flags...), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.log = faultyLog{memory.NewFaulty()}
	w.log.Log = w.rooms
	out := w.t.Output()
	if w.output != nil {
		out = w.output
	}
	var log Log = w.log
	if w.shared != nil {
		log = w.shared
	}
	g, err := newGateway(w.t.Context(), config, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: config.LogLevel})), log, config.Secrets)
	if err != nil {
		w.t.Fatal(err)
	}
	w.net = memnet.Listen(memnet.Options{})
	g.startOn(w.net)
	synctest.Wait() // the rooms of before are taken up
	w.g = g
}

// stop shuts the gateway down as a SIGTERM does.
func (w *world) stop() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), w.g.config.DrainTimeout)
	defer cancel()
	if err := w.g.Shutdown(ctx); err != nil {
		w.t.Errorf("shutdown: %v", err)
	}
	if n := w.g.hub.Stats().Rooms; n != 0 {
		w.t.Errorf("the hub still holds %d rooms", n)
	}
	if n := w.g.ws.Sessions(); n != 0 {
		w.t.Errorf("%d sessions are still there", n)
	}
	synctest.Wait() // handlers that return after their sessions
	w.g.addrs.mu.Lock()
	defer w.g.addrs.mu.Unlock()
	if n := w.g.addrs.total + len(w.g.addrs.byKey); n != 0 {
		w.t.Errorf("%d sessions are still counted", n)
	}
}

// crash is the end of the process without a word, and another one's start on
// the same data: what the old one still does reaches neither clients nor log.
func (w *world) crash() {
	w.t.Helper()
	synctest.Wait()
	dead := func(string) error { return io.ErrClosedPipe }
	w.log.Set(memory.Faults{BeforeAppend: memory.Unavailable, BeforeRead: dead})
	for _, c := range w.clients {
		c.settle()
		c.vanish()
	}
	old := w.g
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	go func() { _ = old.Shutdown(gone) }()
	w.start()
}

// end closes everything. Whatever still runs then makes the bubble fail.
func (w *world) end() {
	for _, c := range w.clients {
		c.settle()
	}
	w.stop()
	for _, c := range w.clients {
		c.Close()
	}
}

// pass lets time pass. Clients that are still connected probe the clock
// meanwhile, as the protocol wants it.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	for d > 0 {
		step := min(d, 10*time.Second)
		time.Sleep(step)
		d -= step
		for _, c := range w.clients {
			if c.settle(); !c.silent && !c.over {
				_ = c.Send(&probe)
			}
		}
	}
	synctest.Wait()
}

// response is an answer of the HTTP API.
type response struct {
	Status int
	Header http.Header
	Body   []byte
}

// call makes a request from an address.
func (w *world) call(from string, r *http.Request) response {
	w.t.Helper()
	c := http.Client{
		Transport:     &http.Transport{DialContext: w.net.Dialer(from), DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := c.Do(r)
	if err != nil {
		w.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return response{answer.StatusCode, answer.Header, body}
}

func (w *world) get(path string) response {
	w.t.Helper()
	return w.call(home, w.request(http.MethodGet, path, ""))
}

// request makes one, with a JSON body if there is one.
func (w *world) request(method, path, body string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, "http://tandem.test"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// into decodes the body.
func (r response) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("the body %q: %v", r.Body, err)
	}
}

// create makes a room by the HTTP API: body is that of POST /v1/rooms.
func (w *world) create(body string) createdRoom {
	w.t.Helper()
	answer := w.call(home, w.request(http.MethodPost, "/v1/rooms", body))
	if answer.Status != http.StatusCreated {
		w.t.Fatalf("POST /v1/rooms: %d %s", answer.Status, answer.Body)
	}
	var made createdRoom
	answer.into(w.t, &made)
	var named struct{ Name string }
	if err := json.Unmarshal([]byte(body), &named); err != nil {
		w.t.Fatal(err)
	}
	w.names[made.Member] = named.Name
	return made
}
