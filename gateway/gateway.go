package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/sqlite"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/gateway/ws"
	"tandem.watch/tandem/internal/limit"
	"tandem.watch/tandem/protocol"
)

// Log is what a gateway keeps rooms in.
type Log interface {
	core.Log
	core.Keeper
	// Close writes what is left and gives the files back.
	Close(ctx context.Context) error
}

// Gateway is one running gateway. New, then Start, then Shutdown; each once.
type Gateway struct {
	// static after New
	config *Config
	logger *slog.Logger
	log    Log
	clock  core.Clock
	hub    *core.Hub
	ws     *ws.Handler
	server *http.Server
	rooms  *limit.Keyed // creations by address
	looks  *limit.Keyed // other requests by address
	addrs  *counter     // sessions by address
	conns  *connLimit   // connections by address, before they are sessions
	// attempts bounds how often an address begins sessions.
	attempts *limit.Keyed

	ready    atomic.Bool
	listener net.Listener
	work     sync.WaitGroup
	stop     context.CancelFunc
	served   chan error
}

// New wires a gateway over the log that the configuration names, or fails whole.
func New(ctx context.Context, c *Config, logger *slog.Logger) (*Gateway, error) {
	log, err := sqlite.Open(ctx, filepath.Join(c.DataDir, "tandem.db"), logger)
	if err != nil {
		return nil, err
	}
	// After the log, whose lock says that nobody else makes one in this folder.
	secrets, err := loadSecret(c)
	if err != nil {
		return nil, errors.Join(err, log.Close(ctx))
	}
	g, err := newGateway(ctx, c, logger, log, secrets)
	if err != nil {
		return nil, errors.Join(err, log.Close(ctx))
	}
	return g, nil
}

func newGateway(ctx context.Context, c *Config, logger *slog.Logger, log Log, secrets [][]byte) (*Gateway, error) {
	latest, err := log.LatestTime(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	g := &Gateway{
		config: c, logger: logger, log: log, clock: core.NewLocalClock(latest), served: make(chan error, 1),
		rooms: limit.NewKeyed(max(1, c.RoomsPerIPPerHour/2), time.Hour/time.Duration(c.RoomsPerIPPerHour), 50_000),
		looks: limit.NewKeyed(100, 50*time.Millisecond, 50_000),
		addrs: newCounter(c.MaxSessions, c.SessionsPerIP),
		// A browser opens a few connections beside its session's.
		conns:    newConnLimit(newCounter(c.MaxSessions+1000, c.SessionsPerIP+100), c.trusts),
		attempts: limit.NewKeyed(max(1, c.ConnectsPerIP/2), time.Minute/time.Duration(c.ConnectsPerIP), 50_000),
	}
	g.hub, err = core.NewHub(core.Options{
		Log: log, Clock: g.clock, Secrets: secrets, Logger: logger, Grace: c.SeatGrace, MaxMembers: c.MaxMembers,
		JoinBurst: c.SessionsPerIP,
	})
	if err != nil {
		return nil, err
	}
	g.ws = ws.NewHandler(ws.Options{
		Hub: g.hub, Clock: g.clock, Encoding: &v1.JSON{Endpoints: g.endpoints(nil)}, Logger: logger,
		Limits: v1.Limits{
			MessagesPerSecond: c.MessagesPerSecond, Burst: int(3 * c.MessagesPerSecond),
			CommandsPerSecond: c.CommandsPerSecond, CommandBurst: int(6 * c.CommandsPerSecond),
		},
		CheckOrigin: c.checkOrigin, Address: c.clientAddress,
	})
	g.server = &http.Server{
		Handler:           g.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      time.Minute, // the clip over a slow line; sessions have their own
		IdleTimeout:       time.Minute,
		ConnState:         g.conns.watch,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	return g, nil
}

// Start listens and serves, and takes up the rooms of the run before. It
// returns when the gateway can be reached; rooms load when they are asked for.
func (g *Gateway) Start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", g.config.HTTPAddr)
	if err != nil {
		return fmt.Errorf("http-addr: %w (is another gateway running? choose another address with --http-addr)", err)
	}
	g.startOn(listener)
	return nil
}

func (g *Gateway) startOn(listener net.Listener) {
	g.listener = listener
	background, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.work.Go(func() { g.sweep(background) })
	g.work.Go(func() { g.served <- g.server.Serve(listener) })
	g.ready.Store(true)
	g.logger.Info("serving", "addr", listener.Addr().String(), "node", g.config.NodeID, "version", Version())
}

// Addr is where the gateway listens. Only after Start.
func (g *Gateway) Addr() net.Addr { return g.listener.Addr() }

// Failed receives when the gateway can no longer serve.
func (g *Gateway) Failed() <-chan error { return g.served }

// Shutdown stops a gateway that was started: nobody new is let in, what was
// asked is done and answered, every session gets a bye, all is written. When
// ctx ends first, who is still connected is cut off; nothing acknowledged is
// lost by that.
func (g *Gateway) Shutdown(ctx context.Context) error {
	_ = g.listener.Close()
	g.stop()
	errHub := g.hub.Shutdown(ctx)
	g.ws.Shutdown(ctx)
	errHTTP := g.server.Shutdown(ctx)
	if errors.Is(errHTTP, net.ErrClosed) {
		errHTTP = nil // the listener, which was closed above
	}
	if errHTTP != nil {
		errHTTP = errors.Join(errHTTP, g.server.Close())
	}
	g.work.Wait()
	return errors.Join(errHub, errHTTP, g.log.Close(ctx))
}

// sweep looks after the rooms that nobody asks for: it takes up those whose
// members wait for a gateway, and forgets those that have been empty too long.
func (g *Gateway) sweep(ctx context.Context) {
	const batch = 100
	tick := time.NewTicker(min(max(g.config.RoomTTL/24, time.Second), time.Minute))
	defer tick.Stop()
	for {
		if err := g.hub.Recover(ctx, g.log); err != nil && ctx.Err() == nil {
			g.logger.Warn("rooms of before not recovered", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for n := batch; n == batch && ctx.Err() == nil; {
			var err error
			n, err = g.log.Expire(ctx, g.clock.Now()-g.config.RoomTTL.Microseconds(), batch)
			if err != nil && ctx.Err() == nil {
				g.logger.Warn("expired rooms not forgotten", "error", err)
			}
		}
	}
}

// endpoints are where this gateway can be reached: by its public address, or
// by the one that a request came to. Without either there are none to name.
func (g *Gateway) endpoints(r *http.Request) []protocol.Endpoint {
	scheme, host := "ws", ""
	switch {
	case g.config.PublicURL != nil:
		host = g.config.PublicURL.Host
		if g.config.PublicURL.Scheme == "https" {
			scheme = "wss"
		}
	case r != nil:
		host = r.Host
	default:
		return nil
	}
	return []protocol.Endpoint{{Transport: "websocket", URL: scheme + "://" + host + "/v1/ws"}}
}
