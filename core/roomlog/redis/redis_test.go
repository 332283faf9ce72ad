package redis_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"tandem.watch/tandem/core/roomlog/logtest"
	redislog "tandem.watch/tandem/core/roomlog/redis"
	"tandem.watch/tandem/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// store is a log that can be closed and opened again.
type store struct {
	*redislog.Log
	url string
}

func (s *store) Reopen(t *testing.T) logtest.Store {
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	return open(t, s.url)
}

func open(t testing.TB, url string) *store {
	t.Helper()
	return openWith(t, redislog.Options{URL: url, Archived: true})
}

func openWith(t testing.TB, o redislog.Options) *store {
	t.Helper()
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l, err := redislog.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return &store{l, o.URL}
}

func TestSingle(t *testing.T) {
	server := testenv.StartRedis(t)
	logtest.Run(t, func(t *testing.T) logtest.Store {
		server.Do("FLUSHALL")
		return open(t, server.URL())
	})
}

func TestCluster(t *testing.T) {
	cluster := testenv.StartRedisCluster(t, false)
	logtest.Run(t, func(t *testing.T) logtest.Store {
		cluster.FlushAll()
		return open(t, cluster.URL())
	})
}

func TestFeedSingle(t *testing.T) {
	server := testenv.StartRedis(t)
	logtest.RunFeed(t, func(t *testing.T) (a, b logtest.Shared) {
		server.Do("FLUSHALL")
		return open(t, server.URL()), open(t, server.URL())
	})
}

func TestFeedCluster(t *testing.T) {
	cluster := testenv.StartRedisCluster(t, false)
	logtest.RunFeed(t, func(t *testing.T) (a, b logtest.Shared) {
		cluster.FlushAll()
		return open(t, cluster.URL()), open(t, cluster.URL())
	})
}
