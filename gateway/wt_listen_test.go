package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"tandem.watch/tandem/internal/testclient"
)

// What QUIC is set to.
func TestQUICSettings(t *testing.T) {
	g, _ := onSecureSockets(t)
	if g.quic.config.Allow0RTT {
		t.Error("0-RTT is allowed: a hello could be replayed")
	}
	sessions := tls.NewLRUClientSessionCache(10)
	resume := believing.Clone()
	resume.ClientSessionCache, resume.ServerName = sessions, "localhost"
	for i := range 2 {
		c, err := quic.DialAddrEarly(t.Context(), g.secureAddr(), resume, &quic.Config{TokenStore: quic.NewLRUTokenStore(1, 1)})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-c.HandshakeComplete():
		case <-time.After(5 * time.Second):
			t.Fatal("no handshake")
		}
		s := c.ConnectionState()
		if s.Used0RTT || i == 1 && !s.TLS.DidResume {
			t.Errorf("connection %d: 0-RTT %v, resumed %v", i, s.Used0RTT, s.TLS.DidResume)
		}
		time.Sleep(200 * time.Millisecond) // for the ticket
		_ = c.CloseWithError(0, "")
	}

	secret := []byte(testSecret)
	a, err := deriveQUICKeys(secret, "a")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := deriveQUICKeys(secret, "a")
	b, _ := deriveQUICKeys(secret, "b")
	other, _ := deriveQUICKeys([]byte("another secret of tests"), "a")
	if a != again {
		t.Error("a gateway does not know its own clients after a restart")
	}
	if a.token != b.token {
		t.Error("gateways do not know each other's tokens")
	}
	if a.reset == b.reset || bytes.Equal(a.reset[:], a.token[:]) {
		t.Error("gateways share a stateless reset key")
	}
	if a.token == other.token || a.reset == other.reset {
		t.Error("the keys do not depend on the secret")
	}
}

// One port number serves HTTPS and QUIC, in both families for localhost, and
// says so.
func TestSamePort(t *testing.T) {
	g, _ := onSecureSockets(t, "--https-addr", "localhost:0")
	_, number, _ := net.SplitHostPort(g.secureAddr())
	hosts := []string{"127.0.0.1"}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil { //nolint:noctx // closed at once
		_ = l.Close()
		hosts = append(hosts, "::1")
	} else {
		t.Log("this machine has no ::1")
	}
	if len(g.tls) != len(hosts) || len(g.quic.transports) != len(hosts) {
		t.Fatalf("%d TCP and %d UDP sockets, want %d each", len(g.tls), len(g.quic.transports), len(hosts))
	}
	for _, host := range hosts {
		base := "https://" + net.JoinHostPort(host, number)
		tcp := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a test's
		udp := &http3.Transport{TLSClientConfig: believing}
		for name, client := range map[string]http.RoundTripper{"TCP": tcp, "UDP": udp} {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v1/endpoints", nil)
			answer, err := client.RoundTrip(r)
			if err != nil {
				t.Errorf("%s by %s: %v", base, name, err)
				continue
			}
			body, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			var list endpointList
			if err := json.Unmarshal(body, &list); err != nil || len(list.Endpoints) != 2 || list.WebTransportOff != "" ||
				list.Endpoints[0].URL != base+"/v1/wt" || len(list.Endpoints[0].CertificateHashes) == 0 {
				t.Errorf("%s by %s: %s", base, name, body)
			}
			if alt := answer.Header.Get("Alt-Svc"); name == "TCP" && alt != `h3=":`+number+`"; ma=3600` {
				t.Errorf("Alt-Svc: %q", alt)
			}
		}
		tcp.CloseIdleConnections()
		_ = udp.Close()
		c, err := testclient.DialWebTransport(t.Context(), base+"/v1/wt", testclient.WebTransportOptions{})
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		c.Close()
	}
}

func TestHTTPSAddrTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, host := range []string{"127.0.0.1", "localhost"} {
		addr := net.JoinHostPort(host, strconv.Itoa(port(taken.Addr())))
		if _, _, err := listenBoth(t.Context(), addr); err == nil {
			t.Errorf("listening on %s, which is taken", addr)
		}
	}
	if _, _, err := listenBoth(t.Context(), "no-such-host.invalid:0"); err == nil {
		t.Error("listening on a host that there is not")
	}
}

func TestTLSOff(t *testing.T) {
	g, _ := onSecureSockets(t, "--tls", "off")
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.Addr().String()+"/v1/endpoints", nil)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	var list endpointList
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if len(list.Endpoints) != 1 || list.Endpoints[0].Transport != "websocket" || !strings.Contains(list.WebTransportOff, "tls=off") {
		t.Errorf("%+v", list)
	}
	if answer.Header.Get("Alt-Svc") != "" {
		t.Error("Alt-Svc without QUIC")
	}
}
