package acmetest

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/letsencrypt/pebble/v2/ca"

	"tandem.watch/tandem/internal/testenv"
	"tandem.watch/tandem/tls/certs"
	"tandem.watch/tandem/tls/storage"
	"tandem.watch/tandem/tls/storage/postgres"
)

// The authority is away at the start, and comes back.
func TestAuthorityAway(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{})
	a.answer(a.down)
	e.start(e.options([]string{"watch.example"}, a))
	e.said("cannot be reached")
	if why := certs.NotReady(e.manager.Status()); !strings.Contains(why, "no certificate yet") {
		t.Errorf("ready: %q", why)
	}
	a.answer(nil)
	e.served(a, "watch.example")
	until(t, "the trouble is over", patience, func() bool { return e.status().LastError == "" })
	if why := certs.NotReady(e.manager.Status()); why != "" {
		t.Errorf("not ready: %s", why)
	}
}

// It asks to be left alone, and is.
func TestRetryAfter(t *testing.T) {
	const wait = 3 * time.Second
	e := newEdge(t)
	a := e.authority(authorityOptions{})
	var refused, early atomic.Int64
	a.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "order-plz") {
			return false
		}
		if now := time.Now().UnixNano(); refused.CompareAndSwap(0, now) {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
			problem(w, http.StatusTooManyRequests, "rateLimited", "too many certificates already issued")
			return true
		} else if now-refused.Load() < int64(wait) {
			early.Add(1)
		}
		return false
	})
	e.start(e.options([]string{"watch.example"}, a))
	e.said("too many certificates lately")
	if next := e.status().NextAttempt; time.Until(next) < wait/3 {
		t.Errorf("the next attempt is in %v", time.Until(next))
	}
	e.served(a, "watch.example")
	if early.Load() != 0 {
		t.Errorf("%d orders while it wanted to be left alone", early.Load())
	}
}

// An expired certificate with the authority away: served all the same, not
// ready, said; and renewed when the authority is back.
func TestExpired(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{profiles: map[string]ca.Profile{"default": {ValidityPeriod: 4}}})
	o := e.options([]string{"watch.example"}, a)
	stop := e.start(o)
	e.served(a, "watch.example")
	stop()
	a.answer(a.down)
	time.Sleep(4500 * time.Millisecond) // until it has expired
	e.start(o)
	e.said("cannot be reached")
	if s := e.status(); !s.Expired || !strings.Contains(certs.NotReady(e.manager.Status()), "expired at") {
		t.Errorf("%+v", s)
	}
	var invalid x509.CertificateInvalidError
	if _, err := handshake(e.httpsAddr, "watch.example", a.roots()); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("a browser is told %v, want of the expiry", err)
	}
	if !strings.Contains(e.log.String(), "close to its end") {
		t.Error("the log does not say that it is urgent")
	}
	a.answer(nil)
	e.served(a, "watch.example")
}

// A revoked certificate is replaced: the authority says so by ARI.
func TestRevoked(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{})
	o := e.options([]string{"watch.example"}, a)
	stop := e.start(o)
	first := e.served(a, "watch.example")
	stop()
	a.revoke(first.SerialNumber)
	e.start(o)
	until(t, "another certificate", patience, func() bool {
		leaf, err := handshake(e.httpsAddr, "watch.example", a.roots())
		return err == nil && !leaf.Equal(first)
	})
	if orders, _ := a.counts(); orders != 2 {
		t.Errorf("%d orders, want 2", orders)
	}
}

// A clock that is wrong by a year is said to be, orders nothing again and
// again, and does not keep a certificate from being served.
func TestClockWrong(t *testing.T) {
	for what, by := range map[string]time.Duration{"ahead of": 365 * 24 * time.Hour, "behind": -365 * 24 * time.Hour} {
		t.Run(what, func(t *testing.T) {
			e := newEdge(t)
			a := e.authority(authorityOptions{})
			o := e.options([]string{"watch.example"}, a)
			o.Now = func() time.Time { return time.Now().Add(by) }
			stop := e.start(o)
			e.served(a, "watch.example")
			e.said("the clock of this machine is 8760h0m0s " + what)
			stop()
			e.start(o) // what is stored looks expired, or of the future
			e.said("the clock of this machine is 8760h0m0s " + what)
			time.Sleep(time.Second) // 20 polls
			if orders, _ := a.counts(); orders != 1 {
				t.Errorf("%d orders, want 1", orders)
			}
			if s := e.status(); s.Expired {
				t.Errorf("%+v", s)
			}
		})
	}
}

// With the disk full nothing is ordered that could not be kept.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatalf("a small file system: %v (this test needs to be root)", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	fill := func() {
		f, err := os.Create(dir + "/filler")
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Write(make([]byte, 1024))
		}
		_ = f.Close()
	}
	fill()
	e := newEdge(t)
	e.storage = &certmagic.FileStorage{Path: dir + "/tls"}
	a := e.authority(authorityOptions{})
	e.start(e.options([]string{"watch.example"}, a))
	e.said("is full")
	if orders, _ := a.counts(); orders != 0 {
		t.Errorf("%d orders", orders)
	}
	if err := os.Remove(dir + "/filler"); err != nil {
		t.Fatal(err)
	}
	e.served(a, "watch.example")
}

// A name that does not lead here is said in plain words.
func TestNamesThatDoNotLeadHere(t *testing.T) {
	e := newEdge(t)
	a := e.authority(authorityOptions{})
	a.dns.AddDNSARecord("elsewhere.example.", []string{"127.0.0.99"})
	a.dns.AddDNSServFailRecord("nowhere.example.")
	o := e.options([]string{"watch.example", "elsewhere.example", "nowhere.example"}, a)
	e.start(o)
	e.served(a, "watch.example")
	for i, part := range map[int]string{1: "elsewhere.example", 2: "nowhere.example"} {
		until(t, part+" is said not to lead here", patience, func() bool {
			said := e.manager.Status()[i].LastError
			return strings.Contains(said, part) && strings.Contains(said, "records") && strings.Contains(said, "point")
		})
	}
	if why := certs.NotReady(e.manager.Status()); why != "" {
		t.Errorf("one of many is missing, and the gateway is not ready: %s", why)
	}
	// Authorities count refusals.
	_, before := a.counts()
	time.Sleep(time.Second)
	if _, now := a.counts(); now-before > 200 {
		t.Errorf("%d requests in a second", now-before)
	}
}

// The database is away at the start: with a copy the gateway serves; without
// one it says what is wrong, and serves when the database is back.
func TestDatabaseAway(t *testing.T) {
	db := testenv.StartPostgres(t)
	url := db.URL()
	sealer, err := storage.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	local := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	open := func(cache string) certmagic.Storage {
		s, err := postgres.Open(url, quiet, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return &storage.Cached{
			Storage: storage.Sealed{Storage: s, Sealer: sealer},
			Local:   storage.Sealed{Storage: &certmagic.FileStorage{Path: cache}, Sealer: sealer}, Logger: quiet,
		}
	}
	e := newEdge(t)
	e.storage = open(local)
	a := e.authority(authorityOptions{})
	stop := e.start(e.options([]string{"watch.example"}, a))
	first := e.served(a, "watch.example")
	stop()
	db.Stop()

	e.storage = open(local)
	stop = e.start(e.options([]string{"watch.example"}, a))
	if leaf, err := handshake(e.httpsAddr, "watch.example", a.roots()); err != nil || !leaf.Equal(first) {
		t.Errorf("with a copy: %v", err)
	}
	stop()

	e.storage = open(t.TempDir())
	e.start(e.options([]string{"watch.example"}, a))
	e.said("postgres")
	db.Restart()
	if leaf := e.served(a, "watch.example"); !leaf.Equal(first) {
		t.Error("another certificate was ordered")
	}
	if orders, _ := a.counts(); orders != 1 {
		t.Errorf("%d orders, want 1", orders)
	}
}
