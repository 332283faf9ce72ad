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
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"golang.org/x/time/rate"
)

// quicServer serves HTTP/3 and WebTransport on a UDP socket. It accepts the
// connections itself, so that the transport's settings are ours.
type quicServer struct {
	// static after construction
	web    *webtransport.Server
	config *quic.Config
	keys   quicKeys
	addrs  *counter
	limit  *rate.Limiter
	logger *slog.Logger

	// set by start
	transport *quic.Transport
	listener  *quic.EarlyListener
	accepting sync.WaitGroup
	serving   sync.WaitGroup
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

func newQUICServer(handler http.Handler, certificates func(*tls.ClientHelloInfo) (*tls.Certificate, error), keys quicKeys, addrs *counter, logger *slog.Logger) *quicServer {
	config := &quic.Config{
		HandshakeIdleTimeout: 5 * time.Second,
		MaxIdleTimeout:       30 * time.Second,
		// Browsers send no keep-alive: an idle page would lose its session.
		KeepAlivePeriod: 10 * time.Second,
		// A session sends little; these bound what one peer can make us hold.
		InitialStreamReceiveWindow: 64 << 10, MaxStreamReceiveWindow: 256 << 10,
		InitialConnectionReceiveWindow: 128 << 10, MaxConnectionReceiveWindow: 512 << 10,
		MaxIncomingStreams: 100, MaxIncomingUniStreams: 16,
		Allow0RTT:       false,                                        // a replayed hello would take a seat twice
		EnableDatagrams: true, EnableStreamResetPartialDelivery: true, // WebTransport needs both
	}
	h3 := &http3.Server{
		Handler: handler, QUICConfig: config, EnableDatagrams: true, MaxHeaderBytes: 16 << 10,
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{GetCertificate: certificates, MinVersion: tls.VersionTLS13}),
	}
	return &quicServer{
		config: config, keys: keys, addrs: addrs, logger: logger,
		limit: rate.NewLimiter(200, 400),
		web: &webtransport.Server{
			H3: h3,
			// Safari refuses servers that do not announce these.
			Config: &webtransport.Config{MaxIncomingStreams: 4, MaxIncomingUniStreams: 4, MaxIncomingData: 1 << 20},
		},
	}
}

// start serves on a socket, which belongs to the server from then on.
func (q *quicServer) start(socket net.PacketConn) error {
	q.transport = &quic.Transport{
		Conn: socket, ConnectionIDLength: 8,
		StatelessResetKey: &q.keys.reset, TokenGeneratorKey: &q.keys.token,
		// Under a flood of new connections each must first show that its address
		// is its own, which costs honest ones a round trip.
		VerifySourceAddress: func(net.Addr) bool { return !q.limit.Allow() },
	}
	webtransport.ConfigureHTTP3Server(q.web.H3)
	listener, err := q.transport.ListenEarly(q.web.H3.TLSConfig, q.config)
	if err != nil {
		return errors.Join(err, q.transport.Close(), socket.Close())
	}
	q.listener = listener
	q.accepting.Go(q.accept)
	return nil
}

func (q *quicServer) accept() {
	for {
		conn, err := q.listener.Accept(context.Background())
		if err != nil {
			return // closed
		}
		leave, _, ok := q.addrs.enter(limitKey(parseAddr(conn.RemoteAddr().String())))
		if !ok {
			q.logger.Debug("quic connection refused: too many from its address")
			_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "too many connections")
			continue
		}
		q.serving.Go(func() {
			defer leave()
			if err := q.web.ServeQUICConn(conn); err != nil && !errors.Is(err, http.ErrServerClosed) {
				q.logger.Debug("quic connection ended", "error", err)
			}
		})
	}
}

// stopAccepting lets nobody new in.
func (q *quicServer) stopAccepting() {
	_ = q.listener.Close()
	q.accepting.Wait()
}

// close ends what is left and gives the socket back.
func (q *quicServer) close() error {
	q.stopAccepting()
	err := q.web.Close()
	q.serving.Wait()
	return errors.Join(err, q.transport.Close(), q.transport.Conn.Close())
}
