package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"tandem.watch/tandem/tls/acme"
	"tandem.watch/tandem/tls/certs"
	"tandem.watch/tandem/tls/devcert"
	"tandem.watch/tandem/tls/files"
	"tandem.watch/tandem/tls/tickets"
)

// Values of the option tls.
const (
	tlsACME  = "acme"  // certificates of public authorities, for domain
	tlsFiles = "files" // certificates that somebody else looks after
	tlsDev   = "dev"   // a certificate of our own making, accepted by its hash
	tlsOff   = "off"   // plain HTTP only
)

// certificates are where a gateway's come from.
type certificates interface {
	// GetCertificate returns the certificate for a client, for crypto/tls.
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Status tells of every name that clients may ask for.
	Status() []certs.Status
	// Run keeps them good until ctx ends.
	Run(ctx context.Context)
}

// openCertificates opens what the option tls names; with acme and dev some
// more of the gateway depends on it.
func (g *Gateway) openCertificates(secrets [][]byte) (err error) {
	c := g.config
	shared, err := g.openCertStorage(secrets)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), storageTimeout)
	defer cancel()
	g.tickets = tickets.New(ctx, g.document(shared, "session-tickets"), g.logger, time.Now)
	switch c.TLS {
	case tlsFiles:
		var pairs []files.Pair
		for i := range c.TLSCerts {
			pairs = append(pairs, files.Pair{Certificate: c.TLSCerts[i], Key: c.TLSKeys[i]})
		}
		g.certs, err = files.Open(pairs, g.logger, time.Now)
	case tlsACME:
		if g.acme, err = g.openACME(shared); err == nil {
			g.acme.Load(ctx)
		}
		g.certs = g.acme
	default:
		if g.certDB != nil {
			g.dev, err = devcert.OpenShared(ctx, g.document(shared, "dev-certificates"), g.logger, time.Now)
		} else {
			g.dev, err = devcert.Open(filepath.Join(c.DataDir, "dev-certificates.pem"), g.logger, time.Now)
		}
		g.certs = g.dev
	}
	return err
}

func (g *Gateway) openACME(shared certmagic.Storage) (*acme.Manager, error) {
	c := g.config
	o := acme.Options{
		Names: c.Domains, Issuers: c.acmeIssuers(), Email: c.ACMEEmail,
		NoHTTP01:    !slices.Contains(c.ACMEChallenges, "http-01"),
		NoTLSALPN01: !slices.Contains(c.ACMEChallenges, "tls-alpn-01"),
		HTTPAddr:    c.HTTPAddr, HTTPSAddr: c.HTTPSAddr, Logger: g.logger,
		Storage: shared,
	}
	if c.ACMERoots != "" {
		data, err := os.ReadFile(c.ACMERoots)
		if err != nil {
			return nil, fmt.Errorf("acme-roots: %w", err)
		}
		if o.Roots, err = x509.SystemCertPool(); err != nil {
			o.Roots = x509.NewCertPool()
		}
		if !o.Roots.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("acme-roots: %s holds no certificate in PEM", c.ACMERoots)
		}
	}
	return acme.New(o)
}

// tcpTLS is how HTTPS over TCP is served.
func (g *Gateway) tcpTLS() *tls.Config {
	config := &tls.Config{GetCertificate: g.certs.GetCertificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if g.acme != nil {
		config.GetCertificate = g.acme.GetCertificateTCP
		config.NextProtos = append(config.NextProtos, acme.Protocol)
	}
	return config
}

// hashes are of the certificates that browsers accept by those.
func (g *Gateway) hashes() [][sha256.Size]byte {
	if g.dev == nil {
		return nil
	}
	return g.dev.Hashes()
}

// Certificates tells of every name's certificate, for metrics.
func (g *Gateway) Certificates() []certs.Status {
	if g.certs == nil {
		return nil
	}
	return g.certs.Status()
}

// onPlainHTTP is what the plain listener does beside serving: it answers the
// challenges of authorities, whatever else is ready, and sends people to HTTPS
// when there is a domain.
func (g *Gateway) onPlainHTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.acme != nil && g.acme.HandleChallenge(w, r) {
			return
		}
		if len(g.config.Domains) == 0 || staysPlain[r.URL.Path] || g.config.endsTLS(r) {
			next.ServeHTTP(w, r)
			return
		}
		target := url.URL{Scheme: "https", Host: g.secureHost(r), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, target.String(), http.StatusPermanentRedirect)
	})
}

// staysPlain are the paths that are asked for over plain HTTP by what follows
// no redirect: the legacy extension, and probes.
var staysPlain = map[string]bool{"/status": true, "/health": true, "/healthz": true, "/readyz": true}

// endsTLS says whether a request came by HTTPS to a proxy that is trusted.
func (c *Config) endsTLS(r *http.Request) bool {
	return c.trusts(parseAddr(r.RemoteAddr)) && r.Header.Get("X-Forwarded-Proto") == "https"
}

// secureHost is where a request belongs: at the name that it came by if that is
// one of ours, else at the first.
func (g *Gateway) secureHost(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = certs.Normal(host)
	if !slices.Contains(g.config.Domains, host) {
		host = g.config.Domains[0]
	}
	if p := g.publicPort(); p != 443 {
		return net.JoinHostPort(host, strconv.Itoa(p))
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// checkTLS checks and completes what no option of TLS can by itself.
func (c *Config) checkTLS() error {
	chosen := c.sources["tls"] != "default"
	switch {
	case !chosen && len(c.TLSCerts) > 0:
		c.TLS, c.sources["tls"] = tlsFiles, "because of tls-cert"
	case !chosen && len(c.Domains) > 0:
		c.TLS, c.sources["tls"] = tlsACME, "because of domain"
	}
	switch {
	case c.TLS == tlsACME && len(c.Domains) == 0:
		return errors.New("tls acme needs domain: the names that certificates are wanted for, such as --domain watch.example")
	case c.TLS == tlsFiles && len(c.TLSCerts) == 0:
		return errors.New("tls files needs tls-cert and tls-key: the PEM files of the certificate and its key")
	case c.TLS != tlsFiles && len(c.TLSCerts)+len(c.TLSKeys) > 0 && chosen:
		return fmt.Errorf("tls-cert and tls-key are for tls files, but tls is %s", c.TLS)
	case len(c.TLSCerts) != len(c.TLSKeys):
		return fmt.Errorf("tls-cert names %d files and tls-key %d: each certificate needs its key, in the same order", len(c.TLSCerts), len(c.TLSKeys))
	case len(c.ACMEProfiles) > len(c.acmeDirectories()) || len(c.ACMEAccounts) > len(c.acmeDirectories()):
		return errors.New("acme-profile and acme-eab have one value for each of acme-ca, in the same order, - for none")
	case c.TLS == tlsOff || len(c.Domains) == 0:
		return nil
	}
	for name, field := range map[string]struct {
		addr  *string
		value string
	}{"http-addr": {&c.HTTPAddr, ":80"}, "https-addr": {&c.HTTPSAddr, ":443"}} {
		if c.sources[name] == "default" {
			*field.addr, c.sources[name] = field.value, "because of domain"
		}
	}
	if _, number, err := net.SplitHostPort(c.HTTPSAddr); c.PublicURL == nil && len(c.Domains) == 1 && err == nil && number != "0" {
		host := c.Domains[0]
		if number != "443" {
			host = net.JoinHostPort(host, number)
		} else if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		c.PublicURL, c.sources["public-url"] = &url.URL{Scheme: "https", Host: host}, "because of domain"
	}
	return nil
}

func (c *Config) acmeDirectories() []string {
	if len(c.ACMECAs) == 0 {
		return []string{acme.LetsEncrypt}
	}
	return c.ACMECAs
}

func (c *Config) acmeIssuers() []acme.Issuer {
	var list []acme.Issuer
	for n, directory := range c.acmeDirectories() {
		i := acme.Issuer{Directory: directory}
		if n < len(c.ACMEProfiles) && c.ACMEProfiles[n] != "-" {
			i.Profile = c.ACMEProfiles[n]
		}
		if n < len(c.ACMEAccounts) && c.ACMEAccounts[n] != "-" {
			at := strings.LastIndex(c.ACMEAccounts[n], ":")
			i.EABKeyID, i.EABKey = c.ACMEAccounts[n][:at], c.ACMEAccounts[n][at+1:]
		}
		list = append(list, i)
	}
	return list
}
