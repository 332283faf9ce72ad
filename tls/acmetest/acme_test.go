package acmetest

import (
	"crypto/tls"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"

	"tandem.watch/tandem/tls/acme"
)

// Both kinds of challenge, and the same certificate over TCP and QUIC.
func TestChallenges(t *testing.T) {
	for kind, only := range map[string]func(*acme.Options){
		"HTTP-01":     func(o *acme.Options) { o.NoTLSALPN01 = true },
		"TLS-ALPN-01": func(o *acme.Options) { o.NoHTTP01 = true },
	} {
		for _, name := range []string{"watch.example", "127.0.0.1"} {
			t.Run(kind+" "+name, func(t *testing.T) {
				e := newEdge(t)
				a := e.authority(authorityOptions{})
				o := e.options([]string{name}, a)
				only(&o)
				e.start(o)
				leaf := e.served(a, name)
				over, err := e.overQUIC(a, name)
				if err != nil || !over.Equal(leaf) {
					t.Errorf("QUIC serves another certificate: %v", err)
				}
				s := e.status()
				if s.Name != name || s.LastError != "" || !s.NotAfter.Equal(leaf.NotAfter) || !strings.Contains(s.Issuer, "Pebble") ||
					s.NextAttempt.Before(time.Now()) || s.NextAttempt.After(leaf.NotAfter) {
					t.Errorf("the status is %+v", s)
				}
				if orders, _ := a.counts(); orders != 1 {
					t.Errorf("%d orders", orders)
				}
				if !strings.Contains(e.log.String(), strings.ToLower(kind)) {
					t.Error("another challenge was used")
				}
			})
		}
	}
}

// A second start orders nothing, and serves at once what was kept, even with
// the authority away.
func TestRestart(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{})
	stop := e.start(e.options([]string{"watch.example"}, a))
	first := e.served(a, "watch.example")
	stop()
	a.answer(a.down)
	e.start(e.options([]string{"watch.example"}, a))
	again, err := handshake(e.httpsAddr, "watch.example", a.roots())
	if err != nil || !again.Equal(first) {
		t.Errorf("after a restart: %v", err)
	}
	if orders, _ := a.counts(); orders != 1 {
		t.Errorf("%d orders", orders)
	}
}

// Short-lived certificates are renewed in time, and while they are no
// handshake fails.
func TestRenewalUnderLoad(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{profiles: map[string]ca.Profile{"default": {}, "short": {ValidityPeriod: 12}}})
	o := e.options([]string{"watch.example"}, a)
	o.Issuers[0].Profile = "short"
	e.start(o)
	e.served(a, "watch.example")
	var mu sync.Mutex
	serials, failures, count := map[string]bool{}, []error(nil), 0
	note := func(serial string, err error) {
		mu.Lock()
		defer mu.Unlock()
		count++
		if err != nil {
			failures = append(failures, err)
			return
		}
		serials[serial] = true
	}
	var load sync.WaitGroup
	end := time.Now().Add(90 * time.Second)
	seen := func() int { mu.Lock(); defer mu.Unlock(); return len(serials) }
	for range 3 {
		load.Go(func() {
			for time.Now().Before(end) && seen() < 3 {
				leaf, err := handshake(e.httpsAddr, "watch.example", a.roots())
				if err != nil {
					note("", err)
					continue
				}
				note(leaf.SerialNumber.String(), nil)
				time.Sleep(5 * time.Millisecond)
			}
		})
		load.Go(func() {
			for time.Now().Before(end) && seen() < 3 {
				leaf, err := e.overQUIC(a, "watch.example")
				if err != nil {
					note("", err)
					continue
				}
				note(leaf.SerialNumber.String(), nil)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	load.Wait()
	if len(failures) > 0 || len(serials) < 3 {
		t.Errorf("%d of %d handshakes failed over %d certificates: %v", len(failures), count, len(serials), failures)
	}
	t.Logf("%d handshakes over %d certificates", count, len(serials))
}

func TestExternalAccount(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{eab: map[string]string{"kid-1": eabKey()}})
	o := e.options([]string{"watch.example"}, a)
	stop := e.start(o)
	e.said("set acme-eab")
	stop()
	o.Issuers[0].EABKeyID, o.Issuers[0].EABKey = "kid-1", eabKey()
	e.start(o)
	e.served(a, "watch.example")
}

// The second authority is asked when the first one refuses.
func TestFallback(t *testing.T) {
	e := newEdge(t)
	first, second := e.authority(authorityOptions{}), e.authority(authorityOptions{})
	first.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "order-plz") {
			problem(w, http.StatusForbidden, "rejectedIdentifier", "not this name")
			return true
		}
		return false
	})
	e.start(e.options([]string{"watch.example"}, first, second))
	leaf := e.served(second, "watch.example")
	if _, err := handshake(e.httpsAddr, "watch.example", first.roots()); err == nil {
		t.Error("the first one gave it")
	}
	// What the second one gave is known at the next start, and by the first
	// one's being away no less.
	if s := e.status(); s.NotAfter != leaf.NotAfter || s.LastError != "" {
		t.Errorf("%+v", s)
	}
}

// A profile that the authority does not offer is said to be unknown.
func TestUnknownProfile(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{})
	o := e.options([]string{"watch.example"}, a)
	o.Issuers[0].Profile = "golden"
	e.start(o)
	e.said("acme-profile")
}

// Nobody makes us read the storage for names that are not ours, and nobody is
// told of challenges that are not open.
func TestStrangers(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{})
	counting := &countingStorage{Storage: e.storage}
	e.storage = counting
	e.start(e.options([]string{"watch.example"}, a))
	e.served(a, "watch.example")
	before := counting.challenges.Load()
	for _, name := range []string{"other.example", "x.watch.example", "1.0.0.127.in-addr.arpa"} {
		if _, err := tls.Dial("tcp", e.httpsAddr, &tls.Config{ServerName: name, NextProtos: []string{acme.Protocol}}); err == nil {
			t.Errorf("%s: a challenge certificate", name)
		}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.httpAddr+"/.well-known/acme-challenge/abc", nil)
		r.Host = name
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
	if n := counting.challenges.Load() - before; n != 0 {
		t.Errorf("the storage was read %d times for strangers", n)
	}
	if _, err := tls.Dial("tcp", e.httpsAddr, &tls.Config{ServerName: "watch.example", NextProtos: []string{acme.Protocol}}); err == nil {
		t.Error("a challenge certificate though none is open")
	}
	if counting.challenges.Load() == before {
		t.Error("the storage is not asked for our own name; this test tests nothing")
	}
	// Unknown names get none of our certificates.
	if _, err := tls.Dial("tcp", e.httpsAddr, &tls.Config{ServerName: "other.example", InsecureSkipVerify: true}); err == nil { //nolint:gosec // a test's
		t.Error("a certificate for an unknown name")
	}
}

// When several gateways find that a certificate is due, one renews it.
func TestRenewedOnce(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{})
	stop := e.start(e.options([]string{"watch.example"}, a))
	first := e.served(a, "watch.example")
	stop()
	a.revoke(first.SerialNumber)
	edges := []*edge{e}
	for range 2 {
		other := newEdge(t)
		other.storage = e.storage
		edges = append(edges, other)
	}
	ordered, release := a.hold()
	for _, o := range edges {
		o.start(o.options([]string{"watch.example"}, a))
	}
	<-ordered
	for _, o := range edges { // each wants the lock
		until(t, "each is at it", patience, func() bool { return strings.Contains(o.log.String(), `said="acquiring lock"`) })
	}
	release()
	for _, o := range edges {
		until(t, "another certificate", patience, func() bool {
			leaf, err := handshake(o.httpsAddr, "watch.example", a.roots())
			return err == nil && !leaf.Equal(first)
		})
	}
	time.Sleep(2 * time.Second) // the lock of files is polled once a second
	if orders, _ := a.counts(); orders != 2 {
		t.Errorf("%d orders, want 2: the first, and one for all", orders)
	}
}
