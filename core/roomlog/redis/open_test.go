package redis_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem.watch/tandem/core"
	redislog "tandem.watch/tandem/core/roomlog/redis"
	"tandem.watch/tandem/internal/testenv"
)

func TestParseURL(t *testing.T) {
	for url, want := range map[string]string{
		"redis://a":                    "Redis at a:6379",
		"redis://u:p%40@a:1/3":         "Redis at a:1",
		"redis://:p@[::1]:5":           "Redis at [::1]:5",
		"redis://[::1]":                "Redis at [::1]:6379",
		"rediss://a:1?server-name=b":   "Redis at a:1",
		"redis-sentinel://a,b:5/main":  `the primary "main" of the sentinels at a:26379, b:5`,
		"redis-sentinel://u:p@a/m/2":   `the primary "m" of the sentinels at a:26379`,
		"redis-cluster://a,b:1,[::]:2": "the Redis Cluster at a:6379, b:1, [::]:2",
		"rediss-cluster://u:p@a":       "the Redis Cluster at a:6379",
	} {
		target, err := redislog.ParseURL(url)
		if err != nil || target.String() != want {
			t.Errorf("%s is %v, %v; want %s", url, target, err, want)
		}
	}
	for url, want := range map[string]string{
		"":                           "no scheme",
		"localhost:6379":             "no scheme",
		"http://swordfish@a":         "no scheme of Redis",
		"redisx://:swordfish@a":      "no scheme of Redis",
		"redis://:swordfish@a,b":     "several addresses",
		"redis://:swordfish@":        "lacks a host",
		"redis://:sword%zzfish@a":    "percent-encoded",
		"redis://:swordfish@a/x":     "no database",
		"redis-cluster://a/1":        "no database",
		"redis-sentinel://a":         "lacks the name",
		"redis://a?ca=/x":            "TLS",
		"redis://a?colour=swordfish": `no parameter "colour"`,
		"rediss://a?ca=/nowhere/at":  "ca: open",
	} {
		_, err := redislog.ParseURL(url)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "redis-sentinel://") {
			t.Errorf("%s: %v, want one that says %q and the forms", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "fish") {
			t.Errorf("the error %v tells the password", err)
		}
	}
}

// tryOpen returns why a Redis is refused, and what was logged.
func tryOpen(t *testing.T, url string) (problem, logged string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	l, err := redislog.Open(ctx, redislog.Options{URL: url, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	if err == nil {
		_ = l.Close(ctx)
		return "", out.String()
	}
	return err.Error(), out.String()
}

func TestRefusedRedis(t *testing.T) {
	server := testenv.StartRedis(t)
	want := func(url string, parts ...string) {
		t.Helper()
		problem, logged := tryOpen(t, url)
		for _, p := range parts {
			if !strings.Contains(problem, p) {
				t.Errorf("the error %q does not say %q", problem, p)
			}
		}
		if len(parts) == 0 && problem != "" {
			t.Errorf("refused: %s", problem)
		}
		if strings.Contains(problem+logged, "swordfish") {
			t.Errorf("the password is told: %s %s", problem, logged)
		}
	}
	want(server.URL())
	want("redis-cluster://"+server.Addr(), "is no cluster", "use redis://")
	want("redis://127.0.0.1:1", "127.0.0.1:1", "is it running")
	server.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	if problem, logged := tryOpen(t, server.URL()); problem != "" || !strings.Contains(logged, "noeviction") {
		t.Errorf("without a maxmemory: %q, logged %q", problem, logged)
	}
	server.Do("CONFIG", "SET", "maxmemory", "100mb")
	want(server.URL(), "allkeys-lru", "CONFIG SET maxmemory-policy noeviction")
	server.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
	want(server.URL())

	// Users: one with what the message about rights names, one without.
	server.Do("ACL", "SETUSER", "tandem", "on", ">swordfish", "~tandem:*", "&tandem:*", "+@all", "-@dangerous", "+info")
	server.Do("ACL", "SETUSER", "other", "on", ">swordfish", "~other:*", "+@all")
	server.Do("ACL", "SETUSER", "default", "off")
	with := func(user string) string { return "redis://" + user + "@" + server.Addr() }
	want(with("tandem:swordfish"))
	want(with("other:swordfish"), "does not allow this user", "~tandem:*")
	want(with("tandem:swordfish2"), "user or the password")
	want(server.URL(), "user or the password")

	cluster := testenv.StartRedisCluster(t, false)
	want(cluster.Primaries[0].URL(), "node of a cluster", "redis-cluster://")
	cluster.Primaries[2].Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	cluster.Primaries[2].Do("CONFIG", "SET", "maxmemory", "100mb")
	want(cluster.URL(), "noeviction", cluster.Primaries[2].Addr())
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := testenv.Certificate(t, dir, "127.0.0.1")
	server := testenv.StartRedis(t)
	server.Do("CONFIG", "SET", "tls-cert-file", cert, "tls-key-file", key, "tls-ca-cert-file", cert, "tls-auth-clients", "no")
	port := testenv.FreePort(t)
	server.Do("CONFIG", "SET", "tls-port", port)
	addr := fmt.Sprint("127.0.0.1:", port)
	if problem, _ := tryOpen(t, "rediss://"+addr+"?ca="+filepath.Join(dir, "cert.pem")); problem != "" {
		t.Errorf("over TLS: %s", problem)
	}
	if problem, _ := tryOpen(t, "rediss://"+addr); !strings.Contains(problem, "certificate") {
		t.Errorf("a certificate that nobody vouches for: %q", problem)
	}
}

// A snapshot trims the log, but for what clients that come back may need.
func TestTrim(t *testing.T) {
	server := testenv.StartRedis(t)
	l := openWith(t, redislog.Options{URL: server.URL()})
	r := &room{id: "ABCD"}
	state := core.NewRoom(r.id)
	for range 30 {
		texts := make([]string, 100)
		b := r.batch(texts...)
		if err := l.Append(t.Context(), r.id, r.head, b); err != nil {
			t.Fatal(err)
		}
		r.appended(b)
		for _, e := range b.Events {
			if err := state.Apply(e); err != nil {
				t.Fatal(err)
			}
		}
		if state.Number == 1500 {
			if err := l.SaveSnapshot(t.Context(), state); err != nil {
				t.Fatal(err)
			}
			check(t, l, r, 500, 1500)
		}
	}
	// Between snapshots it only grows.
	check(t, l, r, 500, 3000)
	older := state.Clone()
	if err := l.SaveSnapshot(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	check(t, l, r, 2000, 3000)
	if err := l.SaveSnapshot(t.Context(), older); err != nil {
		t.Error(err)
	}
	stored, err := l.Load(t.Context(), r.id, 1000)
	if err != nil || stored.Room.Number != 3000 || len(stored.Events) != 1000 {
		t.Errorf("loaded %d events, %v", len(stored.Events), err)
	}
	// With an archive, what that has not is kept.
	server.Do("HSET", redislog.KeyOf(r.id), "archived", 2100)
	b := r.batch(make([]string, 500)...)
	if err := l.Append(t.Context(), r.id, r.head, b); err != nil {
		t.Fatal(err)
	}
	r.appended(b)
	for _, e := range b.Events {
		if err := state.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.SaveSnapshot(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	check(t, l, r, 2100, 3500)
}

// check checks that the log has the events after a number up to another.
func check(t *testing.T, l *store, r *room, after, upto int) {
	t.Helper()
	got, err := l.Read(t.Context(), r.id, 0, 10_000)
	if err != nil || len(got) != upto-after || got[0].ID != r.events[after].ID {
		t.Fatalf("the log has %d events, want those from %d to %d; %v", len(got), after+1, upto, err)
	}
}

// An empty room that no gateway comes to forget is forgotten by Redis.
func TestEmptyTTL(t *testing.T) {
	server := testenv.StartRedis(t)
	l, err := redislog.Open(t.Context(), redislog.Options{URL: server.URL(), Logger: slog.New(slog.DiscardHandler), EmptyTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	r := &room{id: "ABCD"}
	add := func(members int, ttl bool) {
		t.Helper()
		b := r.batch("x")
		b.Members = members
		if err := l.Append(t.Context(), r.id, r.head, b); err != nil {
			t.Fatal(err)
		}
		r.appended(b)
		for _, key := range []string{redislog.KeyOf(r.id), strings.Replace(redislog.KeyOf(r.id), ":room:", ":log:", 1)} {
			if left := server.Do("PTTL", key).(int64); (left > 0) != ttl {
				t.Errorf("with %d members %s lives %d ms", members, key, left)
			}
		}
	}
	add(1, false)
	add(0, true)
	add(0, true)
	add(2, false)
}
