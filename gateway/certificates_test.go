package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
)

func TestTLSOptions(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		want  map[string]string // as tandem config shows it
		err   string
	}{
		{name: "nothing", want: map[string]string{"tls": "dev", "http-addr": ":4001", "https-addr": ":4433", "public-url": ""}},
		{
			name: "a domain", flags: []string{"--domain", "Watch.Example."},
			want: map[string]string{"tls": "acme", "http-addr": ":80", "https-addr": ":443", "public-url": "https://watch.example", "domain": "watch.example"},
		},
		{
			name: "a domain on other ports", flags: []string{"--domain", "watch.example", "--http-addr", ":8080", "--https-addr", ":8443"},
			want: map[string]string{"tls": "acme", "http-addr": ":8080", "https-addr": ":8443", "public-url": "https://watch.example:8443"},
		},
		{name: "two domains", flags: []string{"--domain", "a.example", "--domain", "192.0.2.7"}, want: map[string]string{"domain": "a.example,192.0.2.7", "public-url": ""}},
		{name: "an IPv6 address", flags: []string{"--domain", "[2001:DB8::1]"}, want: map[string]string{"domain": "2001:db8::1", "public-url": "https://[2001:db8::1]"}},
		{name: "files", flags: []string{"--tls-cert", "c.pem", "--tls-key", "k.pem"}, want: map[string]string{"tls": "files", "http-addr": ":4001"}},
		{name: "a domain behind a proxy", flags: []string{"--domain", "watch.example", "--tls", "off"}, want: map[string]string{"tls": "off", "http-addr": ":4001"}},
		{name: "acme without a domain", flags: []string{"--tls", "acme"}, err: "--domain watch.example"},
		{name: "files without files", flags: []string{"--tls", "files"}, err: "tls-cert"},
		{name: "a certificate without its key", flags: []string{"--tls-cert", "c.pem"}, err: "needs its key"},
		{name: "files that are not used", flags: []string{"--tls", "dev", "--tls-cert", "c.pem", "--tls-key", "k.pem"}, err: "tls is dev"},
		{name: "a wildcard", flags: []string{"--domain", "*.watch.example"}, err: "wildcards need"},
		{name: "an address", flags: []string{"--domain", "https://watch.example"}, err: "without https://"},
		{name: "not ASCII", flags: []string{"--domain", "kinö.example"}, err: "xn--"},
		{name: "an unknown way", flags: []string{"--tls", "on"}, err: "acme, files, dev or off"},
		{name: "plain ACME", flags: []string{"--domain", "a.example", "--acme-ca", "http://ca.example/dir"}, err: "acme-ca"},
		{name: "an account without a key", flags: []string{"--domain", "a.example", "--acme-eab", "hunter2"}, err: "key-id:key"},
		{name: "too many profiles", flags: []string{"--domain", "a.example", "--acme-profile", "a,b"}, err: "one value for each"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := LoadConfig(c.flags, nil)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "hunter2") {
					t.Fatalf("the error is %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range c.want {
				if got := optionNamed(name).get(config); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

// certificateFiles writes a certificate that nobody signed but itself.
func certificateFiles(t *testing.T, notAfter time.Time, names ...string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: notAfter, DNSNames: names,
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	return cert, key, roots
}

func get(t *testing.T, client http.RoundTripper, url, host string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	answer, err := client.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// Certificates from files serve TCP and UDP, and no hash is published.
func TestTLSFiles(t *testing.T) {
	cert, key, roots := certificateFiles(t, time.Now().Add(time.Hour), "watch.example")
	g, _ := onSecureSockets(t, "--tls-cert", cert, "--tls-key", key)
	trusting := &tls.Config{RootCAs: roots, ServerName: "watch.example", MinVersion: tls.VersionTLS12}
	udp := &http3.Transport{TLSClientConfig: trusting.Clone()}
	defer udp.Close()
	tcp := &http.Transport{TLSClientConfig: trusting, DisableKeepAlives: true}
	for _, client := range []http.RoundTripper{tcp, udp} {
		answer, body := get(t, client, "https://"+g.secureAddr()+"/v1/endpoints", "")
		if answer.StatusCode != http.StatusOK || !strings.Contains(body, "webtransport") || strings.Contains(body, "certificateHashes") {
			t.Errorf("%d %s", answer.StatusCode, body)
		}
	}
	if answer, body := get(t, http.DefaultTransport, "http://"+g.Addr().String()+"/readyz", ""); answer.StatusCode != http.StatusOK {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

func TestExpiredIsNotReady(t *testing.T) {
	cert, key, _ := certificateFiles(t, time.Now().Add(-time.Hour), "watch.example")
	g, _ := onSecureSockets(t, "--tls-cert", cert, "--tls-key", key)
	answer, body := get(t, http.DefaultTransport, "http://"+g.Addr().String()+"/readyz", "")
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "watch.example expired at") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	if answer, _ := get(t, http.DefaultTransport, "http://"+g.Addr().String()+"/healthz", ""); answer.StatusCode != http.StatusOK {
		t.Error("not alive because of a certificate")
	}
}

// With a domain, plain HTTP leads to HTTPS at a name of ours, except for what
// follows no redirect.
func TestRedirects(t *testing.T) {
	cert, key, _ := certificateFiles(t, time.Now().Add(time.Hour), "watch.example")
	g, _ := onSecureSockets(t, "--tls-cert", cert, "--tls-key", key, "--domain", "watch.example,b.example", "--trusted-proxies", "127.0.0.0/8")
	base := "http://" + g.Addr().String()
	_, port, _ := net.SplitHostPort(g.secureAddr())
	for host, want := range map[string]string{"watch.example": "watch.example", "B.example:80": "b.example", "evil.example": "watch.example"} {
		answer, _ := get(t, http.DefaultTransport, base+"/r/ABCD?x=1%26", host)
		if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusPermanentRedirect || got != "https://"+want+":"+port+"/r/ABCD?x=1%26" {
			t.Errorf("%s: %d to %q", host, answer.StatusCode, got)
		}
	}
	for _, path := range []string{"/health", "/healthz", "/readyz", "/status"} {
		if answer, body := get(t, http.DefaultTransport, base+path, "watch.example"); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", path, answer.StatusCode, body)
		}
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/", http.NoBody)
	r.Header.Set("X-Forwarded-Proto", "https")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("by HTTPS to a trusted proxy: %d, want no loop", answer.StatusCode)
	}
}
