package testenv

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// processStart bounds the time from the start of the program until
	// /readyz says yes.
	processStart = 30 * time.Second
	// processStop bounds a clean stop.
	processStop = 20 * time.Second
	// outputShown is how much of its output a failed test shows.
	outputShown = 64 << 10
)

// Process is the tandem program, running as a process of its own. Its methods
// fail the test when something goes wrong. They are for one goroutine, the
// test's.
type Process struct {
	// Set by StartProgram.
	t      testing.TB
	path   string
	args   []string // without the addresses
	dir    string
	output output

	// Changed by each start.
	addr, secureAddr string // for --http-addr, --https-addr
	url, secureURL   string
	run              *run // nil when the program is not running
}

// run is one run of the program, from its start to its end.
type run struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended and err is set
	err  error
}

// StartProgram builds the program if need be, starts it, and returns when
// /readyz answers 200. It listens on free ports of 127.0.0.1 unless args has an
// --http-addr or an --https-addr. It runs in an empty directory, which it keeps across
// [Process.Restart], with an environment that holds nothing of the caller's
// configuration. When the test ends it is stopped, and its output is shown if
// the test failed.
func StartProgram(t testing.TB, args ...string) *Process {
	t.Helper()
	return startProcess(t, Program(t), args)
}

func startProcess(t testing.TB, path string, args []string) *Process {
	t.Helper()
	p := &Process{t: t, path: path, dir: t.TempDir(), addr: "127.0.0.1:0", secureAddr: "127.0.0.1:0"}
	for i := 0; i < len(args); i++ {
		name, value, ok := strings.Cut(args[i], "=")
		own := map[string]*string{"--http-addr": &p.addr, "--https-addr": &p.secureAddr}[name]
		switch {
		case own == nil:
			p.args = append(p.args, args[i])
		case ok:
			*own = value
		case i+1 < len(args):
			i++
			*own = args[i]
		}
	}
	t.Cleanup(p.finish)
	p.start()
	return p
}

// URL is the address to open, as the program printed it, without a slash at
// its end. It stays the same across [Process.Restart].
func (p *Process) URL() string { return p.url }

// SecureURL is the address of the same over HTTPS, "" when the program serves
// none. It too stays the same.
func (p *Process) SecureURL() string { return p.secureURL }

// Output is all that the program has written so far, over all its runs.
func (p *Process) Output() string { return p.output.String() }

// Dir is the directory that the program runs in.
func (p *Process) Dir() string { return p.dir }

// Kill ends the program by SIGKILL, as a crash would, and waits for its end.
func (p *Process) Kill() {
	p.t.Helper()
	r := p.take("Kill")
	if err := r.cmd.Process.Kill(); err != nil {
		p.t.Fatalf("killing the program: %v", err)
	}
	<-r.done
}

// Freeze stops the process (SIGSTOP) until Thaw: its connections stay open, and
// nothing comes from it.
func (p *Process) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw lets a frozen one go on.
func (p *Process) Thaw() { p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) {
	p.t.Helper()
	if p.run == nil {
		p.t.Fatal("the program is not running")
	}
	if err := p.run.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signalling the program: %v", err)
	}
}

// Stop ends the program by SIGTERM and waits. It fails the test if the program
// takes too long or exits with an error.
func (p *Process) Stop() {
	p.t.Helper()
	r := p.take("Stop")
	if err := r.stop(); err != nil {
		p.t.Errorf("stopping the program: %v", err)
	}
}

// Restart starts the program again, on the same ports, with the same arguments
// and in the same directory. If it still runs it is stopped first.
func (p *Process) Restart() {
	p.t.Helper()
	if p.run != nil {
		p.Stop()
	}
	p.start()
}

// take hands over the current run, whose end the caller brings about.
func (p *Process) take(what string) *run {
	p.t.Helper()
	r := p.run
	if r == nil {
		p.t.Fatalf("%s: the program is not running", what)
	}
	p.run = nil
	select {
	case <-r.done:
		p.t.Fatalf("%s: the program has ended by itself: %v", what, r.err)
	default:
	}
	return r
}

func (p *Process) start() {
	p.t.Helper()
	cmd := exec.Command(p.path, append([]string{"--http-addr", p.addr, "--https-addr", p.secureAddr}, p.args...)...)
	cmd.Dir = p.dir
	cmd.Env = environment(p.dir)
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	printed := p.output.begin()
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("starting the program: %v", err)
	}
	r := &run{cmd: cmd, done: make(chan struct{})}
	p.run = r
	go func() {
		r.err = cmd.Wait()
		close(r.done)
	}()

	ctx, cancel := context.WithTimeout(context.Background(), processStart)
	defer cancel()
	select {
	case <-printed:
	case <-r.done:
		p.t.Fatalf("the program ended before it was ready: %v", r.err)
	case <-ctx.Done():
		p.t.Fatalf("the program printed no address within %v", processStart)
	}
	p.url = strings.TrimSuffix(p.output.address(), "/")
	parsed, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatalf("the address that the program printed: %v", err)
	}
	if host, found := strings.CutSuffix(p.addr, ":0"); found {
		p.addr = host + ":" + parsed.Port() // the same at the next start
	}
	if err := r.waitReady(ctx, p.url+"/readyz"); err != nil {
		p.t.Fatalf("waiting for the program: %v", err)
	}
	if host, found := strings.CutSuffix(p.secureAddr, ":0"); found {
		if port := p.securePort(ctx); port != "" {
			p.secureAddr = host + ":" + port
			p.secureURL = "https://" + net.JoinHostPort(parsed.Hostname(), port)
		}
	} else if _, port, err := net.SplitHostPort(p.secureAddr); err == nil {
		p.secureURL = "https://" + net.JoinHostPort(parsed.Hostname(), port)
	}
}

// securePort asks the program for its port of HTTPS and WebTransport: it does
// not print that. "" when it has none.
func (p *Process) securePort(ctx context.Context) string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/v1/endpoints", http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatalf("asking the program for its endpoints: %v", err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return ""
	}
	var answer struct {
		Endpoints []struct{ Transport, URL string }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		p.t.Fatalf("the program's endpoints: %s, %v", response.Status, err)
	}
	for _, e := range answer.Endpoints {
		if u, err := url.Parse(e.URL); err == nil && e.Transport == "webtransport" {
			return u.Port()
		}
	}
	return ""
}

// finish ends the program at the end of the test.
func (p *Process) finish() {
	if r := p.run; r != nil {
		p.run = nil
		_ = r.cmd.Process.Signal(syscall.SIGCONT) // if it is frozen
		if err := r.stop(); err != nil {
			p.t.Errorf("the program's end: %v", err)
		}
	}
	text := p.Output()
	if strings.Contains(text, "WARNING: DATA RACE") {
		p.t.Error("the program has a data race")
	}
	if p.t.Failed() {
		if len(text) > outputShown {
			text = "…" + text[len(text)-outputShown:]
		}
		p.t.Logf("output of the program:\n%s", text)
	}
}

// stop asks the process to end, waits for that, and returns how it ended.
func (r *run) stop() error {
	// It fails only if the process has ended, and then r.err says how.
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	timeout := time.NewTimer(processStop)
	defer timeout.Stop()
	select {
	case <-r.done:
		return r.err
	case <-timeout.C:
		_ = r.cmd.Process.Kill()
		<-r.done
		return fmt.Errorf("still there %v after SIGTERM", processStop)
	}
}

// waitReady asks the URL until it answers 200.
func (r *run) waitReady(ctx context.Context, url string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last := "no answer"
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			last = resp.Status
		} else if ctx.Err() == nil {
			last = err.Error()
		}
		select {
		case <-tick.C:
		case <-r.done:
			return fmt.Errorf("it ended: %w", r.err)
		case <-ctx.Done():
			return fmt.Errorf("%s: not ready within %v: %s", url, processStart, last)
		}
	}
}

// environment has what a program needs, and none of the TANDEM_*, REDIS_*,
// POSTGRES_* and other variables that configure this one.
func environment(home string) []string {
	return []string{
		"HOME=" + home,
		"PATH=" + os.Getenv("PATH"),
		"TMPDIR=" + filepath.Clean(os.TempDir()),
	}
}
