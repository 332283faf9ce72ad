// Package certs has what every way to certificates shares: what is known of a
// name, and finding the certificate that a client asks for.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// Status is what is known of the certificate of one name.
type Status struct {
	// Name is a DNS name, *.name, or an IP address.
	Name string
	// Issuer is who signed the certificate; "" when there is none.
	Issuer string
	// NotAfter is when it expires; zero when there is none.
	NotAfter time.Time
	// Expired says that its time is over.
	Expired bool
	// LastError says in plain words why the last attempt to get, read or renew
	// it failed; "" when that succeeded.
	LastError string
	// NextAttempt is when it is tried again, or renewed; zero when nobody
	// plans to.
	NextAttempt time.Time
}

// Missing says that the name has no certificate.
func (s Status) Missing() bool { return s.NotAfter.IsZero() }

// NotReady says why a gateway whose names have these certificates should be
// sent nobody; "" when it should. An expired certificate is such a reason, and
// that no name at all has one; one missing of many is not.
func NotReady(all []Status) string {
	missing := 0
	for _, s := range all {
		if s.Expired {
			return fmt.Sprintf("the certificate of %s expired at %s%s", s.Name, s.NotAfter.UTC().Format(time.RFC3339), because(s))
		}
		if s.Missing() {
			missing++
		}
	}
	if len(all) > 0 && missing == len(all) {
		return fmt.Sprintf("no certificate yet for %s%s", all[0].Name, because(all[0]))
	}
	return ""
}

func because(s Status) string {
	if s.LastError == "" {
		return ""
	}
	return ": " + s.LastError
}

// Pair reads a certificate chain and its key, both PEM, and checks that they
// belong together. Leaf is set in what it returns.
func Pair(chain, key []byte) (*tls.Certificate, error) {
	c, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, err
	}
	if c.Leaf == nil {
		if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// IssuerName is what people call the authority that signed a certificate.
func IssuerName(leaf *x509.Certificate) string {
	switch {
	case len(leaf.Issuer.Organization) > 0 && leaf.Issuer.CommonName != "":
		return leaf.Issuer.Organization[0] + " " + leaf.Issuer.CommonName
	case leaf.Issuer.CommonName != "":
		return leaf.Issuer.CommonName
	default:
		return leaf.Issuer.String()
	}
}

// Normal is the one spelling of a name or address that tables are kept by.
func Normal(name string) string {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return ip.Unmap().WithZone("").String()
	}
	return name
}

// Table is the certificates that are served, by name. Its zero value is empty;
// its methods are safe for use by several goroutines.
type Table struct{ served atomic.Pointer[served] }

type served struct {
	byName map[string]*tls.Certificate
	first  *tls.Certificate // for clients that name nobody
}

// Set replaces them all. What comes first is served to clients that name
// nobody and come to no address that has a certificate.
func (t *Table) Set(names []string, list []*tls.Certificate) {
	s := &served{byName: map[string]*tls.Certificate{}}
	for i, c := range list {
		if c == nil {
			continue
		}
		if s.first == nil {
			s.first = c
		}
		if name := Normal(names[i]); s.byName[name] == nil {
			s.byName[name] = c
		}
	}
	t.served.Store(s)
}

// Errors of Get; the client sees a TLS alert.
var (
	ErrNone    = errors.New("there is no certificate yet")
	ErrUnknown = errors.New("no certificate has this name")
)

// Get returns the certificate for a client: that of the name that it asks
// for, of the address that it came to, or the first.
func (t *Table) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s := t.served.Load()
	if s == nil || s.first == nil {
		return nil, ErrNone
	}
	name := Normal(hello.ServerName)
	if name == "" {
		if c := s.byName[localAddress(hello.Conn)]; c != nil {
			return c, nil
		}
		return s.first, nil
	}
	if c := s.byName[name]; c != nil {
		return c, nil
	}
	if _, rest, ok := strings.Cut(name, "."); ok {
		if c := s.byName["*."+rest]; c != nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknown, name)
}

func localAddress(c net.Conn) string {
	if c == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		return ""
	}
	return Normal(host)
}
