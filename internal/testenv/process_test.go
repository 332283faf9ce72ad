package testenv

import (
	"net/http"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func startFake(t *testing.T, args ...string) *Process {
	t.Helper()
	return startProcess(t, build(t, "tandem.watch/tandem/internal/testenv/testdata/fake"), args)
}

func TestProcessKeepsItsPort(t *testing.T) {
	p := startFake(t, "--http-addr", "127.0.0.1:0")
	first := p.URL()
	if !strings.HasPrefix(first, "http://127.0.0.1:") || strings.HasSuffix(first, ":0") {
		t.Fatalf("URL %q, want a real port of 127.0.0.1", first)
	}

	p.Kill()
	if resp, err := http.Get(first + "/readyz"); err == nil {
		resp.Body.Close()
		t.Fatal("the program answers after Kill")
	}
	if strings.Contains(p.Output(), "clean stop") {
		t.Fatal("Kill let the program stop cleanly")
	}

	p.Restart()
	if p.URL() != first {
		t.Fatalf("URL %q after Restart, want %q", p.URL(), first)
	}
	p.Restart() // while it runs
	if got := strings.Count(p.Output(), "clean stop"); got != 1 {
		t.Fatalf("%d clean stops, want 1", got)
	}
	resp, err := http.Get(p.URL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()

	p.Stop()
	if got := strings.Count(p.Output(), "clean stop"); got != 2 {
		t.Fatalf("%d clean stops, want 2", got)
	}
}

func TestStopReportsAnError(t *testing.T) {
	p := startFake(t, "--http-addr=127.0.0.1:0", "--stubborn")
	if err := p.take("test").stop(); err == nil {
		t.Fatal("no error, though the program exited with 1")
	}
}

func TestEnvironmentHoldsNoConfiguration(t *testing.T) {
	t.Setenv("TANDEM_HTTP_ADDR", ":1")
	t.Setenv("REDIS_HOST", "somewhere")
	for _, entry := range environment(t.TempDir()) {
		if strings.HasPrefix(entry, "TANDEM_") || strings.HasPrefix(entry, "REDIS_") {
			t.Errorf("the program would see %s", entry)
		}
	}
}
