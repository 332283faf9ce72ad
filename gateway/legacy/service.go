package legacy

import (
	"context"
	"log/slog"
	"sync"

	"tandem.watch/tandem/core"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/gateway/ws"
	wire "tandem.watch/tandem/protocol/legacy"
)

// Options configure a Service.
type Options struct {
	// Sessions are those of every transport; Encoding is not used.
	Sessions v1.Options
	// Node is this gateway's name.
	Node string
	// AllowRoom says whether an address may make another room: nil, or why not.
	// Required.
	AllowRoom func(address string) error
}

// Service serves the dialect. Its methods are safe for use by several goroutines.
type Service struct {
	*ws.Handler

	// static after construction
	opts      v1.Options
	encoding  *encoding
	allowRoom func(string) error

	// guarded by mu: the seats that are taken
	mu        sync.Mutex
	byAddress map[string]map[*seat]struct{}
	byRoom    map[string]map[*seat]struct{}
}

// New returns a service.
func New(o Options) *Service {
	o.Sessions = o.Sessions.WithDefaults()
	// There is no greeting to wait for: the extension opens its socket before it
	// knows of a room, and pings.
	o.Sessions.HelloTimeout = o.Sessions.Silence
	s := &Service{
		opts: o.Sessions, encoding: &encoding{node: o.Node}, allowRoom: o.AllowRoom,
		byAddress: map[string]map[*seat]struct{}{}, byRoom: map[string]map[*seat]struct{}{},
	}
	s.Handler = ws.NewDialect(o.Sessions, ws.Dialect{
		Encoding: silent{}, Begin: func(c *ws.Conn, address string) ws.Peer { return s.newPeer(c, address) },
	})
	return s
}

// silent is the encoding of what is said to a connection as such: nothing. Rooms
// talk to seats.
type silent struct{}

func (silent) Slot() int { return slot + 1 }

func (silent) Append(dst []byte, _ core.Message) ([]byte, error) { return dst, nil }

func (s *Service) enter(t *seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(s.byAddress, t.p.address, t)
	add(s.byRoom, t.room, t)
}

func (s *Service) leave(t *seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	remove(s.byAddress, t.p.address, t)
	remove(s.byRoom, t.room, t)
}

func add(sets map[string]map[*seat]struct{}, key string, t *seat) {
	if sets[key] == nil {
		sets[key] = map[*seat]struct{}{}
	}
	sets[key][t] = struct{}{}
}

func remove(sets map[string]map[*seat]struct{}, key string, t *seat) {
	delete(sets[key], t)
	if len(sets[key]) == 0 {
		delete(sets, key)
	}
}

// debugging says whether messages are to be logged.
func debugging(l *slog.Logger) bool { return l.Enabled(context.Background(), slog.LevelDebug) }

// failure is the dialect's message for an error.
func failure(message string) wire.Failure { return wire.Failure{Message: message} }
