package acme

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/miekg/dns"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"tandem.watch/tandem/tls/certs"
)

// Protocol is what TCP listeners must offer beside those of HTTP, for
// challenges by TLS-ALPN-01 (RFC 8737). QUIC must not.
const Protocol = "acme-tls/1"

// Manager keeps the certificates of some names. Its methods are safe for use
// by several goroutines; Run is called once.
type Manager struct {
	// static after New
	options     Options
	logger      *slog.Logger
	cache       *certmagic.Cache
	config      *certmagic.Config // for challenges: it knows all authorities
	authorities []*authority
	names       []*supervised
	// answering has the names that challenges may be for, as they are asked.
	answering map[string]bool
	// reads bounds how often strangers make us read the storage.
	reads *rate.Limiter

	table certs.Table
	mu    sync.Mutex // one publish at a time
}

// New prepares a manager, or says what is wrong with the options. It asks
// nobody for anything yet.
func New(o Options) (*Manager, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	m := &Manager{
		options: o, logger: o.Logger, answering: map[string]bool{}, reads: rate.NewLimiter(100, 200),
	}
	log := zap.New(&sink{logger: o.Logger})
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		// It stays empty: what is in it, certmagic would manage.
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		Logger:           log,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{
		Storage: o.Storage, Logger: log, OnEvent: m.onEvent, Issuers: []certmagic.Issuer{},
		OCSP: certmagic.OCSPConfig{DisableStapling: true},
	})
	for _, i := range o.Issuers {
		a := newAuthority(m.config, &o, i, o.Logger)
		m.authorities = append(m.authorities, a)
		m.config.Issuers = append(m.config.Issuers, a.ACMEIssuer)
	}
	for _, name := range o.Names {
		m.names = append(m.names, &supervised{m: m, name: name})
		m.answering[name] = true
		if reverse, err := dns.ReverseAddr(name); err == nil { // as challenges name an address
			m.answering[certs.Normal(reverse)] = true
		}
	}
	return m, nil
}

// Load reads what the storage has, so that a gateway that starts serves it at
// once. What cannot be read is for Run to try again.
func (m *Manager) Load(ctx context.Context) {
	for _, s := range m.names {
		if err := s.read(ctx); err != nil {
			s.unreadable(err)
		}
	}
}

// Run gets and renews certificates until ctx ends. The gateway must be
// listening.
func (m *Manager) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range m.names {
		all.Go(func() { s.run(ctx) })
	}
	all.Wait()
	m.cache.Stop()
}

// Status tells of every name.
func (m *Manager) Status() []certs.Status {
	all := make([]certs.Status, len(m.names))
	for i, s := range m.names {
		all[i] = s.status()
	}
	return all
}

// now is the time by our clock, set right by the authorities' if theirs is
// known to be far off.
func (m *Manager) now() time.Time {
	now := m.options.Now()
	if ahead := m.clockOff(); ahead != 0 {
		return now.Add(ahead)
	}
	return now
}

// clockOff is how far the authorities' clock is ahead of ours; 0 if that is
// little or unknown.
func (m *Manager) clockOff() time.Duration {
	for _, a := range m.authorities {
		if ahead, ok := a.clock(); ok && ahead.Abs() > clockTolerance {
			return ahead
		}
	}
	return 0
}

// publish serves what the names have.
func (m *Manager) publish() {
	m.mu.Lock()
	defer m.mu.Unlock()
	names, list := make([]string, len(m.names)), make([]*tls.Certificate, len(m.names))
	for i, s := range m.names {
		names[i], list[i] = s.name, s.current()
	}
	m.table.Set(names, list)
}

// GetCertificate returns the certificate for a client, for crypto/tls.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return m.table.Get(hello)
}

// GetCertificateTCP is GetCertificate for TCP, over which challenges come.
func (m *Manager) GetCertificateTCP(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, []string{Protocol}) {
		if !m.mayAnswer(hello.ServerName) {
			return nil, fmt.Errorf("no challenge for %q", hello.ServerName)
		}
		return m.config.GetCertificate(hello)
	}
	return m.table.Get(hello)
}

// HandleChallenge answers a request over plain HTTP if it is a challenge.
func (m *Manager) HandleChallenge(w http.ResponseWriter, r *http.Request) bool {
	if m.options.NoHTTP01 || !certmagic.LooksLikeHTTPChallenge(r) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !m.mayAnswer(host) || !m.authorities[0].HandleHTTPChallenge(w, r) {
		http.Error(w, "no challenge is open for this name", http.StatusNotFound)
	}
	return true
}

// mayAnswer says whether to look for a challenge of a name: any other name, and
// a flood of them, would make every hello read the storage.
func (m *Manager) mayAnswer(name string) bool {
	name = certs.Normal(name)
	if !m.answering[name] {
		return false
	}
	if _, ours := certmagic.GetACMEChallenge(name); ours {
		return true
	}
	return m.reads.Allow()
}
