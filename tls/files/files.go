// Package files serves certificates from files, and follows their content: a
// new pair is served within seconds, without a restart.
package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"tandem.watch/tandem/tls/certs"
)

// Pair names the two files of a certificate, both PEM: the chain, the
// certificate itself first, and its key.
type Pair struct{ Certificate, Key string }

// Interval is how often the files are read. They are compared by content:
// times and inodes say nothing about the swapped links of a Kubernetes secret.
const Interval = 10 * time.Second

// warnBefore is how long before its end a certificate is worth a warning:
// whoever writes these files should have written new ones by then.
const warnBefore = 7 * 24 * time.Hour

// Manager serves the pairs. Its methods are safe for use by several goroutines.
type Manager struct {
	table  certs.Table
	logger *slog.Logger
	now    func() time.Time

	mu    sync.Mutex
	pairs []*pair
}

// pair is guarded by Manager.mu.
type pair struct {
	Pair
	seen   [sha256.Size]byte // of what was read last, good or not
	cert   *tls.Certificate  // what is served
	err    string            // why what was read last is not
	warned time.Time
}

// Open reads the pairs; none, or one that cannot be read or does not fit
// together, is an error. One that has expired is served all the same, since
// there is nothing better yet, and said to be. now is time.Now, or a test's.
func Open(list []Pair, logger *slog.Logger, now func() time.Time) (*Manager, error) {
	if len(list) == 0 {
		return nil, errors.New("no certificate files")
	}
	m := &Manager{logger: logger, now: now}
	for _, p := range list {
		q := &pair{Pair: p}
		cert, seen, err := q.read()
		if err != nil {
			return nil, err
		}
		q.cert, q.seen = cert, seen
		if now().After(cert.Leaf.NotAfter) {
			q.err = expired(cert.Leaf)
			logger.Error("certificate expired; browsers will refuse it until the files are replaced", "path", p.Certificate, "notAfter", cert.Leaf.NotAfter)
		}
		m.pairs = append(m.pairs, q)
	}
	m.publish()
	return m, nil
}

// read returns the pair as it is on disk. What it has seen it returns with an
// error too, if there was something to see.
func (p *pair) read() (*tls.Certificate, [sha256.Size]byte, error) {
	var none [sha256.Size]byte
	chain, err := os.ReadFile(p.Certificate)
	if err != nil {
		return nil, none, fmt.Errorf("certificate: %w", err)
	}
	key, err := os.ReadFile(p.Key)
	if err != nil {
		return nil, none, fmt.Errorf("key of the certificate: %w", err)
	}
	seen := sha256.Sum256(bytes.Join([][]byte{chain, key}, []byte{0}))
	cert, err := certs.Pair(chain, key)
	if err != nil {
		return nil, seen, fmt.Errorf("%s and %s: %w", p.Certificate, p.Key, err)
	}
	return cert, seen, nil
}

// Reload reads the files anew and serves what is good of them; the rest stays
// as it was. Run calls it in time; tests call it themselves.
func (m *Manager) Reload() {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed := false
	for _, p := range m.pairs {
		changed = m.reload(p) || changed
		if left := p.cert.Leaf.NotAfter.Sub(m.now()); left < warnBefore && m.now().Sub(p.warned) >= 24*time.Hour {
			p.warned = m.now()
			m.logger.Warn("certificate expires soon and nobody has replaced its files", "path", p.Certificate, "notAfter", p.cert.Leaf.NotAfter)
		}
	}
	if changed {
		m.publish()
	}
}

func (m *Manager) reload(p *pair) (changed bool) {
	cert, seen, err := p.read()
	if err == nil && seen == p.seen && p.err == "" {
		return false
	}
	switch now := m.now(); {
	case err != nil:
	case now.After(cert.Leaf.NotAfter):
		err = errors.New(expired(cert.Leaf))
	case now.Before(cert.Leaf.NotBefore):
		err = fmt.Errorf("not valid before %s", cert.Leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	p.seen = seen
	if err != nil {
		if text := err.Error(); text != p.err {
			p.err = text
			m.logger.Error("certificate files not taken; the ones of before are kept", "path", p.Certificate, "error", err)
		}
		return false
	}
	same := bytes.Equal(cert.Leaf.Raw, p.cert.Leaf.Raw)
	p.cert, p.err, p.warned = cert, "", time.Time{}
	if !same {
		m.logger.Info("certificate replaced", "path", p.Certificate, "notAfter", cert.Leaf.NotAfter)
	}
	return true
}

func expired(leaf *x509.Certificate) string {
	return "expired at " + leaf.NotAfter.UTC().Format(time.RFC3339)
}

func (m *Manager) publish() {
	var names []string
	var list []*tls.Certificate
	for _, p := range m.pairs {
		for _, name := range namesOf(p.cert.Leaf) {
			names, list = append(names, name), append(list, p.cert)
		}
	}
	m.table.Set(names, list)
}

func namesOf(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{leaf.Subject.CommonName}
	}
	return names
}

// Run follows the files until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.Reload()
		}
	}
}

// GetCertificate returns the certificate for a client, for crypto/tls. A name
// that no certificate has gets the first one: what a name stands for is for
// whoever wrote the files.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c, err := m.table.Get(hello)
	if errors.Is(err, certs.ErrUnknown) {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.pairs[0].cert, nil
	}
	return c, err
}

// Status tells of every name of the certificates.
func (m *Manager) Status() []certs.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []certs.Status
	for _, p := range m.pairs {
		for _, name := range namesOf(p.cert.Leaf) {
			s := certs.Status{Name: name, Issuer: certs.IssuerName(p.cert.Leaf), NotAfter: p.cert.Leaf.NotAfter}
			s.LastError, s.Expired = p.err, m.now().After(s.NotAfter)
			all = append(all, s)
		}
	}
	return all
}
