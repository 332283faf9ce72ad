package gateway

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"golang.org/x/time/rate"

	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/gateway/wt"
)

// quicServer serves HTTP/3 and WebTransport on UDP sockets. It accepts the
// connections itself, so that the transport's settings are ours.
type quicServer struct {
	// static after construction
	web    *webtransport.Server
	config *quic.Config
	keys   quicKeys
	conns  *counter              // connections by address
	exempt func(netip.Addr) bool // proxies, behind which many are
	limit  *rate.Limiter
	counts *v1.Counters
	logger *slog.Logger

	failed chan error // receives when a socket can no longer be served

	// set by start
	transports []*quic.Transport
	listeners  []*quic.EarlyListener
	accepting  sync.WaitGroup
	serving    sync.WaitGroup
}

// quicKeys let a client of before be recognised after a restart. Address
// tokens are good at every gateway of a cluster; a stateless reset is for the
// node that made the connection only: a packet that strays to another gateway
// must not end a session that lives.
type quicKeys struct {
	token quic.TokenGeneratorKey
	reset quic.StatelessResetKey
}

func deriveQUICKeys(secret []byte, node string) (k quicKeys, err error) {
	token, err := hkdf.Key(sha256.New, secret, nil, "tandem quic token v1", len(k.token))
	if err != nil {
		return k, fmt.Errorf("deriving keys: %w", err)
	}
	reset, err := hkdf.Key(sha256.New, secret, nil, "tandem quic reset v1 "+node, len(k.reset))
	if err != nil {
		return k, fmt.Errorf("deriving keys: %w", err)
	}
	copy(k.token[:], token)
	copy(k.reset[:], reset)
	return k, nil
}

func newQUICServer(handler http.Handler, certificates func(*tls.ClientHelloInfo) (*tls.Certificate, error), keys quicKeys, logger *slog.Logger) *quicServer {
	config := &quic.Config{
		HandshakeIdleTimeout: 5 * time.Second,
		MaxIdleTimeout:       30 * time.Second,
		// Browsers send no keep-alive: an idle page would lose its session.
		KeepAlivePeriod: 10 * time.Second,
		// A session sends little; these bound what one peer can make us hold.
		InitialStreamReceiveWindow: 64 << 10, MaxStreamReceiveWindow: 256 << 10,
		InitialConnectionReceiveWindow: 128 << 10, MaxConnectionReceiveWindow: 512 << 10,
		MaxIncomingStreams: 32, MaxIncomingUniStreams: 16,
		Allow0RTT:       false,                                        // a replayed hello would take a seat twice
		EnableDatagrams: true, EnableStreamResetPartialDelivery: true, // WebTransport needs both
	}
	h3 := &http3.Server{
		Handler: handler, QUICConfig: config, ConnContext: wt.ConnContext, EnableDatagrams: true, MaxHeaderBytes: 16 << 10,
		// A connection without a session, which keep-alive would hold for ever.
		IdleTimeout: time.Minute,
		TLSConfig:   http3.ConfigureTLSConfig(&tls.Config{GetCertificate: certificates, MinVersion: tls.VersionTLS13}),
	}
	return &quicServer{
		config: config, keys: keys, logger: logger, failed: make(chan error, 1),
		limit: rate.NewLimiter(200, 400),
		web: &webtransport.Server{
			H3: h3,
			// Safari refuses servers that do not announce these.
			Config: &webtransport.Config{MaxIncomingStreams: 4, MaxIncomingUniStreams: 4, MaxIncomingData: 1 << 20},
		},
	}
}

// start serves on sockets, which belong to the server from then on.
func (q *quicServer) start(sockets ...net.PacketConn) error {
	webtransport.ConfigureHTTP3Server(q.web.H3)
	for i, socket := range sockets {
		t := &quic.Transport{
			Conn: socket, ConnectionIDLength: 8,
			StatelessResetKey: &q.keys.reset, TokenGeneratorKey: &q.keys.token,
			VerifySourceAddress: q.verifies,
		}
		listener, err := t.ListenEarly(q.web.H3.TLSConfig, q.config)
		if err != nil {
			return errors.Join(err, t.Close(), closeAll(sockets[i:]), q.close())
		}
		q.transports, q.listeners = append(q.transports, t), append(q.listeners, listener)
		q.accepting.Go(func() { q.accept(listener) })
	}
	return nil
}

// verifies says whether a new connection must first show that its address is
// its own, which costs honest ones a round trip: only in a flood of them.
func (q *quicServer) verifies(net.Addr) bool {
	if q.limit.Allow() {
		return false
	}
	q.counts.Refuse(v1.ValidatedAddress)
	return true
}

func (q *quicServer) accept(listener *quic.EarlyListener) {
	for {
		conn, err := listener.Accept(context.Background())
		if err != nil {
			if !errors.Is(err, quic.ErrServerClosed) {
				q.logger.Error("quic can no longer be served", "error", err)
				select {
				case q.failed <- err:
				default:
				}
			}
			return
		}
		q.serving.Go(func() {
			leave, ok := q.admit(conn)
			if !ok {
				return
			}
			defer leave()
			if err := q.web.ServeQUICConn(conn); err != nil && !errors.Is(err, http.ErrServerClosed) {
				q.logger.Debug("quic connection ended", "error", err)
			}
		})
	}
}

// admit counts a connection, when it has shown that its address is its own:
// packets in somebody else's name must not use up that one's share.
func (q *quicServer) admit(conn *quic.Conn) (leave func(), ok bool) {
	addr := parseAddr(conn.RemoteAddr().String())
	if q.exempt(addr) {
		return func() {}, true
	}
	select {
	case <-conn.HandshakeComplete():
	case <-conn.Context().Done():
		return nil, false
	}
	leave, _, ok = q.conns.enter(limitKey(addr))
	if !ok {
		q.counts.Refuse(v1.RefusedConnection)
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "too many connections")
	}
	return leave, ok
}

// stopAccepting lets nobody new in.
func (q *quicServer) stopAccepting() {
	_ = closeAll(q.listeners)
	q.accepting.Wait()
}

// close ends what is left and gives the sockets back.
func (q *quicServer) close() error {
	q.stopAccepting()
	err := q.web.Close()
	q.serving.Wait()
	for _, t := range q.transports {
		err = errors.Join(err, t.Close(), t.Conn.Close())
	}
	return err
}
