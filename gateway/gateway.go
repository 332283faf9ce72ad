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

	"tandem.watch/tandem/client"
	"tandem.watch/tandem/core"
	redislog "tandem.watch/tandem/core/roomlog/redis"
	"tandem.watch/tandem/core/roomlog/sqlite"
	"tandem.watch/tandem/gateway/legacy"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/gateway/ws"
	"tandem.watch/tandem/gateway/wt"
	"tandem.watch/tandem/internal/limit"
	"tandem.watch/tandem/protocol"
	"tandem.watch/tandem/tls/acme"
	"tandem.watch/tandem/tls/devcert"
	"tandem.watch/tandem/tls/storage/postgres"
	"tandem.watch/tandem/tls/tickets"
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
	// archive is nil with archive=off, as is feeder.
	archive Archive
	feeder  *core.Feeder
	clock   core.Clock
	sweeps  time.Duration // how often rooms that nobody asks for are looked after
	hub     *core.Hub
	ws      *ws.Handler
	wt      *wt.Handler
	legacy  *legacy.Service
	server  *http.Server // plain HTTP
	secure  *http.Server // HTTPS over TCP; nil with tls=off, as are wt, quic and certs
	quic    *quicServer
	certs   certificates
	acme    *acme.Manager    // certs with tls=acme, else nil
	dev     *devcert.Manager // certs with tls=dev, else nil
	// certDB keeps certificates for all gateways; nil without Postgres.
	certDB  *postgres.Storage
	tickets *tickets.Keys
	rooms   *limit.Keyed // creations by address
	looks   *limit.Keyed // other requests by address
	polls   *limit.Keyed // the old extension's, every 2 s of every one, by address
	addrs   *counter     // sessions by address
	conns   *connLimit   // connections by address, before they are sessions
	// attempts bounds how often an address begins sessions.
	attempts *limit.Keyed
	counters *v1.Counters
	page     watchPage

	ready    atomic.Bool
	listener net.Listener
	tls      []net.Listener // none with tls=off
	work     sync.WaitGroup
	stop     context.CancelFunc
	served   chan error
}

// New wires a gateway over the log that the configuration names, or fails whole.
func New(ctx context.Context, c *Config, logger *slog.Logger) (*Gateway, error) {
	if c.RedisURL != "" && len(c.Secrets) == 0 {
		return nil, errors.New("redis-url needs a secret, the same at all gateways: set --secret, TANDEM_SECRET or TANDEM_SECRET_FILE " +
			"to at least 16 characters, such as those that `openssl rand -base64 32` prints")
	}
	log, clock, err := openLog(ctx, c, logger)
	if err != nil {
		return nil, err
	}
	archive, err := openArchive(ctx, c, logger)
	if err != nil {
		return nil, errors.Join(err, log.Close(ctx))
	}
	g, err := wire(c, logger, log, archive, clock)
	if err != nil {
		return nil, errors.Join(err, closeStores(ctx, log, archive))
	}
	return g, nil
}

func wire(c *Config, logger *slog.Logger, log Log, archive Archive, clock core.Clock) (*Gateway, error) {
	// After the log, whose lock says that nobody else makes one in this folder.
	secrets, err := loadSecret(c)
	if err != nil {
		return nil, err
	}
	g, err := newGatewayOn(c, logger, log, archive, clock, secrets)
	if err == nil && c.TLS != tlsOff {
		err = g.addTLS(secrets...)
	}
	return g, err
}

// closeStores closes the archive, if there is one, and the log.
func closeStores(ctx context.Context, log Log, archive Archive) error {
	var err error
	if archive != nil {
		err = archive.Close(ctx)
	}
	return errors.Join(err, log.Close(ctx))
}

// openLog opens what rooms are kept in, and the clock that goes with it: the
// cluster's, or this process's own.
func openLog(ctx context.Context, c *Config, logger *slog.Logger) (Log, core.Clock, error) {
	if c.RedisURL == "" {
		log, err := sqlite.Open(ctx, filepath.Join(c.DataDir, "tandem.db"), logger)
		if err != nil {
			return nil, nil, err
		}
		clock, err := localClock(ctx, log)
		if err != nil {
			return nil, nil, errors.Join(err, log.Close(ctx))
		}
		return log, clock, nil
	}
	ctx, cancel := context.WithTimeout(ctx, redisPatience)
	defer cancel()
	log, err := redislog.Open(ctx, redislog.Options{URL: c.RedisURL, Logger: logger, EmptyTTL: c.RoomTTL + time.Hour, Archived: c.Archive != archiveOff})
	if err != nil {
		return nil, nil, fmt.Errorf("redis-url: %w", err)
	}
	clock, err := log.NewClock(ctx)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("redis-url: reading the cluster's clock: %w", err), log.Close(ctx))
	}
	return clocked{log, clock}, clock, nil
}

// redisPatience bounds the checks of Redis at the start.
const redisPatience = 10 * time.Second

// clocked is a log whose clock ends with it.
type clocked struct {
	*redislog.Log
	clock *redislog.Clock
}

func (c clocked) Close(ctx context.Context) error {
	c.clock.Close()
	return c.Log.Close(ctx)
}

func localClock(ctx context.Context, log core.Keeper) (*core.LocalClock, error) {
	latest, err := log.LatestTime(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return core.NewLocalClock(latest), nil
}

// newGateway wires a gateway over a log, with a clock of its own.
func newGateway(ctx context.Context, c *Config, logger *slog.Logger, log Log, secrets [][]byte) (*Gateway, error) {
	clock, err := localClock(ctx, log)
	if err != nil {
		return nil, err
	}
	return newGatewayOn(c, logger, log, nil, clock, secrets)
}

func newGatewayOn(c *Config, logger *slog.Logger, log Log, archive Archive, clock core.Clock, secrets [][]byte) (*Gateway, error) {
	g := &Gateway{
		config: c, logger: logger, log: log, clock: clock, served: make(chan error, 1),
		sweeps: min(max(c.RoomTTL/24, time.Second), time.Minute),
		rooms:  limit.NewKeyed(max(1, c.RoomsPerIPPerHour/2), time.Hour/time.Duration(c.RoomsPerIPPerHour), 50_000),
		looks:  limit.NewKeyed(100, 50*time.Millisecond, 50_000),
		polls:  limit.NewKeyed(400, 5*time.Millisecond, 50_000),
		addrs:  newCounter(c.MaxSessions, c.SessionsPerIP),
		// A browser opens a few connections beside its session's.
		conns:    newConnLimit(newCounter(c.MaxSessions+1000, c.SessionsPerIP+100), c.trusts),
		attempts: limit.NewKeyed(max(1, c.ConnectsPerIP/2), time.Minute/time.Duration(c.ConnectsPerIP), 50_000),
		counters: v1.NewCounters(logger),
		page:     newWatchPage(client.Page()),
	}
	if _, shared := log.(core.Feed); shared {
		g.sweeps = min(g.sweeps, sweepShared)
	}
	var err error
	var rooms core.Archive // nil, rather than a nil Archive
	if archive != nil {
		rooms = archive
	}
	g.hub, err = core.NewHub(core.Options{
		Log: log, Archive: rooms, Clock: g.clock, Secrets: secrets, Logger: logger, Grace: c.SeatGrace, MaxMembers: c.MaxMembers,
		JoinBurst: c.SessionsPerIP,
	})
	if err != nil {
		return nil, err
	}
	if err := g.attach(archive); err != nil {
		return nil, err
	}
	g.ws = ws.NewHandler(g.sessionOptions())
	g.legacy = g.newLegacy()
	g.server = g.httpServer(g.routes())
	return g, nil
}

// sessionOptions are the same for every transport.
func (g *Gateway) sessionOptions() v1.Options {
	return v1.Options{
		Hub: g.hub, Clock: g.clock, Logger: g.logger,
		Encoding: &v1.JSON{
			Endpoints:  func() []protocol.Endpoint { return g.endpoints(nil) },
			ICEServers: func(member string) []protocol.ICEServer { return g.config.iceServers(member, time.Now()) },
		},
		Limits: v1.Limits{
			MessagesPerSecond: g.config.MessagesPerSecond, Burst: int(3 * g.config.MessagesPerSecond),
			CommandsPerSecond: g.config.CommandsPerSecond, CommandBurst: int(6 * g.config.CommandsPerSecond),
		},
		Counters: g.counters, CheckOrigin: g.config.checkOrigin, Address: g.config.clientAddress, Refuse: writeError,
	}
}

// What a request and its answer may take; sessions have limits of their own.
const (
	readTimeout  = 15 * time.Second
	writeTimeout = time.Minute // the clip over a slow line
)

func (g *Gateway) httpServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       time.Minute,
		ConnState:         g.conns.watch,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(g.logger.Handler(), slog.LevelDebug),
	}
}

// Start listens and serves, and takes up the rooms of the run before. It
// returns when the gateway can be reached; rooms load when they are asked for.
func (g *Gateway) Start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", g.config.HTTPAddr)
	if err != nil {
		return fmt.Errorf("http-addr: %w (is another gateway running? choose another address with --http-addr)", err)
	}
	if g.secure != nil {
		if err := g.startTLS(ctx); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	g.startOn(listener)
	return nil
}

func (g *Gateway) startOn(listener net.Listener) {
	g.listener = listener
	background, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.work.Go(func() { g.sweep(background) })
	if g.feeder != nil {
		g.work.Go(func() { g.feeder.Run(background) })
	}
	if g.archive != nil && g.config.ArchiveTTL > 0 {
		g.work.Go(func() { g.forgetOld(background) })
	}
	if log, ok := g.log.(core.Pressure); ok {
		g.work.Go(func() { g.watchPressure(background, log) })
	}
	g.work.Go(func() { g.serveHTTP(g.server.Serve(listener)) })
	if g.secure != nil {
		g.work.Go(func() { g.certs.Run(background) })
		g.work.Go(func() { g.tickets.Run(background) })
		g.work.Go(func() {
			select {
			case err := <-g.quic.failed:
				g.serveHTTP(fmt.Errorf("https-addr: %w", err))
			case <-background.Done():
			}
		})
		for _, l := range g.tls {
			g.work.Go(func() { g.serveHTTP(g.secure.ServeTLS(l, "", "")) })
		}
	}
	g.ready.Store(true)
	if why := g.webTransportOff(); why != "" {
		g.logger.Info("no webtransport", "why", why)
	}
	g.logger.Info("serving", "addr", listener.Addr().String(), "node", g.config.NodeID, "version", Version())
}

// serveHTTP takes a server's end: an error unless the gateway is stopping.
func (g *Gateway) serveHTTP(err error) {
	select {
	case g.served <- err:
	default: // another one was first
	}
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
	if g.secure != nil {
		for _, l := range g.tls {
			_ = l.Close()
		}
		g.quic.stopAccepting()
	}
	g.stop()
	errHub := g.hub.Shutdown(ctx)
	g.ws.Shutdown(ctx)
	g.legacy.Shutdown(ctx)
	errHTTP := shutdownHTTP(ctx, g.server)
	if g.secure != nil {
		g.wt.Shutdown(ctx)
		errHTTP = errors.Join(errHTTP, shutdownHTTP(ctx, g.secure), g.quic.close())
	}
	g.work.Wait()
	if g.feeder != nil {
		// What is left is archived at the next start, or by another gateway.
		last, cancel := context.WithTimeout(ctx, lastRound)
		if err := g.feeder.Round(last); err != nil {
			g.logger.Info("history that is not archived yet stays in the log", "error", err)
		}
		cancel()
	}
	g.closeCertStorage()
	return errors.Join(errHub, errHTTP, closeStores(ctx, g.log, g.archive))
}

// lastRound bounds the last archiving before the end.
const lastRound = 3 * time.Second

// shutdownHTTP ends a server; requests that are not done when ctx ends are cut off.
func shutdownHTTP(ctx context.Context, s *http.Server) error {
	err := s.Shutdown(ctx)
	if err == nil || errors.Is(err, net.ErrClosed) {
		return nil // the listener, which was closed before
	}
	return errors.Join(err, s.Close())
}

// sweepShared is how often at least the rooms of gateways that are gone are
// looked for.
const sweepShared = 10 * time.Second

// sweep looks after the rooms that nobody asks for: it takes up those whose
// members wait for a gateway, and forgets those that have been empty too long.
func (g *Gateway) sweep(ctx context.Context) {
	tick := time.NewTicker(g.sweeps)
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
		g.expire(ctx)
	}
}
