package acmetest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tandem.watch/tandem/internal/testenv"
	"tandem.watch/tandem/tls/devcert"
)

// trustingChromium is a browser whose user trusts an authority's root.
func trustingChromium(t *testing.T, a *authority) context.Context {
	t.Helper()
	certutil, err := exec.LookPath("certutil")
	if err != nil {
		t.Fatal("certutil is missing: run `make setup`")
	}
	home := t.TempDir()
	database := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(database, 0o700); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(home, "root.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.GetRootCert(0).DER})
	if err := os.WriteFile(root, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-N", "--empty-password"}, {"-A", "-t", "C,,", "-n", "test root", "-i", root}} {
		if out, err := exec.Command(certutil, append([]string{"-d", "sql:" + database}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("certutil: %v\n%s", err, out)
		}
	}
	return testenv.Chromium(t, chromedp.Env("HOME="+home), chromedp.Flag("webtransport-developer-mode", true),
		chromedp.Flag("host-resolver-rules", "MAP watch.example 127.0.0.1"))
}

// eval evaluates a promise in a page.
func eval[T any](t *testing.T, window context.Context, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(window, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

const opened = `(url, options) => Promise.race([
	(async () => { const t = new WebTransport(url, options); await t.ready; t.close(); return "open"; })().catch((e) => String(e)),
	new Promise((done) => setTimeout(done, 10000, "nothing")),
])`

// A browser that trusts the authority shows the page, and opens wss and
// WebTransport, with nothing else said to it.
func TestChromium(t *testing.T) {
	httpAddr, httpsAddr := freeAddr(t), freeAddr(t)
	a := newAuthority(t, authorityOptions{httpPort: portOf(t, httpAddr), tlsPort: portOf(t, httpsAddr)})
	g := startGateway(t, httpAddr, httpsAddr, "--domain", "watch.example", "--acme-ca", a.directory(), "--acme-profile", "default", "--acme-roots", a.serverRootFile())
	until(t, "ready", patience, func() bool { code, _ := g.get("/readyz"); return code == 200 })
	window := trustingChromium(t, a)
	host := fmt.Sprintf("watch.example:%d", portOf(t, httpsAddr))
	ctx, cancel := context.WithTimeout(window, patience)
	defer cancel()
	// By plain HTTP, which leads to HTTPS.
	if err := chromedp.Do(ctx, chromedp.Navigate(fmt.Sprintf("http://watch.example:%d/", portOf(t, httpAddr)))); err != nil {
		t.Fatal(err)
	}
	if at := eval[string](t, window, `(async () => location.origin + " " + isSecureContext)()`); at != "https://"+host+" true" {
		t.Errorf("the page is at %s", at)
	}
	if got := eval[string](t, window, `new Promise((done) => {
		const s = new WebSocket("wss://`+host+`/v1/ws", ["tandem.v1"]);
		s.onopen = () => done("open"); s.onerror = () => done("failed");
	})`); got != "open" {
		t.Errorf("wss: %s", got)
	}
	if got := eval[string](t, window, `(`+opened+`)("https://`+host+`/v1/wt", {})`); got != "open" {
		t.Errorf("WebTransport: %s", got)
	}
}

// A list of hashes that was read six days ago, before the last of two
// rotations, is good for WebTransport in development.
func TestChromiumByOldHashes(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	at := now.Add(-2*devcert.Period - 3*time.Hour)
	m, err := devcert.Open(filepath.Join(dir, "dev-certificates.pem"), slog.New(slog.DiscardHandler), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	type list struct {
		at     time.Time
		hashes [][32]byte
	}
	var lists []list
	rotations, serving := 0, m.Hashes()[0]
	for ; at.Before(now); at = at.Add(10 * time.Minute) {
		if err := m.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		lists = append(lists, list{at, m.Hashes()})
	}
	for _, l := range lists {
		if l.hashes[0] != serving {
			rotations, serving = rotations+1, l.hashes[0]
		}
	}
	if rotations == 0 {
		t.Fatal("nothing was rotated")
	}
	g := startGateway(t, freeAddr(t), freeAddr(t), "--tls", "dev", "--data-dir", dir)
	window := testenv.Chromium(t)
	ctx, cancel := context.WithTimeout(window, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate("http://"+g.httpAddr+"/")); err != nil {
		t.Fatal(err)
	}
	open := func(l list) string {
		var hashes []string
		for _, h := range l.hashes {
			hashes = append(hashes, base64.StdEncoding.EncodeToString(h[:]))
		}
		encoded, _ := json.Marshal(hashes)
		return eval[string](t, window, fmt.Sprintf(`(%s)("https://%s/v1/wt", {serverCertificateHashes: %s.map((h) => ({algorithm: "sha-256", value: Uint8Array.from(atob(h), (c) => c.charCodeAt(0))}))})`, opened, g.httpsAddr, encoded))
	}
	for _, age := range []time.Duration{6 * 24 * time.Hour, 3 * 24 * time.Hour, 0} {
		l := lists[len(lists)-1]
		for _, o := range lists {
			if now.Sub(o.at) <= age {
				l = o
				break
			}
		}
		if got := open(l); got != "open" {
			t.Errorf("with a list of %v ago: %s", age, got)
		}
	}
	if got := open(lists[0]); got == "open" {
		t.Error("a list of 13 days ago is good too; this test tests nothing")
	}
}
