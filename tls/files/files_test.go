package files

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem.watch/tandem/tls/certs"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// issue makes a certificate and its key in PEM.
func issue(t *testing.T, serial int64, notAfter time.Time, names ...string) (chain, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotBefore: start.Add(-time.Hour), NotAfter: notAfter,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// secret is a folder like that of a mounted Kubernetes secret: the files are
// links into a folder that is swapped as a whole.
type secret struct {
	t   *testing.T
	dir string
	n   int
}

func newSecret(t *testing.T) *secret { return &secret{t: t, dir: t.TempDir()} }

func (s *secret) pair() Pair {
	return Pair{filepath.Join(s.dir, "tls.crt"), filepath.Join(s.dir, "tls.key")}
}

func (s *secret) write(chain, key []byte) {
	s.t.Helper()
	s.n++
	data := filepath.Join(s.dir, "..data")
	folder := filepath.Join(s.dir, "..v"+string(rune('0'+s.n)))
	do := func(err error) {
		if err != nil {
			s.t.Helper()
			s.t.Fatal(err)
		}
	}
	do(os.Mkdir(folder, 0o700))
	do(os.WriteFile(filepath.Join(folder, "tls.crt"), chain, 0o600))
	do(os.WriteFile(filepath.Join(folder, "tls.key"), key, 0o600))
	do(os.Symlink(filepath.Base(folder), data+".tmp"))
	do(os.Rename(data+".tmp", data))
	if s.n == 1 {
		do(os.Symlink("..data/tls.crt", filepath.Join(s.dir, "tls.crt")))
		do(os.Symlink("..data/tls.key", filepath.Join(s.dir, "tls.key")))
	}
}

func serves(t *testing.T, m *Manager, name string) int64 {
	t.Helper()
	c, err := m.GetCertificate(&tls.ClientHelloInfo{ServerName: name})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c.Leaf.SerialNumber.Int64()
}

// A swapped secret is served; a bad one is not, and it is said.
func TestSwap(t *testing.T) {
	s := newSecret(t)
	chain1, key1 := issue(t, 1, start.Add(90*24*time.Hour), "a.example")
	chain2, key2 := issue(t, 2, start.Add(180*24*time.Hour), "a.example")
	old, oldKey := issue(t, 3, start.Add(-time.Minute), "a.example")
	s.write(chain1, key1)
	var log bytes.Buffer
	now := start
	m, err := Open([]Pair{s.pair()}, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name       string
		chain, key []byte
		serial     int64
		said       string
	}{
		{"a mismatched pair", chain2, key1, 1, "private key does not match"},
		{"rubbish", []byte("rubbish"), key1, 1, "failed to find"},
		{"an expired pair", old, oldKey, 1, "expired at"},
		{"a good pair", chain2, key2, 2, ""},
		{"the one of before", chain1, key1, 1, ""},
	} {
		log.Reset()
		s.write(step.chain, step.key)
		m.Reload()
		m.Reload()
		if got := serves(t, m, "a.example"); got != step.serial {
			t.Errorf("%s: it serves %d, want %d", step.name, got, step.serial)
		}
		said := m.Status()[0].LastError
		if !strings.Contains(said, step.said) || step.said == "" && said != "" {
			t.Errorf("%s: the status says %q", step.name, said)
		}
		if n := strings.Count(log.String(), "level=ERROR"); step.said != "" && (n != 1 || !strings.Contains(log.String(), step.said)) {
			t.Errorf("%s: logged %d times, want once: %s", step.name, n, &log)
		}
	}
	// Gone altogether.
	if err := os.Remove(filepath.Join(s.dir, "tls.key")); err != nil {
		t.Fatal(err)
	}
	m.Reload()
	if serves(t, m, "a.example") != 1 || !strings.Contains(m.Status()[0].LastError, "no such file") {
		t.Errorf("without the key: %+v", m.Status())
	}
}

func TestNames(t *testing.T) {
	a, b := newSecret(t), newSecret(t)
	a.write(issue(t, 1, start.Add(time.Hour), "a.example", "*.wild.example"))
	b.write(issue(t, 2, start.Add(time.Hour), "b.example", "127.0.0.2"))
	m, err := Open([]Pair{a.pair(), b.pair()}, slog.New(slog.DiscardHandler), func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{
		"a.example": 1, "A.Example": 1, "b.example": 2, "x.wild.example": 1, "y.x.wild.example": 1, "": 1, "unknown.example": 1,
	} {
		if got := serves(t, m, name); got != want {
			t.Errorf("%q: it serves %d, want %d", name, got, want)
		}
	}
	if n := len(m.Status()); n != 4 {
		t.Errorf("%d names, want 4", n)
	}
}

// What cannot be served at all ends the start; what has expired does not, and
// is not ready.
func TestOpen(t *testing.T) {
	s := newSecret(t)
	chain, _ := issue(t, 1, start.Add(time.Hour), "a.example")
	_, key := issue(t, 2, start.Add(time.Hour), "a.example")
	s.write(chain, key)
	logger, now := slog.New(slog.DiscardHandler), func() time.Time { return start }
	if _, err := Open([]Pair{s.pair()}, logger, now); err == nil || !strings.Contains(err.Error(), "tls.crt") {
		t.Errorf("a mismatched pair: %v", err)
	}
	if _, err := Open([]Pair{{"no", "no"}}, logger, now); err == nil {
		t.Error("no error for files that are not there")
	}
	if _, err := Open(nil, logger, now); err == nil {
		t.Error("no error for no files")
	}
	old := newSecret(t)
	old.write(issue(t, 3, start.Add(-time.Minute), "a.example"))
	m, err := Open([]Pair{old.pair()}, logger, now)
	if err != nil {
		t.Fatal(err)
	}
	if why := certs.NotReady(m.Status()); !strings.Contains(why, "a.example expired at") {
		t.Errorf("ready: %q", why)
	}
	old.write(issue(t, 4, start.Add(time.Hour), "a.example"))
	m.Reload()
	if why := certs.NotReady(m.Status()); why != "" {
		t.Errorf("not ready with a good pair: %q", why)
	}
}

// An expiry that comes near is said once a day.
func TestWarns(t *testing.T) {
	s := newSecret(t)
	s.write(issue(t, 1, start.Add(10*24*time.Hour), "a.example"))
	var log bytes.Buffer
	now := start
	m, err := Open([]Pair{s.pair()}, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for range 5 * 24 {
		now = now.Add(time.Hour)
		m.Reload()
	}
	if n := strings.Count(log.String(), "expires soon"); n < 2 || n > 3 {
		t.Errorf("warned %d times in two days: %s", n, &log)
	}
}
