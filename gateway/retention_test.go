package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem.watch/tandem/internal/testenv"
)

// TestRetention: old history goes, except of rooms that live.
func TestRetention(t *testing.T) {
	r := startReal(t, "--data-dir", t.TempDir(), "--room-ttl", "5s")
	defer r.stop()
	gone, lives := r.create("Ann"), r.create("Ben")
	r.expired(gone.ID)
	r.talk(lives.ID, "Cem", "", 1) // back from the archive, if it had gone
	r.g.config.ArchiveTTL = time.Millisecond
	time.Sleep(10 * time.Millisecond)
	if err := r.g.deleteIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(r.events(gone.ID)); n != 0 {
		t.Errorf("%d events are left", n)
	}
	if n := len(r.events(lives.ID)); n == 0 {
		t.Error("the room that lives has no history")
	}
}

// TestFullLog: what grows the log is refused before the log is full.
func TestFullLog(t *testing.T) {
	redis := testenv.StartRedis(t)
	r := startReal(t, "--redis-url", redis.URL(), "--archive", "off", "--max-rooms-per-ip", "100000", "--data-dir", t.TempDir())
	defer r.stop()
	create := func() int {
		t.Helper()
		answer, err := http.Post(r.url+"/v1/rooms", "application/json", strings.NewReader(`{"name":"Ann"}`)) //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	if status := create(); status != http.StatusCreated {
		t.Fatalf("create: %d", status)
	}
	used, err := redis.Client().InfoMap(t.Context(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := strconv.ParseFloat(used["Memory"]["used_memory"], 64)
	if err != nil {
		t.Fatal(err)
	}
	redis.Do("CONFIG", "SET", "maxmemory", int(bytes/0.88))
	r.await("full", func() bool { return create() == http.StatusServiceUnavailable })
	redis.Do("CONFIG", "SET", "maxmemory", 0)
	r.await("free again", func() bool { return create() == http.StatusCreated })
}
