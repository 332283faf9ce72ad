package gateway

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClientAddress(t *testing.T) {
	c := load(t, []string{"--trusted-proxies", "10.0.0.0/8, 192.0.2.1, fd00::/8"}, nil)
	for _, x := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"IPv4", "198.51.100.7:1234", nil, "198.51.100.7"},
		{"IPv4 written as IPv6", "[::ffff:198.51.100.7]:1234", nil, "198.51.100.7"},
		{"IPv6", "[2001:db8:1:2:3:4:5:6]:1234", nil, "2001:db8:1:2::/64"},
		{"IPv6 with a zone", "[fe80::1%eth0]:1234", nil, "fe80::/64"},
		{"a stranger's claim", "198.51.100.7:1234", []string{"203.0.113.9"}, "198.51.100.7"},
		{"a proxy", "10.1.2.3:1234", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a proxy of one address", "192.0.2.1:1234", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a proxy by IPv6", "[fd00::1]:1234", []string{"2001:db8:1:2:3::"}, "2001:db8:1:2::/64"},
		{"a claim through a proxy", "10.1.2.3:1234", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.1.2.3:1234", []string{"127.0.0.1,203.0.113.9 , 10.9.9.9"}, "203.0.113.9"},
		{"two headers", "10.1.2.3:1234", []string{"127.0.0.1", "203.0.113.9"}, "203.0.113.9"},
		{"proxies only", "10.1.2.3:1234", []string{"10.5.5.5"}, "10.5.5.5"},
		{"a proxy that says nothing", "10.1.2.3:1234", nil, "10.1.2.3"},
		{"a proxy that says rubbish", "10.1.2.3:1234", []string{"203.0.113.9, rubbish"}, "10.1.2.3"},
		{"IPv4 written as IPv6 by a proxy", "10.1.2.3:1234", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"no address", "pipe", nil, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = x.remote
		for _, f := range x.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := c.clientAddress(r); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.1.2.3:1234"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	if got := load(t, nil, nil).clientAddress(r); got != "10.1.2.3" {
		t.Errorf("by default a proxy is believed: %s", got)
	}
}

func TestOrigins(t *testing.T) {
	for _, x := range []struct {
		host, origin string
		args         []string
		want         bool
	}{
		{"tandem.test", "", nil, true},
		{"tandem.test", "http://tandem.test", nil, true},
		{"tandem.test:4001", "https://tandem.test:4433", nil, true},
		{"tandem.test", "http://TANDEM.test", nil, true},
		{"[::1]:4001", "http://[::1]:8080", nil, true},
		{"tandem.test", "http://other.test", nil, false},
		{"tandem.test", "http://tandem.test.evil.example", nil, false},
		{"tandem.test", "http://eviltandem.test", nil, false},
		{"tandem.test", "http://sub.tandem.test", nil, false},
		{"tandem.test", "null", nil, false},
		{"tandem.test", "file://", nil, false},
		{"tandem.test", "chrome-extension://tandem.test", nil, false},
		{"tandem.test", "ftp://tandem.test", nil, false},
		{"tandem.test", "://", nil, false},
		{"tandem.test", "https://site.example", []string{"--allowed-origins", "https://site.example"}, true},
		{"tandem.test", "HTTPS://SITE.example", []string{"--allowed-origins", "https://site.example"}, true},
		{"tandem.test", "http://site.example", []string{"--allowed-origins", "https://site.example"}, false},
		{"tandem.test", "https://site.example:8443", []string{"--allowed-origins", "https://site.example"}, false},
		{"tandem.test", "chrome-extension://abc", []string{"--allowed-origins", "chrome-extension://abc"}, true},
		{"tandem.test", "null", []string{"--allowed-origins", "*"}, true},
		{"10.0.0.1:4001", "https://watch.example", []string{"--public-url", "https://watch.example"}, true},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = x.host
		if x.origin != "" {
			r.Header.Set("Origin", x.origin)
		}
		if got := load(t, x.args, nil).checkOrigin(r); got != x.want {
			t.Errorf("a page of %q at %q with %q: %v, want %v", x.origin, x.host, x.args, got, x.want)
		}
	}
}

// The secret is made once, for its owner's eyes, and kept.
func TestSecretFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	c := load(t, []string{"--data-dir", dir}, nil)
	first, err := loadSecret(c)
	if err != nil || len(first) != 1 || len(first[0]) < 32 {
		t.Fatalf("the secret is %d bytes, %v", len(first), err)
	}
	path := filepath.Join(dir, "secret")
	for name, want := range map[string]os.FileMode{path: 0o600, dir: 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has the mode %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	again, err := loadSecret(c)
	if err != nil || string(again[0]) != string(first[0]) {
		t.Errorf("at the next start the secret is another one, %v", err)
	}
	other, err := loadSecret(load(t, []string{"--data-dir", t.TempDir()}, nil))
	if err != nil || string(other[0]) == string(first[0]) {
		t.Errorf("another folder has the same secret, %v", err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadSecret(c); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove it") || strings.Contains(err.Error(), "short;") {
		t.Errorf("a damaged secret: %v", err)
	}
	c = load(t, []string{"--data-dir", dir, "--secret", "one given secret,another given one"}, nil)
	if given, err := loadSecret(c); err != nil || len(given) != 2 || string(given[0]) != "one given secret" {
		t.Errorf("given secrets: %q, %v", given, err)
	}
}

func TestCounter(t *testing.T) {
	c := newCounter(3, 2)
	leave := map[string][]func(){}
	enter := func(key string, wantEverywhere, wantOK bool) {
		t.Helper()
		f, everywhere, ok := c.enter(key)
		if ok != wantOK || everywhere != wantEverywhere {
			t.Fatalf("enter %s: %v, %v; want %v, %v", key, everywhere, ok, wantEverywhere, wantOK)
		}
		if ok {
			leave[key] = append(leave[key], f)
		}
	}
	enter("a", false, true)
	enter("a", false, true)
	enter("a", false, false)
	enter("b", false, true)
	enter("c", true, false)
	leave["b"][0]()
	enter("c", false, true)
	for _, f := range append(leave["a"], leave["c"]...) {
		f()
	}
	if c.total != 0 || len(c.byKey) != 0 {
		t.Errorf("at the end %d of %v are counted", c.total, c.byKey)
	}
}

// Links begin with https where a proxy that we trust says that people come so.
func TestForwardedProto(t *testing.T) {
	proxied := load(t, []string{"--trusted-proxies", "10.0.0.0/8"}, nil)
	for _, c := range []struct {
		from, proto, want string
	}{
		{"10.1.2.3:1", "https", "https://tandem.test"},
		{"10.1.2.3:1", "HTTPS", "https://tandem.test"},
		{"10.1.2.3:1", "http", "http://tandem.test"},
		{"10.1.2.3:1", "", "http://tandem.test"},
		{"203.0.113.9:1", "https", "http://tandem.test"},
	} {
		r := httptest.NewRequest("GET", "http://tandem.test/", nil)
		r.RemoteAddr = c.from
		r.Header.Set("X-Forwarded-Proto", c.proto)
		if got := (&Gateway{config: proxied}).baseURL(r).String(); got != c.want {
			t.Errorf("%s says %q: %s, want %s", c.from, c.proto, got, c.want)
		}
	}
}
