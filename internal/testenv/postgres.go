package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresStart bounds a start of Postgres, its recovery included.
const postgresStart = 60 * time.Second

// Postgres is a Postgres server as a process of its own. Its methods fail the
// test when something goes wrong. They are for one goroutine, the test's.
type Postgres struct {
	t      testing.TB
	port   int
	data   string
	args   []string
	owner  *syscall.Credential // nil: this user
	output output
	run    *run // nil when it does not run
	bases  int
}

// StartPostgres starts an empty Postgres on a free port of 127.0.0.1, in a
// folder of its own, and returns when it answers. args are further settings,
// such as "-c", "work_mem=8MB". It is stopped when the test ends.
//
// TANDEM_POSTGRES names the folder of its programs; otherwise they are on PATH,
// or where Debian has them. If there are none the test fails.
func StartPostgres(t testing.TB, args ...string) *Postgres {
	t.Helper()
	// Not t.TempDir: that folder is closed to the server's user.
	dir, err := os.MkdirTemp("", "tandem-postgres-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return StartPostgresIn(t, dir, args...)
}

// StartPostgresIn is StartPostgres in a folder of the caller's, which must be
// empty: on a small file system, say.
func StartPostgresIn(t testing.TB, dir string, args ...string) *Postgres {
	t.Helper()
	p := &Postgres{t: t, port: freePort(t), data: filepath.Join(dir, "data"), args: args}
	p.owner = postgresOwner(t)
	if p.owner != nil {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server's user must get there
			t.Fatal(err)
		}
		if err := os.Chown(dir, int(p.owner.Uid), int(p.owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	p.must("initdb", "-D", p.data, "-U", "tandem", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	t.Cleanup(p.finish)
	p.start()
	return p
}

// URL is what postgres-url takes, with an empty database of its own for each
// call.
func (p *Postgres) URL() string {
	p.t.Helper()
	p.bases++
	name := fmt.Sprint("test", p.bases)
	p.Exec("postgres", "CREATE DATABASE "+name)
	return p.urlOf(name)
}

func (p *Postgres) urlOf(database string) string {
	return fmt.Sprintf("postgres://tandem@127.0.0.1:%d/%s?sslmode=disable", p.port, database)
}

// Addr is where it listens, always the same.
func (p *Postgres) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// Folder is one that the server's user may write to, until the test ends.
func (p *Postgres) Folder() string { return filepath.Dir(p.data) }

// Exec runs statements in a database, which must succeed.
func (p *Postgres) Exec(database, statements string) {
	p.t.Helper()
	if err := p.try(database, statements); err != nil {
		p.t.Fatalf("Postgres on port %d: %s: %v", p.port, statements, err)
	}
}

func (p *Postgres) try(database, statements string) error {
	ctx, cancel := context.WithTimeout(context.Background(), postgresStart)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.urlOf(database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statements)
	return errors.Join(err, conn.Close(ctx))
}

// Program runs one of Postgres's programs, such as pg_dump, which must succeed,
// and returns what it prints.
func (p *Postgres) Program(name string, args ...string) []byte {
	p.t.Helper()
	return p.must(name, args...)
}

// Kill ends it by SIGKILL, its children too, as a crash of the machine would.
func (p *Postgres) Kill() {
	p.t.Helper()
	p.running("Kill")
	p.signal(syscall.SIGKILL)
	<-p.run.done
	p.run = nil
}

// Stop ends it (a fast shutdown), and waits for its end.
func (p *Postgres) Stop() {
	p.t.Helper()
	p.running("Stop")
	if err := p.run.cmd.Process.Signal(syscall.SIGINT); err != nil {
		p.t.Fatalf("stopping Postgres: %v", err)
	}
	select {
	case <-p.run.done:
	case <-time.After(processStop):
		p.t.Error("Postgres does not stop")
		p.signal(syscall.SIGKILL)
		<-p.run.done
	}
	p.run = nil
}

// Restart starts it again on the same port and with the same data.
func (p *Postgres) Restart() {
	p.t.Helper()
	if p.run != nil {
		p.Stop()
	}
	p.start()
}

// Freeze stops all its processes (SIGSTOP) until Thaw: connections stay open
// and nothing answers.
func (p *Postgres) Freeze() {
	p.t.Helper()
	p.running("Freeze")
	p.signal(syscall.SIGSTOP)
}

// Thaw lets a frozen one go on.
func (p *Postgres) Thaw() {
	p.t.Helper()
	p.running("Thaw")
	p.signal(syscall.SIGCONT)
}

func (p *Postgres) running(what string) {
	p.t.Helper()
	if p.run == nil {
		p.t.Fatalf("%s: Postgres is not running", what)
	}
}

// signal reaches the server and its children. Those are in sessions of their
// own, so they are found by their parent.
func (p *Postgres) signal(s syscall.Signal) {
	server := p.run.cmd.Process.Pid
	for _, pid := range append([]int{server}, childrenOf(server)...) {
		_ = syscall.Kill(pid, s)
	}
}

// childrenOf lists a process's children; none where there is no /proc.
func childrenOf(parent int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []int
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var pid, ppid int
		var state string
		// pid (name) state ppid …, where the name may hold anything.
		end := slices.Index(data, ')')
		for i, b := range data {
			if b == ')' {
				end = i
			}
		}
		if _, err := fmt.Sscan(string(data[end+1:]), &state, &ppid); err != nil || ppid != parent {
			continue
		}
		if pid, err = strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (p *Postgres) start() {
	p.t.Helper()
	args := append([]string{
		"-D", p.data, "-p", strconv.Itoa(p.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=50", "-c", "shared_buffers=32MB", "-c", "log_min_messages=warning",
	}, p.args...)
	cmd := p.command("postgres", args...)
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("starting Postgres: %v", err)
	}
	p.run = &run{cmd: cmd, done: make(chan struct{})}
	go func(run *run) {
		run.err = run.cmd.Wait()
		close(run.done)
	}(p.run)
	var err error
	if !await(postgresStart, func() bool {
		err = p.try("postgres", "SELECT 1")
		return err == nil
	}) {
		p.t.Fatalf("Postgres on port %d does not answer: %v\n%s", p.port, err, p.output.String())
	}
}

// finish ends it at the end of the test.
func (p *Postgres) finish() {
	if p.run != nil {
		p.signal(syscall.SIGKILL) // frozen or not
		<-p.run.done
	}
	if p.t.Failed() {
		text := p.output.String()
		if len(text) > 4<<10 {
			text = "…" + text[len(text)-4<<10:]
		}
		p.t.Logf("output of Postgres on port %d:\n%s", p.port, text)
	}
}

func (p *Postgres) must(name string, args ...string) []byte {
	p.t.Helper()
	cmd := p.command(name, args...)
	out, err := cmd.Output()
	if err != nil {
		text := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			text = string(exit.Stderr)
		}
		p.t.Fatalf("%s: %v\n%s", name, err, text)
	}
	return out
}

func (p *Postgres) command(name string, args ...string) *exec.Cmd {
	p.t.Helper()
	path, err := findPostgres(name)
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = filepath.Dir(p.data), environment(filepath.Dir(p.data))
	if p.owner != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	}
	return cmd
}

// postgresOwner is who runs the server: it refuses to be run by root.
func postgresOwner(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("Postgres refuses to be run by root, and there is neither a user postgres nor nobody")
	return nil
}

func findPostgres(name string) (string, error) {
	if dir := os.Getenv("TANDEM_POSTGRES"); dir != "" {
		return filepath.Join(dir, name), nil
	}
	// Debian keeps all but the clients' programs off PATH.
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		slices.Sort(found)
		return found[len(found)-1], nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", errors.New("Postgres is missing: run `make setup`, or set TANDEM_POSTGRES to the folder of initdb and postgres")
	}
	return path, nil
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
