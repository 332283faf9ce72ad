package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"tandem.watch/tandem/core/roomlog/memory"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

// lines is a log that tests read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), what)
}

// onSecureSockets starts a gateway on sockets of this machine, TCP and UDP.
func onSecureSockets(t *testing.T, flags ...string) (g *Gateway, log *lines) {
	t.Helper()
	config := load(t, append([]string{
		"--secret", testSecret, "--http-addr", "127.0.0.1:0", "--https-addr", "127.0.0.1:0", "--data-dir", t.TempDir(),
	}, flags...), nil)
	log = new(lines)
	g, err := newGateway(t.Context(), config, slog.New(slog.NewTextHandler(log, nil)), faultyLog{memory.NewFaulty()}, config.Secrets)
	if err != nil {
		t.Fatal(err)
	}
	if config.TLS != tlsOff {
		if err := g.addTLS(config.Secrets[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return g, log
}

func (g *Gateway) secureAddr() string { return g.tls[0].Addr().String() }

var believing = &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}} //nolint:gosec // a test's

func dialQUIC(t *testing.T, g *Gateway) (*testclient.Client, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	// Packets that hold datagrams larger than the protocol's.
	return testclient.DialWebTransport(ctx, "https://"+g.secureAddr()+"/v1/wt", testclient.WebTransportOptions{PacketSize: 1350})
}

func memberQUIC(t *testing.T, g *Gateway, room string) *testclient.Client {
	t.Helper()
	c, err := dialQUIC(t, g)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Join(t.Context(), protocol.Hello{Room: room, Name: "Eve"}); err != nil {
		t.Fatal(err)
	}
	return c
}

// wantBye reads until the gateway says why it closes, and closes.
func wantBye(t *testing.T, c *testclient.Client, code protocol.CloseCode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	b, err := testclient.Await[*protocol.Bye](ctx, c, nil)
	if err != nil || b.Code != code {
		t.Errorf("closed with %+v, %v; want %d", b, err, code)
	}
	c.Close()
}

var quicAttacks = []struct {
	name   string
	closed protocol.CloseCode // what is counted and logged at least once
	run    func(t *testing.T, g *Gateway, room string)
}{
	{"connections that ask for nothing", 0, func(t *testing.T, g *Gateway, _ string) {
		for range 20 {
			c, err := quic.DialAddr(t.Context(), g.secureAddr(), believing, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = c.CloseWithError(0, "")
		}
	}},
	{"packets that are none of QUIC's", 0, func(t *testing.T, g *Gateway, _ string) {
		c, err := new(net.Dialer).DialContext(t.Context(), "udp", g.secureAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for i := range 1000 {
			_, _ = c.Write(bytes.Repeat([]byte{byte(i)}, i+1))
		}
	}},
	{"sessions that come and go", protocol.CloseNormal, func(t *testing.T, g *Gateway, room string) {
		for i := range 20 {
			c := memberQUIC(t, g, room)
			if i%2 == 0 {
				_ = c.Send(&protocol.Leave{Command: protocol.Command{ID: 1}})
			}
			c.Close()
		}
	}},
	{"rubbish in datagrams", protocol.CloseProtocol, func(t *testing.T, g *Gateway, room string) {
		for range 3 {
			c := memberQUIC(t, g, room)
			for i := range 300 {
				err := c.SendDatagram(bytes.Repeat([]byte{byte(i)}, []int{0, 1, 1100, 1200}[i%4]))
				if tooLarge := new(quic.DatagramTooLargeError); errors.As(err, &tooLarge) {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Microsecond)
			}
			wantBye(t, c, protocol.CloseProtocol)
		}
	}},
	{"a stream that is opened and never used", 0, func(t *testing.T, g *Gateway, room string) {
		c := memberQUIC(t, g, room)
		s, err := c.Session().OpenStreamSync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = s.Write(nil)
		ask(t, c, 1)
		c.Close()
	}},
	{"a thousand streams", 0, func(t *testing.T, g *Gateway, room string) {
		c := memberQUIC(t, g, room)
		opened := 0
		for i := range 1000 {
			if i%2 == 0 {
				s, err := c.Session().OpenStream()
				if err != nil {
					continue
				}
				opened++
				_, _ = s.Write([]byte{1})
			} else {
				s, err := c.Session().OpenUniStream()
				if err != nil {
					continue
				}
				opened++
				_, _ = s.Write([]byte{1})
			}
		}
		if opened > 120 {
			t.Errorf("%d streams could be opened", opened)
		}
		ask(t, c, 1)
		c.Close()
	}},
	{"megabytes on streams that nobody reads", 0, func(t *testing.T, g *Gateway, room string) {
		c := memberQUIC(t, g, room)
		sent := 0
		for range 8 {
			s, err := c.Session().OpenUniStream()
			if err != nil {
				t.Fatal(err)
			}
			_ = s.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			n, _ := s.Write(make([]byte, 4<<20))
			sent += n
		}
		if sent > 2<<20 {
			t.Errorf("the gateway took %d bytes", sent)
		}
		c.Close()
	}},
	{"a message of 4 GiB", protocol.CloseTooLarge, func(t *testing.T, g *Gateway, room string) {
		c := memberQUIC(t, g, room)
		if _, err := c.Stream().Write([]byte{0xFF, 0xFF, 0xFF, 0xFF, 'x'}); err != nil {
			t.Fatal(err)
		}
		wantBye(t, c, protocol.CloseTooLarge)
	}},
	{"a flood of rubbish", protocol.CloseProtocol, func(t *testing.T, g *Gateway, room string) {
		c := memberQUIC(t, g, room)
		for range 100 {
			_, _ = c.Stream().Write([]byte("\x00\x00\x00\x08{\"type\":"))
		}
		wantBye(t, c, protocol.CloseProtocol)
	}},
	{"a flood of commands", protocol.CloseRateLimited, func(t *testing.T, g *Gateway, room string) {
		c := memberQUIC(t, g, room)
		for id := range uint64(2000) {
			if c.Send(&protocol.Say{Command: protocol.Command{ID: id + 1}, Text: strings.Repeat("x", 500)}) != nil {
				break
			}
		}
		wantBye(t, c, protocol.CloseRateLimited)
	}},
}

// After each attack the gateway holds what it held before, it has said and
// counted why it closed, and a room that was there all the time has gone on.
func TestQUICAttacks(t *testing.T) {
	g, log := onSecureSockets(t, "--seat-grace", "100ms", "--max-rooms-per-ip", "1000", "--max-connects-per-ip", "10000")
	witness, target := create(t, g.Addr().String()), create(t, g.Addr().String())
	ann, err := dialQUIC(t, g)
	if err != nil {
		t.Fatal(err)
	}
	defer ann.Close()
	if _, err := ann.Join(t.Context(), protocol.Hello{Room: witness.ID, Name: "Ann", Resume: &protocol.Resume{Seat: witness.Seat}}); err != nil {
		t.Fatal(err)
	}
	for i, a := range quicAttacks {
		t.Run(a.name, func(t *testing.T) {
			before := measure()
			counted := g.counters.Closed(a.closed)
			a.run(t, g, target.ID)
			before.returnsTo(t, 4<<20)
			ask(t, ann, uint64(i+1))
			if a.closed == 0 {
				return
			}
			if g.counters.Closed(a.closed) == counted {
				t.Errorf("no session counted as %s", a.closed)
			}
			if !log.has("reason=" + a.closed.String()) {
				t.Errorf("the log does not name %s", a.closed)
			}
		})
	}
	if n := g.wt.Sessions(); n != 1 {
		t.Errorf("%d sessions are held, want Ann's", n)
	}
	if !log.has("msg=refused reason=datagram") || g.counters.Refused(v1.RefusedDatagram) == 0 {
		t.Error("refused datagrams are neither logged nor counted")
	}
}

// More sessions than an address may have, or may begin in a minute, are refused.
func TestConnectFlood(t *testing.T) {
	for _, x := range []struct {
		name string
		flag []string
		why  v1.Refusal
		most int
	}{
		{"open", []string{"--max-sessions-per-ip", "10"}, v1.RefusedAddress, 10},
		{"begun", []string{"--max-connects-per-ip", "20"}, v1.RefusedAttempts, 12},
	} {
		t.Run(x.name, func(t *testing.T) {
			g, log := onSecureSockets(t, x.flag...)
			var open []*testclient.Client
			for range 25 {
				if c, err := dialQUIC(t, g); err == nil {
					open = append(open, c)
				}
			}
			if len(open) < 5 || len(open) > x.most {
				t.Errorf("%d of 25 sessions were taken, want at most %d", len(open), x.most)
			}
			if int(g.counters.Refused(x.why)) < 25-x.most || !log.has("reason="+string(x.why)) {
				t.Errorf("%d counted as %s, want %d; logged: %v", g.counters.Refused(x.why), x.why, 25-len(open), log.has("reason="+string(x.why)))
			}
			for _, c := range open {
				c.Close()
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			for g.wt.Sessions() > 0 && ctx.Err() == nil {
				time.Sleep(5 * time.Millisecond)
			}
			if n := g.wt.Sessions(); n != 0 {
				t.Errorf("%d sessions are left", n)
			}
		})
	}
}

// Many CONNECTs on one connection count as what they are.
func TestConnectFloodOnOneConnection(t *testing.T) {
	g, _ := onSecureSockets(t, "--max-sessions-per-ip", "10")
	c, err := quic.DialAddr(t.Context(), g.secureAddr(), believing, &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseWithError(0, "") }()
	client := (&http3.Transport{EnableDatagrams: true, AdditionalSettings: map[uint64]uint64{0x2b61: 1 << 20, 0x2b64: 10, 0x2b65: 10}}).NewClientConn(c)
	refused := 0
	for range 30 {
		s, err := client.OpenRequestStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodConnect, "https://"+g.secureAddr()+"/v1/wt", nil)
		r.Proto = "webtransport"
		if err := s.SendRequestHeader(r); err != nil {
			t.Fatal(err)
		}
		answer, err := s.ReadResponse()
		if err != nil || answer.StatusCode != http.StatusOK {
			refused++
		}
	}
	if refused != 20 || g.counters.Refused(v1.RefusedAddress) != 20 {
		t.Errorf("%d of 30 refused, %d counted; want 20", refused, g.counters.Refused(v1.RefusedAddress))
	}
}

// In a flood of connections each has to show that its address is its own; who
// does so is served.
func TestAddressValidation(t *testing.T) {
	g, log := onSecureSockets(t)
	g.quic.limit.SetLimit(0.001)
	g.quic.limit.SetBurst(0)
	c, err := dialQUIC(t, g)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if g.counters.Refused(v1.ValidatedAddress) == 0 || !log.has("reason="+string(v1.ValidatedAddress)) {
		t.Error("no address was asked for")
	}
}

// WebTransport is for HTTP/3: by other ways there is an error, and nothing else.
func TestConnectByOtherMeans(t *testing.T) {
	g, _ := onSecureSockets(t)
	t.Run("HTTP/1.1", func(t *testing.T) {
		for _, request := range []string{
			"CONNECT /v1/wt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\nConnection: close\r\n\r\n",
			"GET /v1/wt HTTP/1.1\r\nHost: x\r\nUpgrade: webtransport\r\nConnection: upgrade, close\r\n\r\n",
		} {
			c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", g.secureAddr()) //nolint:gosec // a test's
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(c, request)
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || answer.StatusCode < 400 || answer.StatusCode > 499 {
				t.Errorf("%.20q: %+v, %v", request, answer, err)
			}
			_ = c.Close()
		}
	})
	try := func(t *testing.T, client http.RoundTripper, method string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+g.secureAddr()+"/v1/wt", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.RoundTrip(r)
		if err != nil {
			t.Errorf("%s: %v", method, err)
			return
		}
		defer answer.Body.Close()
		if answer.StatusCode < 400 || answer.StatusCode > 499 {
			t.Errorf("%s: %s", method, answer.Status)
		}
	}
	t.Run("HTTP/2", func(t *testing.T) {
		client := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a test's
		defer client.CloseIdleConnections()
		try(t, client, http.MethodGet)
		try(t, client, http.MethodConnect)
	})
	t.Run("HTTP/3 without WebTransport", func(t *testing.T) {
		client := &http3.Transport{TLSClientConfig: believing}
		defer client.Close()
		try(t, client, http.MethodGet)
		try(t, client, http.MethodConnect)
	})
	if n := g.wt.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	time.Sleep(50 * time.Millisecond) // for handlers that return after their answer
	g.addrs.mu.Lock()
	defer g.addrs.mu.Unlock()
	if g.addrs.total != 0 {
		t.Errorf("%d sessions counted", g.addrs.total)
	}
}

// Every reason has its count from the start.
func TestCountersStartAtZero(t *testing.T) {
	c := v1.NewCounters(slog.New(slog.DiscardHandler))
	for code := range protocol.CloseCodes() {
		c.Close(code)
		if c.Closed(code) != 1 {
			t.Errorf("close code %d is not counted", code)
		}
	}
	for _, why := range v1.Refusals() {
		c.Refuse(why)
		if c.Refused(why) != 1 {
			t.Errorf("%s is not counted", why)
		}
	}
}
