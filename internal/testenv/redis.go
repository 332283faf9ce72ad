package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// redisStart bounds a start of Redis, loading its data included.
	redisStart = 30 * time.Second
	// redisPoll is how often a Redis that something is expected of is asked.
	redisPoll = 10 * time.Millisecond
)

// Redis is a Redis server as a process of its own. Its methods fail the test
// when something goes wrong. They are for one goroutine, the test's.
type Redis struct {
	t      testing.TB
	port   int
	dir    string
	args   []string
	output output
	run    *run // nil when it does not run
	client *redis.Client
}

// StartRedis starts an empty Redis on a free port of 127.0.0.1, in a folder of
// its own, and returns when it answers. args are further settings, as on its
// command line. Unless they say otherwise it keeps nothing on the disk. It is
// stopped when the test ends.
//
// TANDEM_REDIS names the program to use; otherwise it is redis-server on PATH.
// If there is none the test fails.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	r := newRedis(t, args...)
	r.start()
	return r
}

func newRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	r := &Redis{t: t, port: freeRedisPort(t), dir: t.TempDir()}
	r.args = append([]string{
		"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.dir, "--daemonize", "no",
		"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0",
	}, args...)
	// Loopback only, and no retries: who uses it waits for what it expects.
	r.client = redis.NewClient(&redis.Options{Addr: r.Addr(), MaxRetries: -1, Protocol: 2, PipelinePoolSize: -1})
	t.Cleanup(r.finish)
	return r
}

// Addr is where it listens, always the same.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// URL is what redis-url takes.
func (r *Redis) URL() string { return "redis://" + r.Addr() }

// Client returns a client of this server, for what tests do to it.
func (r *Redis) Client() *redis.Client { return r.client }

// Do runs a command that must succeed.
func (r *Redis) Do(args ...any) any {
	r.t.Helper()
	v, err := r.client.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		r.t.Fatalf("Redis on port %d: %v: %v", r.port, args, err)
	}
	return v
}

// Kill ends it by SIGKILL, and waits for its end.
func (r *Redis) Kill() {
	r.t.Helper()
	if r.run == nil {
		r.t.Fatal("Kill: Redis is not running")
	}
	_ = r.run.cmd.Process.Kill()
	<-r.run.done
	r.run = nil
}

// Stop ends it by SIGTERM, and waits for its end.
func (r *Redis) Stop() {
	r.t.Helper()
	if r.run == nil {
		r.t.Fatal("Stop: Redis is not running")
	}
	if err := r.run.stop(); err != nil {
		r.t.Errorf("stopping Redis: %v", err)
	}
	r.run = nil
}

// Restart starts it again on the same port and in the same folder.
func (r *Redis) Restart() {
	r.t.Helper()
	if r.run != nil {
		r.Stop()
	}
	r.start()
}

// Freeze stops its process (SIGSTOP) until Thaw.
func (r *Redis) Freeze() { r.signal(syscall.SIGSTOP) }

// Thaw lets a frozen one go on.
func (r *Redis) Thaw() { r.signal(syscall.SIGCONT) }

// Promote makes a replica a primary.
func (r *Redis) Promote() { r.Do("REPLICAOF", "NO", "ONE") }

// Follow makes it a replica of another, and returns when it has its data.
func (r *Redis) Follow(primary *Redis) {
	r.t.Helper()
	r.Do("REPLICAOF", "127.0.0.1", primary.port)
	r.Await("a replica", func() bool {
		return contains(r.client.Info(context.Background(), "replication").Val(), "master_link_status:up")
	})
}

// KillAfter kills Redis when a replica has all that it has acknowledged: nothing
// of that is lost.
func (r *Redis) KillAfter(replica *Redis) {
	r.t.Helper()
	r.Do("CLIENT", "PAUSE", time.Minute.Milliseconds(), "WRITE") // which the kill ends
	field := func(of *Redis, name string) string {
		for line := range strings.Lines(of.client.Info(context.Background(), "replication").Val()) {
			if value, ok := strings.CutPrefix(line, name+":"); ok {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	r.Await("behind its replica", func() bool {
		offset := field(r, "master_repl_offset")
		return offset != "" && offset == field(replica, "slave_repl_offset")
	})
	r.Kill()
}

// Await returns when the condition holds, and fails the test if it takes too long.
func (r *Redis) Await(what string, done func() bool) {
	r.t.Helper()
	if !await(redisStart, done) {
		r.t.Fatalf("Redis on port %d is not %s after %v", r.port, what, redisStart)
	}
}

func (r *Redis) signal(s syscall.Signal) {
	r.t.Helper()
	if r.run == nil {
		r.t.Fatal("Redis is not running")
	}
	if err := r.run.cmd.Process.Signal(s); err != nil {
		r.t.Fatalf("signalling Redis: %v", err)
	}
}

func (r *Redis) start() {
	r.t.Helper()
	r.launch("redis-server")
	r.Await("answering", func() bool { return r.client.Ping(context.Background()).Err() == nil })
}

// launch starts the process under one of the server's two names.
func (r *Redis) launch(name string) {
	r.t.Helper()
	path, err := findRedis()
	if err != nil {
		r.t.Fatal(err)
	}
	args := slices.Clone(r.args)
	if name == "redis-sentinel" {
		args = append(args, "--sentinel")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = r.dir, environment(r.dir)
	cmd.Stdout, cmd.Stderr = &r.output, &r.output
	if err := cmd.Start(); err != nil {
		r.t.Fatalf("starting Redis: %v", err)
	}
	r.run = &run{cmd: cmd, done: make(chan struct{})}
	go func(run *run) {
		run.err = run.cmd.Wait()
		close(run.done)
	}(r.run)
}

// finish ends it at the end of the test.
func (r *Redis) finish() {
	_ = r.client.Close()
	if r.run != nil {
		_ = r.run.cmd.Process.Kill() // frozen or not
		<-r.run.done
	}
	if r.t.Failed() {
		text := r.output.String()
		if len(text) > 4<<10 {
			text = "…" + text[len(text)-4<<10:]
		}
		r.t.Logf("output of Redis on port %d:\n%s", r.port, text)
	}
}

// Sentinel is what watches a primary and its replicas.
type Sentinel struct {
	*Redis
	name string
}

// StartSentinel starts one that watches a primary under a name, and fails over
// by itself alone.
func StartSentinel(t testing.TB, name string, primary *Redis) *Sentinel {
	t.Helper()
	s := &Sentinel{Redis: newRedis(t), name: name}
	path := s.dir + "/sentinel.conf"
	config := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 1\n"+
		"sentinel down-after-milliseconds %s 1000\nsentinel failover-timeout %s 5000\n", s.port, s.dir, name, primary.port, name, name)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{path}
	s.launch("redis-sentinel")
	s.Await("answering", func() bool { return s.client.Ping(context.Background()).Err() == nil })
	s.Await("aware of the replica", func() bool {
		replicas, _ := s.client.Do(context.Background(), "SENTINEL", "REPLICAS", name).Slice()
		return len(replicas) > 0
	})
	return s
}

// URL is what redis-url takes.
func (s *Sentinel) URL() string {
	return "redis-sentinel://" + s.Addr() + "/" + s.name
}

func await(limit time.Duration, done func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(redisPoll) {
		if done() {
			return true
		}
	}
	return done()
}

func findRedis() (string, error) {
	name := os.Getenv("TANDEM_REDIS")
	if name == "" {
		name = "redis-server"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", errors.New("Redis is missing: run `make setup`, or set TANDEM_REDIS to the path of redis-server")
	}
	return path, nil
}

// freeRedisPort finds a port that is free now, as is that of the cluster bus.
func freeRedisPort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		var bus io.Closer
		if port <= 65535-busOffset {
			bus, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+busOffset)))
		} else {
			err = errors.New("no room for the bus")
		}
		l.Close()
		if err == nil {
			bus.Close()
			return port
		}
	}
	t.Fatal("no free port for Redis")
	return 0
}

// busOffset is where the cluster bus listens above a node's port.
const busOffset = 10_000

// FreePort returns a port of 127.0.0.1 that is free now.
func FreePort(t testing.TB) int { return freeRedisPort(t) }
