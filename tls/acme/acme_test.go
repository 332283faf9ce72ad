package acme

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

func manager(t *testing.T, now func() time.Time) *Manager {
	t.Helper()
	m, err := New(Options{
		Names: []string{"watch.example", "2001:db8::1"}, Issuers: []Issuer{{Directory: "https://a.example/dir"}, {Directory: "https://b.example/dir"}},
		Storage: &certmagic.FileStorage{Path: t.TempDir()}, Logger: slog.New(slog.DiscardHandler), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.cache.Stop)
	return m
}

func TestOptions(t *testing.T) {
	good := func() Options {
		return Options{Names: []string{"Watch.Example.", "watch.example"}, Storage: &certmagic.FileStorage{Path: t.TempDir()}, Logger: slog.New(slog.DiscardHandler)}
	}
	o := good()
	if err := o.check(); err != nil || len(o.Names) != 1 || o.Names[0] != "watch.example" || o.Issuers[0].Directory != LetsEncrypt {
		t.Errorf("%+v, %v", o, err)
	}
	for name, spoil := range map[string]func(*Options){
		"no name":       func(o *Options) { o.Names = nil },
		"many names":    func(o *Options) { o.Names = make([]string, maxNames+1) },
		"a wildcard":    func(o *Options) { o.Names = []string{"*.example"} },
		"a plain CA":    func(o *Options) { o.Issuers = []Issuer{{Directory: "http://ca.example"}} },
		"half an EAB":   func(o *Options) { o.Issuers = []Issuer{{Directory: "https://ca.example", EABKeyID: "k"}} },
		"no challenge":  func(o *Options) { o.NoHTTP01, o.NoTLSALPN01 = true, true },
		"an empty name": func(o *Options) { o.Names = []string{""} },
		"a long label":  func(o *Options) { o.Names = []string{strings.Repeat("a", 64) + ".example"} },
		"a hyphen":      func(o *Options) { o.Names = []string{"-a.example"} },
	} {
		o := good()
		if spoil(&o); o.check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Waits grow, are longer after a refusal, and have a bound.
func TestBackOff(t *testing.T) {
	m := manager(t, time.Now)
	for _, c := range []struct {
		err         error
		first, most time.Duration
	}{
		{errors.New("connection refused"), time.Second, 5 * time.Minute},
		{acme.Problem{Status: 503}, time.Second, 5 * time.Minute},
		{fmt.Errorf("order: %w", acme.Problem{Status: 403}), 15 * time.Second, time.Hour},
	} {
		s := &supervised{m: m, name: "watch.example"}
		last := time.Duration(0)
		for s.failures = range 30 {
			wait := s.backOff(c.err)
			if s.failures == 0 && (wait > c.first || wait < c.first*3/4) {
				t.Errorf("%v: the first wait is %v, want about %v", c.err, wait, c.first)
			}
			if wait > c.most || wait < last*7/10 {
				t.Errorf("%v: wait %d is %v after %v", c.err, s.failures, wait, last)
			}
			last = wait
		}
		if last < c.most*3/4 {
			t.Errorf("%v: the waits end at %v, want %v", c.err, last, c.most)
		}
	}
}

func TestRetryAfterHeader(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Time{
		"120": now.Add(2 * time.Minute), "Sun, 01 Mar 2026 13:00:00 GMT": now.Add(time.Hour), "0": now,
		"": {}, "soon": {}, "-1": {}, "99999999999": {},
	} {
		if got, _ := retryAfter(http.Header{"Retry-After": {value}}, now); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	m := manager(t, func() time.Time { return now })
	a := m.authorities[0]
	a.hear(http.StatusTooManyRequests, http.Header{"Retry-After": {"86400000"}})
	if got := a.leaveUntil(); !got.Equal(now.Add(maxLeave)) {
		t.Errorf("left alone until %v", got)
	}
	a.hear(http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}})
	if got := a.leaveUntil(); !got.Equal(now.Add(maxLeave)) {
		t.Errorf("a shorter one goes before: %v", got)
	}
	m.authorities[1].hear(http.StatusOK, http.Header{"Retry-After": {"60"}}) // of an order that is being made
	if got := m.authorities[1].leaveUntil(); !got.IsZero() {
		t.Errorf("left alone after success until %v", got)
	}
}

// A clock is only corrected when it is far off.
func TestClock(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := manager(t, func() time.Time { return now })
	for ahead, want := range map[time.Duration]time.Duration{time.Minute: 0, -5 * time.Minute: 0, time.Hour: time.Hour, -48 * time.Hour: -48 * time.Hour} {
		m.authorities[0].hear(http.StatusOK, http.Header{"Date": {now.Add(ahead).Format(http.TimeFormat)}})
		if got := m.now().Sub(now); got != want {
			t.Errorf("the authority is %v ahead: corrected by %v", ahead, got)
		}
	}
}

// IPv6 challenges name an address as the DNS does.
func TestAnswering(t *testing.T) {
	m := manager(t, time.Now)
	for name, want := range map[string]bool{
		"watch.example": true, "WATCH.example.": true, "2001:db8::1": true, "[2001:db8:0::1]": true,
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": true, "other.example": false, "": false,
	} {
		if got := m.mayAnswer(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestExplain(t *testing.T) {
	problem := func(kind string) error {
		return fmt.Errorf("[watch.example] %w", acme.Problem{Type: acme.ProblemTypeNamespace + kind, Status: 403, Detail: "as seen there"})
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{problem("dns"), "A or AAAA record"},
		{problem("connection"), "cannot reach this gateway as watch.example"},
		{problem("unauthorized"), "does not lead to this gateway"},
		{problem("caa"), "CAA"},
		{problem("externalAccountRequired"), "acme-eab"},
		{problem("rejectedIdentifier"), "no certificates for watch.example"},
		{problem("else"), "as seen there"},
		{errors.New("failed storage check: no space left on device"), "is full"},
		{&leftAloneError{until: time.Unix(0, 0), all: true}, "left alone until 1970-01-01"},
		{&leftAloneError{until: time.Unix(0, 0), err: problem("rateLimited")}, "asked again at 1970-01-01"},
	} {
		if got := explain("watch.example", c.err); !strings.Contains(got, c.want) {
			t.Errorf("%v: %q lacks %q", c.err, got, c.want)
		}
	}
}
