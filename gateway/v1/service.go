package v1

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
)

// Options configure the sessions of every transport. Zero values mean the
// defaults named.
type Options struct {
	// Hub, Clock, Encoding and Logger are required.
	Hub      *core.Hub
	Clock    core.Clock
	Encoding *JSON
	Logger   *slog.Logger
	// Limits bound each peer.
	Limits Limits
	// Counters count how sessions end; nil makes new ones.
	Counters *Counters
	// CheckOrigin says whether a page of this origin may connect. Required.
	CheckOrigin func(*http.Request) bool
	// Address returns what limits count a request as. Required.
	Address func(*http.Request) string
	// Refuse answers a request that does not become a session. Required.
	Refuse func(w http.ResponseWriter, status int, e *protocol.Error)

	// HelloTimeout is how long a session may last before it is welcomed: 10 s.
	HelloTimeout time.Duration
	// Silence is how long a session may say nothing: protocol.SilenceLimit.
	Silence time.Duration
	// WriteTimeout bounds each write: 10 s.
	WriteTimeout time.Duration
	// Linger is how long a closed connection waits for the peer's own close: 2 s.
	Linger time.Duration
	// Outbox bounds what waits for a slow peer, in bytes: 1 MiB.
	Outbox int
}

// WithDefaults returns o with its zero values replaced.
func (o Options) WithDefaults() Options {
	if o.Counters == nil {
		o.Counters = NewCounters(o.Logger)
	}
	setDefault(&o.HelloTimeout, 10*time.Second)
	setDefault(&o.Silence, protocol.SilenceLimit)
	setDefault(&o.WriteTimeout, 10*time.Second)
	setDefault(&o.Linger, 2*time.Second)
	setDefault(&o.Outbox, 1<<20)
	return o
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Connection is a connection that can be ended from outside.
type Connection interface {
	core.Conn
	// Abort cuts the connection off, without last words.
	Abort()
}

// Registry holds a transport's open connections, so that a stop reaches all of
// them. The zero value works; its methods are safe for use by several goroutines.
type Registry struct {
	mu      sync.Mutex
	closing bool
	open    map[Connection]struct{}
	serving sync.WaitGroup
}

// Enter adds a connection, unless the gateway is stopping. Its Leave follows.
func (r *Registry) Enter(c Connection) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false
	}
	if r.open == nil {
		r.open = map[Connection]struct{}{}
	}
	r.open[c] = struct{}{}
	r.serving.Add(1)
	return true
}

// Leave removes a connection when everything that served it has ended.
func (r *Registry) Leave(c Connection) {
	r.mu.Lock()
	delete(r.open, c)
	r.mu.Unlock()
	r.serving.Done()
}

// Sessions counts the open connections.
func (r *Registry) Sessions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

// Shutdown tells whoever is still connected to come back later, and waits for
// all to end; when ctx ends first it cuts them off.
func (r *Registry) Shutdown(ctx context.Context) {
	r.mu.Lock()
	r.closing = true
	open := make([]Connection, 0, len(r.open))
	for c := range r.open {
		open = append(open, c)
	}
	r.mu.Unlock()
	for _, c := range open {
		c.Close(core.Bye{Code: protocol.CloseRestart, AfterMs: 500})
	}
	done := make(chan struct{})
	go func() {
		r.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		for _, c := range open {
			c.Abort()
		}
		<-done
	}
}
