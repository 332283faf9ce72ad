package tickets

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// memory is a store that can be away.
type memory struct {
	data   []byte
	err    error
	writes int
}

func (m *memory) Load(context.Context) ([]byte, error) { return m.data, m.err }

func (m *memory) Update(_ context.Context, change func([]byte) ([]byte, error)) ([]byte, error) {
	if m.err != nil {
		return nil, m.err
	}
	data, err := change(m.data)
	if err == nil && !bytes.Equal(data, m.data) {
		m.writes++
		m.data = data
	}
	return data, err
}

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.example"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// gateway serves TCP and QUIC with keys.
func gateway(t *testing.T, cert tls.Certificate, k *Keys) (tcp, udp string) {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"x"}, MinVersion: tls.VersionTLS13}
	k.Configure(config)
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = c.Write([]byte("hello")) }()
		}
	}()
	q, err := quic.ListenAddr("127.0.0.1:0", config, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	go func() {
		for {
			c, err := q.Accept(context.Background())
			if err != nil {
				return
			}
			go func() {
				s, err := c.OpenUniStream()
				if err == nil {
					_, _ = s.Write([]byte("hello"))
					_ = s.Close()
				}
			}()
		}
	}()
	return l.Addr().String(), q.Addr().String()
}

func overTCP(t *testing.T, addr string, config *tls.Config) (resumed bool) {
	t.Helper()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.ReadAll(c); err != nil { // with it comes the ticket
		t.Fatal(err)
	}
	return c.ConnectionState().DidResume
}

func overQUIC(t *testing.T, addr string, config *tls.Config) (resumed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := quic.DialAddr(ctx, addr, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseWithError(0, "") //nolint:errcheck // a test's
	s, err := c.AcceptUniStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(s); err != nil {
		t.Fatal(err)
	}
	if c.ConnectionState().Used0RTT {
		t.Error("0-RTT")
	}
	return c.ConnectionState().TLS.DidResume
}

// A session that one gateway began is resumed by another, over TCP and QUIC,
// and not by one with other keys.
func TestResume(t *testing.T) {
	cert, roots := certificate(t)
	shared := &memory{}
	quiet := slog.New(slog.DiscardHandler)
	tcpA, udpA := gateway(t, cert, New(t.Context(), shared, quiet, time.Now))
	tcpB, udpB := gateway(t, cert, New(t.Context(), shared, quiet, time.Now))
	tcpC, udpC := gateway(t, cert, New(t.Context(), &memory{}, quiet, time.Now))
	for name, dial := range map[string]func(*testing.T, string, *tls.Config) bool{"TCP": overTCP, "QUIC": overQUIC} {
		a, b, c := tcpA, tcpB, tcpC
		if name == "QUIC" {
			a, b, c = udpA, udpB, udpC
		}
		client := func() *tls.Config {
			return &tls.Config{RootCAs: roots, ServerName: "a.example", NextProtos: []string{"x"}, ClientSessionCache: tls.NewLRUClientSessionCache(4), MinVersion: tls.VersionTLS13}
		}
		config := client()
		if dial(t, a, config) {
			t.Errorf("%s: the first connection is resumed", name)
		}
		if !dial(t, b, config) {
			t.Errorf("%s: the session of gateway A is not resumed on B", name)
		}
		config = client()
		dial(t, a, config)
		if dial(t, c, config) {
			t.Errorf("%s: a gateway with other keys resumes", name)
		}
	}
}

// Over two weeks, and whatever each has read when, a ticket made by one gateway
// is opened by the other for a day; keys change twice a day and are forgotten.
func TestRotation(t *testing.T) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	store := &memory{}
	quiet := slog.New(slog.DiscardHandler)
	a, b := New(t.Context(), store, quiet, c.now), New(t.Context(), store, quiet, c.now)
	type ticket struct {
		key  string
		made time.Time
	}
	var made []ticket
	used := map[string]bool{}
	active := func(k *Keys) string {
		good := k.known
		use := string(good[0].Key)
		for _, o := range good {
			if c.t.Sub(o.Made) >= Spread {
				use = string(o.Key)
			}
		}
		return use
	}
	opens := func(k *Keys, key string) bool {
		for _, o := range k.known {
			if string(o.Key) == key {
				return true
			}
		}
		return false
	}
	for step := range 14 * 24 * 6 {
		c.t = c.t.Add(10 * time.Minute)
		// b reads as rarely as it may.
		if err := a.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if step%4 == 0 {
			if err := b.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, k := range []*Keys{a, b} {
			key := active(k)
			used[key] = true
			for _, other := range []*Keys{a, b} {
				if !opens(other, key) {
					t.Fatalf("at %v a key is used that not everybody knows", c.t)
				}
			}
			if step%6 == 0 {
				made = append(made, ticket{key, c.t})
			}
		}
		for _, m := range made {
			if age := c.t.Sub(m.made); age < 20*time.Hour && !opens(b, m.key) {
				t.Fatalf("a ticket is forgotten after %v", age)
			} else if age > 2*kept && opens(a, m.key) {
				t.Fatalf("a key is known for %v", age)
			}
		}
		if len(a.known) > 4 {
			t.Fatalf("%d keys", len(a.known))
		}
	}
	if n := len(used); n < 26 || n > 30 {
		t.Errorf("%d keys used in two weeks", n)
	}
}

// Without its store a gateway makes tickets of its own, and shares again later.
func TestStoreAway(t *testing.T) {
	c := &clock{time.Now()}
	store := &memory{err: errors.New("gone")}
	k := New(t.Context(), store, slog.New(slog.DiscardHandler), c.now)
	cert, roots := certificate(t)
	addr, _ := gateway(t, cert, k)
	config := &tls.Config{RootCAs: roots, ServerName: "a.example", NextProtos: []string{"x"}, ClientSessionCache: tls.NewLRUClientSessionCache(4), MinVersion: tls.VersionTLS13}
	overTCP(t, addr, config)
	if !overTCP(t, addr, config) {
		t.Error("no resumption without the store")
	}
	store.err = nil
	if err := k.Refresh(t.Context()); err != nil || len(k.known) != 1 || store.writes != 1 {
		t.Errorf("%v, %d keys, %d writes", err, len(k.known), store.writes)
	}
	// Rubbish is replaced.
	store.data = []byte("rubbish")
	if err := k.Refresh(t.Context()); err != nil || len(k.known) != 1 || store.writes != 2 {
		t.Errorf("%v, %d keys, %d writes", err, len(k.known), store.writes)
	}
}
