package acmetest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"tandem.watch/tandem/internal/testenv"
	"tandem.watch/tandem/tls/storage/postgres"
)

// program is the path of the tandem program, which TestMain builds.
var program string

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tandem-acmetest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "tandem")
	build := exec.Command("go", "build", "-C", "../..", "-buildvcs=false", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// gateway is a process of the program.
type gateway struct {
	t                   *testing.T
	httpAddr, httpsAddr string
	out                 *syncBuffer
	cmd                 *exec.Cmd
	done                chan struct{}
}

func startGateway(t *testing.T, httpAddr, httpsAddr string, args ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, httpAddr: httpAddr, httpsAddr: httpsAddr, out: &syncBuffer{}, done: make(chan struct{})}
	g.cmd = exec.Command(program, append([]string{
		"--http-addr", httpAddr, "--https-addr", httpsAddr, "--data-dir", t.TempDir(), "--log-level", "debug",
		"--secret", "a secret that all gateways have", "--node-id", httpAddr,
	}, args...)...)
	g.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	g.cmd.Stdout, g.cmd.Stderr = g.out, g.out
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = g.cmd.Wait(); close(g.done) }()
	t.Cleanup(func() {
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-g.done:
		case <-time.After(20 * time.Second):
			t.Error("a gateway does not stop")
			_ = g.cmd.Process.Kill()
			<-g.done
		}
		if t.Failed() {
			t.Logf("gateway on %s:\n%s", httpAddr, g.out)
		}
	})
	until(t, "the gateway listens", patience, func() bool {
		code, _ := g.get("/healthz")
		return code == http.StatusOK
	})
	return g
}

func (g *gateway) get(path string) (int, string) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + g.httpAddr + path)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(body)
}

// cluster is an authority that looks for the second gateway, whoever orders.
func cluster(t *testing.T, challenge string) (a *authority, start func(second bool) *gateway) {
	t.Helper()
	url := testenv.StartPostgres(t).URL()
	http1, https1, http2, https2 := freeAddr(t), freeAddr(t), freeAddr(t), freeAddr(t)
	a = newAuthority(t, authorityOptions{httpPort: portOf(t, http2), tlsPort: portOf(t, https2)})
	args := []string{
		"--domain", "watch.example", "--postgres-url", url, "--acme-ca", a.directory(), "--acme-profile", "default",
		"--acme-roots", a.serverRootFile(), "--acme-challenges", challenge,
	}
	return a, func(second bool) *gateway {
		if second {
			return startGateway(t, http2, https2, args...)
		}
		return startGateway(t, http1, https1, args...)
	}
}

// hold makes the first order wait until release is called; ordered is closed
// when it has come.
func (a *authority) hold() (ordered chan struct{}, release func()) {
	ordered, released := make(chan struct{}), make(chan struct{})
	first := true
	a.answer(func(_ http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "order-plz") {
			return false
		}
		a.mu.Lock()
		mine := first
		first = false
		a.mu.Unlock()
		if mine {
			close(ordered)
			<-released
		}
		return false
	})
	return ordered, func() { close(released) }
}

// Two gateways: one order, placed by one of them; the challenge comes to the
// other; both serve what comes of it, and resume each other's sessions.
func TestTwoGateways(t *testing.T) {
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			a, start := cluster(t, challenge)
			ordered, release := a.hold()
			first := start(false)
			<-ordered
			second := start(true)
			if code, body := second.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "no certificate yet") {
				t.Errorf("without a certificate: %d %s", code, body)
			}
			release()
			var serials []string
			for _, g := range []*gateway{first, second} {
				var serial string
				until(t, "a certificate on "+g.httpAddr, 3*time.Minute, func() bool {
					leaf, err := handshake(g.httpsAddr, "watch.example", a.roots())
					if err == nil {
						serial = leaf.SerialNumber.String()
					}
					return err == nil
				})
				serials = append(serials, serial)
				until(t, "ready", patience, func() bool { code, _ := g.get("/readyz"); return code == http.StatusOK })
			}
			if orders, _ := a.counts(); orders != 1 || serials[0] != serials[1] {
				t.Errorf("%d orders, %q", orders, serials)
			}
			if served := strings.Count(second.out.String(), "served key authentication"); served == 0 || strings.Contains(first.out.String(), "served key authentication") {
				t.Errorf("the second gateway answered %d times", served)
			}
			resumes(t, a, first, second)
		})
	}
}

// resumes begins a session on one gateway and goes on with it on another.
func resumes(t *testing.T, a *authority, first, second *gateway) {
	t.Helper()
	cache := tls.NewLRUClientSessionCache(4)
	client := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.roots(), ServerName: "watch.example", ClientSessionCache: cache, MinVersion: tls.VersionTLS13}, DisableKeepAlives: true}
	for i, g := range []*gateway{first, second} {
		r, err := client.RoundTrip(must(http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+g.httpsAddr+"/healthz", http.NoBody)))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if r.TLS.DidResume != (i == 1) {
			t.Errorf("TCP, gateway %d: resumed %v", i, r.TLS.DidResume)
		}
	}
	config := &tls.Config{RootCAs: a.roots(), ServerName: "watch.example", NextProtos: []string{"h3"}, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	for i, g := range []*gateway{first, second} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c, err := quic.DialAddr(ctx, g.httpsAddr, config, &quic.Config{EnableDatagrams: true})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := c.AcceptUniStream(ctx); err == nil { // the server's settings; the ticket comes about then
			_, _ = s.Read(make([]byte, 1))
		}
		time.Sleep(200 * time.Millisecond)
		if s := c.ConnectionState(); s.TLS.DidResume != (i == 1) || s.Used0RTT {
			t.Errorf("QUIC, gateway %d: resumed %v, 0-RTT %v", i, s.TLS.DidResume, s.Used0RTT)
		}
		_ = c.CloseWithError(0, "")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The gateway that is ordering is killed: the other takes over when its lease
// has ended.
func TestHolderKilled(t *testing.T) {
	a, start := cluster(t, "http-01")
	ordered, release := a.hold()
	defer release() // the authority does not notice that who ordered is no more
	first := start(false)
	<-ordered
	second := start(true)
	killed := time.Now()
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.done
	until(t, "the other takes over", postgres.Lease+patience, func() bool {
		_, err := handshake(second.httpsAddr, "watch.example", a.roots())
		return err == nil
	})
	t.Logf("taken over after %v, of a lease of %v", time.Since(killed).Round(100*time.Millisecond), postgres.Lease)
	if took := time.Since(killed); took > postgres.Lease+10*time.Second {
		t.Errorf("taken over after %v", took)
	}
}

// Gateways in dev mode publish one set of hashes.
func TestSharedHashes(t *testing.T) {
	url := testenv.StartPostgres(t).URL()
	var hashes [][]string
	for range 2 {
		g := startGateway(t, freeAddr(t), freeAddr(t), "--tls", "dev", "--postgres-url", url)
		_, body := g.get("/v1/endpoints")
		var list struct {
			Endpoints []struct{ CertificateHashes []string }
		}
		if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Endpoints) == 0 {
			t.Fatalf("%s: %v", body, err)
		}
		hashes = append(hashes, list.Endpoints[0].CertificateHashes)
	}
	if len(hashes[0]) == 0 || !slices.Equal(hashes[0], hashes[1]) {
		t.Errorf("%q", hashes)
	}
}
