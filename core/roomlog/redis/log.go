// Package redis keeps rooms in Redis, for any number of gateways at once.
//
// A room's log is a stream whose entries have the id <epoch>-<number>. One
// script compares the head, appends, writes secrets and publishes; upon another
// head it returns what the caller has missed. So the log is the compare-and-swap
// of all gateways, without a lock and in one round trip. See docs/cluster.md.
//
// Redis 7.0 or newer, single, behind Sentinel, or as Redis Cluster; it must not
// evict.
package redis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options configure a Log. Zero values mean the defaults named.
type Options struct {
	// URL names the Redis; see ParseURL. Required.
	URL string
	// Logger receives what an operator should know. Required.
	Logger *slog.Logger
	// EmptyTTL is how long Redis keeps an empty room when no gateway comes to
	// forget it (see Expire): for ever.
	EmptyTTL time.Duration
	// Archived says that an archive follows: nothing that it does not have is let
	// go of, and EmptyTTL does not count.
	Archived bool
	// HeadsEvery is how often the heads of all rooms followed are read: 2 s.
	HeadsEvery time.Duration
}

// keepEvents is how many events of a room stay in the log for clients that come
// back, though there is a snapshot after them.
const keepEvents = 1000

// Log is a core.Log, core.Keeper and core.Feed in Redis. All methods are safe
// for use by several goroutines. After Close they return core.ErrUnavailable.
type Log struct {
	// static after Open
	client   redis.UniversalClient
	cluster  *redis.ClusterClient // nil unless it is one
	logger   *slog.Logger
	emptyTTL string // in ms
	archived string // "archived" if an archive follows
	self     string
	feed     *feed

	closing sync.Once
	err     error // of closing
}

// Open connects to Redis and checks that it can be relied on. Its errors say
// what to do, and hold no password. The context is for opening only.
//
// The log must be closed: it owns connections and goroutines.
func Open(ctx context.Context, o Options) (*Log, error) {
	t, err := ParseURL(o.URL)
	if err != nil {
		return nil, err
	}
	return open(ctx, o, t)
}

func open(ctx context.Context, o Options, t *Target) (*Log, error) {
	quiet()
	l := &Log{logger: o.Logger, self: newName(), emptyTTL: milliseconds(o.EmptyTTL)}
	if o.Archived {
		l.emptyTTL, l.archived = "0", "archived"
	}
	l.client = t.client()
	l.cluster, _ = l.client.(*redis.ClusterClient)
	if err := l.check(ctx, t); err != nil {
		_ = l.client.Close()
		return nil, err
	}
	every := o.HeadsEvery
	if every == 0 {
		every = 2 * time.Second
	}
	l.feed = newFeed(l, every)
	return l, nil
}

// Close ends all that goes on. A second Close waits for the first.
func (l *Log) Close(context.Context) error {
	l.closing.Do(func() {
		l.feed.close()
		l.err = l.client.Close()
	})
	return l.err
}

// Self names this log's gateway among those that share Redis; each Open makes
// another name.
func (l *Log) Self() string { return l.self }

// nameLength is how long the names of gateways are.
const nameLength = 16

func newName() string {
	var b [nameLength / 2]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// quiet keeps the client from writing to standard error: what it says there, it
// also returns.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
