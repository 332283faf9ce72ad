package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tandem.watch/tandem/tls/acme"
	"tandem.watch/tandem/tls/certs"
)

// tlsOptions are the options of certificates.
var tlsOptions = []option{
	text("tls", tlsDev, "acme (certificates of a public authority, for domain), files (those of tls-cert), dev (one of the gateway's own) or off (plain HTTP only, no WebTransport); acme when there is a domain, files when there is a tls-cert", func(c *Config) *string { return &c.TLS }, func(v string) error {
		if !slices.Contains([]string{tlsACME, tlsFiles, tlsDev, tlsOff}, v) {
			return errors.New("must be acme, files, dev or off")
		}
		return nil
	}),
	list("domain", "names and addresses that people reach this gateway by, such as watch.example; turns on certificates for them, ports 80 and 443, and redirects to HTTPS", func(c *Config) *[]string { return &c.Domains }, func(v string) (string, error) {
		v = certs.Normal(v)
		return v, acme.CheckName(v)
	}),
	list("tls-cert", "PEM files with a certificate and its chain, for tls files; a changed file is served within seconds", func(c *Config) *[]string { return &c.TLSCerts }, nil),
	list("tls-key", "PEM files with the keys of tls-cert, in the same order", func(c *Config) *[]string { return &c.TLSKeys }, nil),
	list("acme-ca", "ACME directories to get certificates from, asked in turn until one gives them; Let's Encrypt when unset", func(c *Config) *[]string { return &c.ACMECAs }, func(v string) (string, error) {
		if u, err := url.Parse(v); err != nil || u.Scheme != "https" || u.Host == "" {
			return v, fmt.Errorf("%q must be an address such as %s", v, acme.LetsEncrypt)
		}
		return v, nil
	}),
	list("acme-profile", "profile for each of acme-ca, in the same order, - for none; Let's Encrypt gives certificates for IP addresses with shortlived only", func(c *Config) *[]string { return &c.ACMEProfiles }, nil),
	with(func(o *option) { o.Secret = true }, list("acme-eab", "key-id:key of an external account for each of acme-ca, in the same order, - for none", func(c *Config) *[]string { return &c.ACMEAccounts }, func(v string) (string, error) {
		if id, key, ok := cutLast(v, ":"); v != "-" && (!ok || id == "" || key == "") {
			return v, errors.New("must be key-id:key, the key in base64url, or -")
		}
		return v, nil
	})),
	text("acme-email", "", "address that authorities may write to", func(c *Config) *string { return &c.ACMEEmail }, func(v string) error {
		if v != "" && !strings.Contains(v, "@") {
			return errors.New("must be an email address")
		}
		return nil
	}),
	with(func(o *option) { o.Default = "http-01,tls-alpn-01" }, list("acme-challenges", "how to show authorities that a domain is ours: http-01 (port 80), tls-alpn-01 (port 443) or both", func(c *Config) *[]string { return &c.ACMEChallenges }, func(v string) (string, error) {
		if v != "http-01" && v != "tls-alpn-01" {
			return v, fmt.Errorf("%q must be http-01 or tls-alpn-01", v)
		}
		return v, nil
	})),
	text("tls-cache", "on", "on or off: a sealed copy of shared certificates in data-dir, so that a gateway starts while the database is away", func(c *Config) *string { return &c.TLSCache }, func(v string) error {
		if v != "on" && v != "off" {
			return errors.New("must be on or off")
		}
		return nil
	}),
	text("acme-roots", "", "PEM file with who signed for the server of a private acme-ca, beside those that the system trusts", func(c *Config) *string { return &c.ACMERoots }, nil),
}

// list is an option with several values; check returns each as it is kept.
func list(name, help string, field func(*Config) *[]string, check func(string) (string, error)) option {
	return option{
		Name: name, Help: help, List: true,
		set: func(c *Config, v string) error {
			values := splitList(v)
			for i := range values {
				if check == nil {
					continue
				}
				var err error
				if values[i], err = check(values[i]); err != nil {
					return err
				}
			}
			*field(c) = values
			return nil
		},
		get: func(c *Config) string { return strings.Join(*field(c), ",") },
	}
}

// with is an option with a change.
func with(change func(*option), o option) option {
	change(&o)
	return o
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
