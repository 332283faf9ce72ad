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
	"log/slog"
	"math/big"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"tandem.watch/tandem/tls/certs"
	"tandem.watch/tandem/tls/storage"
)

const (
	// Period is how long each certificate waits for its turn, and then serves.
	// The list of hashes names the serving one and its successor, so a list
	// stays good for at least one period.
	Period = 156 * time.Hour // 6.5 days
	// validity leaves room for clocks that are an hour wrong.
	validity = 2*Period + 2*skew
	skew     = time.Hour
	// storeTimeout bounds what the store may take.
	storeTimeout = 30 * time.Second
)

// Store keeps the certificates with their keys, for one gateway or for all.
type Store interface {
	// Load returns what is kept; nil without an error when there is nothing yet.
	Load(ctx context.Context) ([]byte, error)
	// Update replaces what is kept by what change makes of it, one gateway at
	// a time, and returns what is kept then.
	Update(ctx context.Context, change func(old []byte) ([]byte, error)) ([]byte, error)
}

// Manager keeps the certificates. Its methods are safe for use by several
// goroutines.
type Manager struct {
	store  Store
	logger *slog.Logger
	now    func() time.Time

	rotating sync.Mutex // one Rotate at a time

	mu    sync.Mutex
	certs []*tls.Certificate // oldest first: the serving one, then its successor
}

// Open reads the certificates kept in a file, or makes the first one. now is
// time.Now, or a test's.
func Open(path string, logger *slog.Logger, now func() time.Time) (*Manager, error) {
	m := &Manager{store: storage.File(path), logger: logger, now: now}
	if _, err := m.store.Load(context.Background()); err != nil {
		return nil, fmt.Errorf("development certificate: %w", err)
	}
	if err := m.Rotate(context.Background()); err != nil {
		return nil, err
	}
	return m, nil
}

// OpenShared reads the certificates that all gateways share, or makes the first
// one. While the store cannot be reached and has no copy here, the gateway
// makes do with one of its own, whose hash only it publishes.
func OpenShared(ctx context.Context, store Store, logger *slog.Logger, now func() time.Time) (*Manager, error) {
	m := &Manager{store: store, logger: logger, now: now}
	if err := m.Rotate(ctx); err != nil {
		if len(m.certs) == 0 {
			return nil, err
		}
		logger.Warn("shared certificates not reachable; serving one of this gateway's own meanwhile", "error", err)
	}
	return m, nil
}

// Rotate drops certificates whose time is over, makes a successor when the
// serving one is half through, and takes up what other gateways have made. Run
// calls it in time; tests call it themselves.
func (m *Manager) Rotate(ctx context.Context) error {
	m.rotating.Lock()
	defer m.rotating.Unlock()
	now := m.now()
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	data, err := m.store.Update(ctx, func(old []byte) ([]byte, error) { return m.successors(old, now) })
	var certs []*tls.Certificate
	if err == nil {
		certs, err = decode(data)
	}
	if err != nil {
		m.outlast(ctx, now)
		return fmt.Errorf("development certificate: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.certs = certs
	return nil
}

// successors returns what is to be kept after old.
func (m *Manager) successors(old []byte, now time.Time) ([]byte, error) {
	var kept []*tls.Certificate
	if len(old) > 0 {
		var err error
		if kept, err = decode(old); err != nil {
			// It is only worth its hash: a new one costs nothing but that.
			m.logger.Warn("development certificates unreadable; making new ones", "error", err)
			kept = nil
		}
	}
	certs := slices.DeleteFunc(slices.Clone(kept), func(c *tls.Certificate) bool {
		age := now.Sub(born(c))
		return age >= 2*Period || age < -skew
	})
	if len(certs) == 0 || len(certs) == 1 && now.Sub(born(certs[0])) >= Period {
		c, err := generate(now)
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
	} else if len(certs) == len(kept) {
		return old, nil
	}
	return encode(certs)
}

// outlast serves something valid even if the store is away for longer than a
// certificate's time. What can still be read goes before what nobody knows.
func (m *Manager) outlast(ctx context.Context, now time.Time) {
	var readable []*tls.Certificate
	if data, err := m.store.Load(ctx); err == nil {
		readable, _ = decode(data)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	over := func(c *tls.Certificate) bool { age := now.Sub(born(c)); return age >= 2*Period || age < -skew }
	if m.certs = slices.DeleteFunc(m.certs, over); len(m.certs) == 0 {
		m.certs = slices.DeleteFunc(readable, over)
	}
	if len(m.certs) > 0 {
		return
	}
	if c, err := generate(now); err == nil {
		m.certs = []*tls.Certificate{c}
	}
}

// Run rotates until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	const often, interval = 10 * time.Second, 10 * time.Minute
	timer := time.NewTimer(often)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			next := interval
			if err := m.Rotate(ctx); err != nil && ctx.Err() == nil {
				m.logger.Error("certificates not rotated", "error", err)
				next = time.Minute
			}
			timer.Reset(next)
		}
	}
}

// Status tells nothing: no name is promised, and the certificates renew
// themselves.
func (m *Manager) Status() []certs.Status { return nil }

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

func encode(certs []*tls.Certificate) ([]byte, error) {
	var b bytes.Buffer
	for _, c := range certs {
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			return nil, err
		}
		for _, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: c.Certificate[0]}, {Type: "PRIVATE KEY", Bytes: key}} {
			if err := pem.Encode(&b, block); err != nil {
				return nil, err
			}
		}
	}
	return b.Bytes(), nil
}

func decode(data []byte) ([]*tls.Certificate, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("empty")
	}
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
