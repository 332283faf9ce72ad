// Package acme gets certificates from ACME authorities (RFC 8555) and renews
// them, for one gateway or for any number that share a storage.
//
// Orders, accounts, challenges and their distribution are certmagic's. When to
// ask, and what to do when that fails, is decided here, by one supervisor for
// each name: certmagic's own management was seen never to try again when the
// storage was down at the start, to wait a minute after a first failed order,
// and to ignore how long an authority asked to be left alone.
package acme

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"tandem.watch/tandem/tls/certs"
)

// LetsEncrypt is the directory of the authority that is asked when none is named.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// Issuer is an authority.
type Issuer struct {
	// Directory is its ACME address, with https.
	Directory string
	// Profile is one of those that its directory offers; "" leaves the choice
	// to it. Let's Encrypt gives certificates for IP addresses, which last six
	// days, with "shortlived" only.
	Profile string
	// EABKeyID and EABKey, base64url, bind the account to one that the
	// authority knows already (RFC 8555, section 7.3.4); "" for none.
	EABKeyID, EABKey string
}

// Options are what New needs.
type Options struct {
	// Names are DNS names and IP addresses, a certificate for each. The first
	// is served to clients that name nobody.
	Names []string
	// Issuers are asked in turn until one gives a certificate.
	Issuers []Issuer
	// Email is for the authorities to write to; "" for none.
	Email string
	// Roots are who may sign for the authorities' own servers; nil for those
	// of the system.
	Roots *x509.CertPool
	// NoHTTP01 and NoTLSALPN01 turn off a kind of challenge.
	NoHTTP01, NoTLSALPN01 bool
	// HTTPAddr and HTTPSAddr are what the gateway listens on, which the
	// authority must reach as ports 80 and 443.
	HTTPAddr, HTTPSAddr string
	// Storage is shared by all gateways of these names.
	Storage certmagic.Storage
	Logger  *slog.Logger

	// Now is time.Now, or a test's; nil means time.Now.
	Now func() time.Time
	// Poll is how often the storage is looked at for what other gateways
	// renewed; 0 means a minute.
	Poll time.Duration
	// Retry is the wait after a first refusal by the authorities; it grows to
	// 240 times that. 0 means 15 seconds.
	Retry time.Duration
}

const (
	defaultPoll  = time.Minute
	defaultRetry = 15 * time.Second
	maxNames     = 100
)

// check completes the options, or says what is wrong with them.
func (o *Options) check() error {
	if len(o.Names) == 0 {
		return errors.New("acme: no name to get a certificate for (set domain)")
	}
	if len(o.Names) > maxNames {
		return fmt.Errorf("acme: %d names, at most %d", len(o.Names), maxNames)
	}
	seen := map[string]bool{}
	var names []string
	for _, name := range o.Names {
		name = certs.Normal(name)
		if err := CheckName(name); err != nil {
			return err
		}
		if !seen[name] {
			seen[name], names = true, append(names, name)
		}
	}
	o.Names = names
	if len(o.Issuers) == 0 {
		o.Issuers = []Issuer{{Directory: LetsEncrypt}}
	}
	for _, i := range o.Issuers {
		u, err := url.Parse(i.Directory)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("acme: %q must be the address of an ACME directory, such as %s", i.Directory, LetsEncrypt)
		}
		if (i.EABKeyID == "") != (i.EABKey == "") {
			return fmt.Errorf("acme: the external account binding for %s needs a key id and a key", u.Host)
		}
	}
	if o.NoHTTP01 && o.NoTLSALPN01 {
		return errors.New("acme: no kind of challenge is left")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Poll == 0 {
		o.Poll = defaultPoll
	}
	if o.Retry == 0 {
		o.Retry = defaultRetry
	}
	return nil
}

// CheckName says what is wrong with a name that a certificate is wanted for.
func CheckName(name string) error {
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	wrong := func(why string) error { return fmt.Errorf("domain %q %s", name, why) }
	switch {
	case strings.Contains(name, "*"):
		return wrong("must be one name: wildcards need challenges by DNS, which a gateway cannot answer; list the names, or use tls files")
	case strings.Contains(name, "/") || strings.Contains(name, ":"):
		return wrong("must be a name alone, such as watch.example, without https:// or a port")
	case len(name) > 253:
		return wrong("is too long for a name")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return wrong("is no DNS name")
		}
		for _, r := range label {
			if r > 127 {
				return wrong("must be written in ASCII (xn--…)")
			}
			if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
				return wrong("is no DNS name")
			}
		}
	}
	return nil
}

// hostPort splits an address to listen on; port 0 when it has none.
func hostPort(addr string) (host string, port int) {
	host, number, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, 0
	}
	port, _ = strconv.Atoi(number)
	return host, port
}
