package acmetest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/quic-go/quic-go"

	"tandem.watch/tandem/tls/acme"
	"tandem.watch/tandem/tls/certs"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(run(m))
}

// patience is for what takes a second or two.
const patience = 30 * time.Second

// edge is what a gateway is to an authority and to browsers: HTTP, HTTPS and
// QUIC with the certificates of a manager.
type edge struct {
	t                   *testing.T
	httpAddr, httpsAddr string
	manager             *acme.Manager
	log                 *syncBuffer
	storage             certmagic.Storage
}

func newEdge(t *testing.T) *edge {
	return &edge{t: t, httpAddr: freeAddr(t), httpsAddr: freeAddr(t), log: &syncBuffer{}, storage: &certmagic.FileStorage{Path: t.TempDir()}}
}

// authority makes one that looks for this edge.
func (e *edge) authority(o authorityOptions) *authority {
	o.httpPort, o.tlsPort = portOf(e.t, e.httpAddr), portOf(e.t, e.httpsAddr)
	return newAuthority(e.t, o)
}

// options are what a test changes.
func (e *edge) options(names []string, authorities ...*authority) acme.Options {
	roots := x509.NewCertPool()
	var issuers []acme.Issuer
	for _, a := range authorities {
		roots.AddCert(a.server.Certificate())
		issuers = append(issuers, acme.Issuer{Directory: a.directory(), Profile: "default"})
	}
	return acme.Options{
		Names: names, Issuers: issuers, Roots: roots, HTTPAddr: e.httpAddr, HTTPSAddr: e.httpsAddr, Storage: e.storage,
		Logger: slog.New(slog.NewTextHandler(e.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Poll:   50 * time.Millisecond, Retry: 150 * time.Millisecond,
	}
}

// start serves until stop is called, or the test ends.
func (e *edge) start(o acme.Options) (stop func()) {
	e.t.Helper()
	m, err := acme.New(o)
	if err != nil {
		e.t.Fatal(err)
	}
	e.manager = m
	plain := e.listen(e.httpAddr)
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !m.HandleChallenge(w, r) {
			w.WriteHeader(http.StatusTeapot)
		}
	})}
	secure := e.listen(e.httpsAddr)
	tcp := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), TLSConfig: &tls.Config{
		GetCertificate: m.GetCertificateTCP, NextProtos: []string{"h2", "http/1.1", acme.Protocol},
	}}
	udp, err := net.ListenPacket("udp", e.httpsAddr)
	if err != nil {
		e.t.Fatal(err)
	}
	transport := &quic.Transport{Conn: udp}
	q, err := transport.Listen(&tls.Config{GetCertificate: m.GetCertificate, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13}, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.Load(ctx)
	var all sync.WaitGroup
	all.Go(func() { _ = web.Serve(plain) })
	all.Go(func() { _ = tcp.ServeTLS(secure, "", "") })
	all.Go(func() { m.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		_, _, _, _, _ = web.Close(), tcp.Close(), q.Close(), transport.Close(), udp.Close()
		all.Wait()
		if e.t.Failed() {
			e.t.Logf("log:\n%s", e.log)
		}
	})
	e.t.Cleanup(stop)
	return stop
}

func (e *edge) listen(addr string) net.Listener {
	e.t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		e.t.Fatal(err)
	}
	return l
}

// status is that of the first name.
func (e *edge) status() certs.Status { return e.manager.Status()[0] }

// served waits until a browser that trusts the authority is served.
func (e *edge) served(a *authority, name string) *x509.Certificate {
	e.t.Helper()
	var leaf *x509.Certificate
	var err error
	deadline := time.Now().Add(patience)
	for {
		if leaf, err = handshake(e.httpsAddr, name, a.roots()); err == nil {
			return leaf
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("%s is not served: %v; %+v\n%s", name, err, e.manager.Status(), e.log)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// overQUIC is what QUIC serves.
func (e *edge) overQUIC(a *authority, name string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(e.t.Context(), 5*time.Second)
	defer cancel()
	c, err := quic.DialAddr(ctx, e.httpsAddr, &tls.Config{RootCAs: a.roots(), ServerName: name, NextProtos: []string{"h3"}}, nil)
	if err != nil {
		return nil, err
	}
	defer c.CloseWithError(0, "") //nolint:errcheck // a test's
	return c.ConnectionState().TLS.PeerCertificates[0], nil
}

// said waits until the status of the first name says something.
func (e *edge) said(part string) {
	e.t.Helper()
	until(e.t, "the status says "+part, patience, func() bool { return strings.Contains(e.status().LastError, part) })
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
