// Package devcert makes the certificates of a machine without a certificate
// authority: self-signed, ECDSA P-256 and of at most 14 days, which is what
// browsers accept by hash for WebTransport (W3C WebTransport,
// serverCertificateHashes).
package devcert

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// Period is how long each certificate waits for its turn, and then serves.
	// The list of hashes names the serving one and its successor, so a list
	// stays good for at least one period.
	Period = 156 * time.Hour // 6.5 days
	// validity leaves room for clocks that are an hour wrong.
	validity = 2*Period + 2*skew
	skew     = time.Hour
)

// Manager keeps the certificates. Its methods are safe for use by several
// goroutines.
type Manager struct {
	path   string
	logger *slog.Logger
	now    func() time.Time

	mu    sync.Mutex
	certs []*tls.Certificate // oldest first: the serving one, then its successor
}

// Open reads the certificates kept in a file, or makes the first one. now is
// time.Now, or a test's.
func Open(path string, logger *slog.Logger, now func() time.Time) (*Manager, error) {
	m := &Manager{path: path, logger: logger, now: now}
	data, err := os.ReadFile(path) //nolint:gosec // the operator's data folder
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("development certificate: %w", err)
	default:
		if m.certs, err = decode(data); err != nil {
			// It is only worth its hash: a new one costs nothing but that.
			logger.Warn("development certificates unreadable; making new ones", "path", path, "error", err)
			m.certs = nil
		}
	}
	return m, m.Rotate()
}

// Rotate drops certificates whose time is over, and makes a successor when the
// serving one is half through. Run calls it in time; tests call it themselves.
func (m *Manager) Rotate() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	certs := slices.DeleteFunc(slices.Clone(m.certs), func(c *tls.Certificate) bool {
		age := now.Sub(born(c))
		return age >= 2*Period || age < -skew
	})
	changed := len(certs) != len(m.certs)
	if len(certs) == 0 || len(certs) == 1 && now.Sub(born(certs[0])) >= Period {
		c, err := generate(now)
		if err != nil {
			return fmt.Errorf("development certificate: %w", err)
		}
		certs, changed = append(certs, c), true
	}
	if !changed {
		return nil
	}
	err := save(m.path, certs)
	if err == nil || len(m.certs) == 0 || now.Sub(born(m.certs[0])) >= 2*Period {
		m.certs = certs // even if it cannot be kept, when the old one's time is over
	}
	if err != nil {
		return fmt.Errorf("development certificate: %w", err)
	}
	return nil
}

// Run rotates until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := m.Rotate(); err != nil {
				m.logger.Error("certificates not rotated", "error", err)
			}
		}
	}
}

// GetCertificate returns the serving certificate, for crypto/tls.
func (m *Manager) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.certs[0], nil
}

// Hashes returns the SHA-256 hashes that a client may be shown a certificate of
// within the next Period.
func (m *Manager) Hashes() [][sha256.Size]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	hashes := make([][sha256.Size]byte, len(m.certs))
	for i, c := range m.certs {
		hashes[i] = sha256.Sum256(c.Leaf.Raw)
	}
	return hashes
}

func born(c *tls.Certificate) time.Time { return c.Leaf.NotBefore.Add(skew) }

func generate(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	names, addresses := localNames()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "tandem development"},
		NotBefore: now.Add(-skew).Truncate(time.Second), NotAfter: now.Add(-skew).Truncate(time.Second).Add(validity),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: names, IPAddresses: addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// localNames lists what this machine is called by its own network.
func localNames() (names []string, addresses []net.IP) {
	names = []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		names = append(names, host)
	}
	addresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return names, addresses
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			addresses = append(addresses, n.IP)
		}
	}
	return names, addresses
}

func save(path string, certs []*tls.Certificate) error {
	var b bytes.Buffer
	for _, c := range certs {
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			return err
		}
		for _, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: c.Certificate[0]}, {Type: "PRIVATE KEY", Bytes: key}} {
			if err := pem.Encode(&b, block); err != nil {
				return err
			}
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	// Write beside, then move: a half-written file would cost the hashes.
	if err := os.WriteFile(path+".new", b.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func decode(data []byte) ([]*tls.Certificate, error) {
	var certs []*tls.Certificate
	for len(bytes.TrimSpace(data)) > 0 {
		first, rest := pem.Decode(data)
		if first == nil {
			return nil, errors.New("no PEM block")
		}
		second, rest := pem.Decode(rest)
		if second == nil {
			return nil, errors.New("a certificate without its key")
		}
		c, err := tls.X509KeyPair(pem.EncodeToMemory(first), pem.EncodeToMemory(second))
		if err != nil {
			return nil, err
		}
		certs, data = append(certs, &c), rest
	}
	slices.SortFunc(certs, func(a, b *tls.Certificate) int { return born(a).Compare(born(b)) })
	return certs, nil
}
