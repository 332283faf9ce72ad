package devcert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// clock is a clock that a test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func start() *clock { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func open(t *testing.T, path string, c *clock) *Manager {
	t.Helper()
	m, err := Open(path, slog.New(slog.DiscardHandler), c.now)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func serving(t *testing.T, m *Manager) *tls.Certificate {
	t.Helper()
	c, err := m.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A browser accepts a certificate by its hash if it is one of these.
func TestCertificate(t *testing.T) {
	c := start()
	m := open(t, filepath.Join(t.TempDir(), "new", "certs.pem"), c)
	leaf := serving(t, m).Leaf
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is %T, want ECDSA on P-256", leaf.PublicKey)
	}
	// RFC 5280: both ends are part of it.
	if valid := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second; valid > 14*24*time.Hour {
		t.Errorf("valid for %v, want at most 14 days", valid)
	}
	if c.t.Before(leaf.NotBefore.Add(30*time.Minute)) || c.t.After(leaf.NotAfter) {
		t.Errorf("valid from %v to %v, at %v", leaf.NotBefore, leaf.NotAfter, c.t)
	}
	names := []string{"localhost", "127.0.0.1", "::1"}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() && !n.IP.IsLoopback() {
			names = append(names, n.IP.String())
		}
	}
	for _, name := range names {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: c.t, DNSName: "localhost"}); err != nil {
		t.Error(err)
	}
	if hashes := m.Hashes(); len(hashes) != 1 || hashes[0] != sha256.Sum256(serving(t, m).Certificate[0]) {
		t.Errorf("the hashes are %x", hashes)
	}
}

// Whoever has read the hashes can connect for six days, whatever is rotated or
// restarted meanwhile, and is shown a certificate that is valid.
func TestRotation(t *testing.T) {
	for _, step := range []time.Duration{10 * time.Minute, 5*time.Hour + 17*time.Minute} {
		t.Run(step.String(), func(t *testing.T) {
			const promise = 6 * 24 * time.Hour
			c := start()
			path := filepath.Join(t.TempDir(), "certs.pem")
			m := open(t, path, c)
			type reading struct {
				at     time.Time
				hashes [][sha256.Size]byte
			}
			var readings []reading
			shown := map[[sha256.Size]byte]bool{}
			begin := c.t
			for i := 0; c.t.Sub(begin) < 100*24*time.Hour; i++ {
				c.t = c.t.Add(step)
				if i%7 == 0 { // a restart
					m = open(t, path, c)
				} else if err := m.Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
				cert := serving(t, m)
				if c.t.Before(cert.Leaf.NotBefore) || c.t.After(cert.Leaf.NotAfter) {
					t.Fatalf("at %v it serves a certificate of %v to %v", c.t, cert.Leaf.NotBefore, cert.Leaf.NotAfter)
				}
				hash := sha256.Sum256(cert.Certificate[0])
				shown[hash] = true
				if len(m.Hashes()) > 2 {
					t.Fatalf("%d hashes", len(m.Hashes()))
				}
				if i%10 == 0 {
					readings = append(readings, reading{c.t, m.Hashes()})
				}
				readings = slices.DeleteFunc(readings, func(r reading) bool { return c.t.Sub(r.at) > promise })
				for _, r := range readings {
					if !slices.Contains(r.hashes, hash) {
						t.Fatalf("the list of %v does not hold what is served %v later", r.at, c.t.Sub(r.at))
					}
				}
			}
			if n := len(shown); n < 7 || n > 17 {
				t.Errorf("%d certificates in 100 days", n)
			}
		})
	}
}

// A gateway that was off for long begins anew.
func TestLongPause(t *testing.T) {
	for _, pause := range []time.Duration{24 * time.Hour, 6 * 24 * time.Hour, 12 * 24 * time.Hour, 13*24*time.Hour - time.Minute, 13 * 24 * time.Hour, 400 * 24 * time.Hour} {
		c := start()
		path := filepath.Join(t.TempDir(), "certs.pem")
		before := sha256.Sum256(serving(t, open(t, path, c)).Certificate[0])
		c.t = c.t.Add(pause)
		m := open(t, path, c)
		leaf := serving(t, m).Leaf
		if c.t.Before(leaf.NotBefore) || c.t.After(leaf.NotAfter) {
			t.Errorf("after %v it serves a certificate of %v to %v at %v", pause, leaf.NotBefore, leaf.NotAfter, c.t)
		}
		if same := before == sha256.Sum256(leaf.Raw); same != (pause < 13*24*time.Hour) {
			t.Errorf("after %v: the same certificate: %v", pause, same)
		}
	}
}

// A clock that goes back a little changes nothing; one that goes back far makes
// the certificates those of the future, which nobody would accept.
func TestClockGoesBack(t *testing.T) {
	c := start()
	path := filepath.Join(t.TempDir(), "certs.pem")
	m := open(t, path, c)
	first := m.Hashes()
	c.t = c.t.Add(-30 * time.Minute)
	if err := m.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Hashes(), first) {
		t.Error("half an hour back made a new certificate")
	}
	c.t = c.t.Add(-100 * 24 * time.Hour)
	if err := m.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if leaf := serving(t, m).Leaf; c.t.Before(leaf.NotBefore) || c.t.After(leaf.NotAfter) {
		t.Errorf("it serves a certificate of %v to %v at %v", leaf.NotBefore, leaf.NotAfter, c.t)
	}
	if !slices.Equal(open(t, path, c).Hashes(), m.Hashes()) {
		t.Error("the new certificate was not kept")
	}
}

func TestUnreadableFile(t *testing.T) {
	good := filepath.Join(t.TempDir(), "certs.pem")
	open(t, good, start())
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string][]byte{
		"rubbish": []byte("rubbish"), "cut off": data[:len(data)/2], "without its key": data[:bytes.Index(data, []byte("-----BEGIN PRIVATE"))],
		"empty": nil, "with rubbish behind it": append(slices.Clone(data), "rubbish"...),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "certs.pem")
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			c := start()
			m, err := Open(path, slog.New(slog.NewTextHandler(&log, nil)), c.now)
			if err != nil {
				t.Fatal(err)
			}
			serving(t, m)
			if warned := strings.Contains(log.String(), "unreadable"); warned != (name != "empty") {
				t.Errorf("the log: %q", log.String())
			}
			if !slices.Equal(open(t, path, c).Hashes(), m.Hashes()) {
				t.Error("the new certificate was not kept")
			}
		})
	}
	if _, err := Open(t.TempDir(), slog.New(slog.DiscardHandler), time.Now); err == nil {
		t.Error("a folder in the place of the file is no error")
	}
}

// What cannot be kept is not served: its hash would not outlast a restart.
func TestNotKept(t *testing.T) {
	c := start()
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "certs.pem")
	m := open(t, path, c)
	hashes := m.Hashes()
	if err := os.RemoveAll(filepath.Join(dir, "sub")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.t = c.t.Add(Period)
	if err := m.Rotate(t.Context()); err == nil {
		t.Error("a successor that cannot be kept is no error")
	}
	if !slices.Equal(m.Hashes(), hashes) {
		t.Error("it is announced all the same")
	}
}

func TestPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "certs.pem")
	c := start()
	m := open(t, path, c)
	for range 3 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("the file with the keys has the mode %v", info.Mode())
		}
		c.t = c.t.Add(Period)
		if err := m.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v: want the one file", files, err)
	}
}
