package acmetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log" //nolint:depguard // what Pebble takes
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/core"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// authority is a Pebble: a real ACME server with its own roots, which checks
// the challenges of gateways on this machine.
type authority struct {
	t      *testing.T
	dns    *challtestsrv.ChallSrv
	ca     *ca.CAImpl
	db     *db.MemoryStore
	server *httptest.Server

	mu      sync.Mutex
	handler http.Handler
	refuse  func(w http.ResponseWriter, r *http.Request) bool // nil: as it comes
	orders  int
	asked   int
}

type authorityOptions struct {
	httpPort, tlsPort int // where it looks for gateways
	profiles          map[string]ca.Profile
	eab               map[string]string // key id → key; asked for if there is one
}

// lifetimes that the authorities' profiles give.
var profiles = map[string]ca.Profile{"default": {Description: "90 days", ValidityPeriod: 90 * 86400}}

func newAuthority(t *testing.T, o authorityOptions) *authority {
	t.Helper()
	if o.profiles == nil {
		o.profiles = profiles
	}
	a := &authority{t: t, db: db.NewMemoryStore()}
	quiet := log.New(io.Discard, "", 0)
	names := freeAddr(t)
	var err error
	a.dns, err = challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{names}, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	a.dns.SetDefaultDNSIPv6("")
	go a.dns.Run()
	t.Cleanup(a.dns.Shutdown)
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", names); err == nil {
			_ = c.Close()
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatal("the name server does not listen")
		}
	}
	for id, key := range o.eab {
		if err := a.db.AddExternalAccountKeyByID(id, key); err != nil {
			t.Fatal(err)
		}
	}
	a.ca = ca.New(quiet, a.db, "", "ecdsa", 0, 1, o.profiles)
	checks := va.New(quiet, o.httpPort, o.tlsPort, false, names, a.db)
	front := wfe.New(quiet, a.db, checks, a.ca, []string{"pebble.letsencrypt.org"}, false, len(o.eab) > 0, 0, 0)
	a.handler = front.Handler()
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.server.Config.ErrorLog = quiet
	a.server.StartTLS()
	t.Cleanup(a.server.Close)
	return a
}

func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked++
	refuse := a.refuse
	a.mu.Unlock()
	if refuse != nil && refuse(w, r) {
		return
	}
	if strings.Contains(r.URL.Path, "order-plz") {
		a.mu.Lock()
		a.orders++
		a.mu.Unlock()
	}
	a.handler.ServeHTTP(w, r)
}

func (a *authority) directory() string { return a.server.URL + "/dir" }

// counts are the orders placed, and all requests.
func (a *authority) counts() (orders, asked int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orders, a.asked
}

// answer lets refuse answer instead, from now on; nil ends that.
func (a *authority) answer(refuse func(w http.ResponseWriter, r *http.Request) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = refuse
}

// down drops every connection, as a machine does that is not there.
func (a *authority) down(http.ResponseWriter, *http.Request) bool {
	panic(http.ErrAbortHandler)
}

// serverRootFile is a file of who is trusted to be the ACME server itself.
func (a *authority) serverRootFile() string {
	a.t.Helper()
	path := a.t.TempDir() + "/roots.pem"
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// roots trust what it gives.
func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.ca.GetRootCert(0).Cert)
	return pool
}

// revoke revokes a certificate, as its holder's report would.
func (a *authority) revoke(serial *big.Int) {
	a.t.Helper()
	cert := a.db.GetCertificateBySerial(serial)
	if cert == nil {
		a.t.Fatal("no such certificate")
	}
	a.db.RevokeCertificate(&core.RevokedCertificate{Certificate: cert, RevokedAt: time.Now()})
	// Pebble's own window is of one second, which acmez takes for none; public
	// authorities say half an hour.
	begin := time.Now().Add(-time.Hour).UTC()
	window := fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q}}`, begin.Format(time.RFC3339), begin.Add(30*time.Minute).Format(time.RFC3339))
	if err := a.db.SetARIResponse(serial, window); err != nil {
		a.t.Fatal(err)
	}
}

// eabKey is an account key in the spelling of the configuration.
func eabKey() string {
	return base64.RawURLEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
}

// freeAddr is an address of this machine that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}

// until waits for something to be so.
func until(t *testing.T, what string, patience time.Duration, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", patience, what)
		case <-tick.C:
		}
	}
}

// handshake connects as a browser does that trusts roots.
func handshake(addr, name string, roots *x509.CertPool) (*x509.Certificate, error) {
	d := &net.Dialer{Timeout: 5 * time.Second}
	c, err := tls.DialWithDialer(d, "tcp", addr, &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if p := c.ConnectionState().NegotiatedProtocol; p != "h2" && p != "http/1.1" {
		return nil, fmt.Errorf("negotiated %q", p)
	}
	return c.ConnectionState().PeerCertificates[0], nil
}
