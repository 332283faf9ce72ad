// Package ws serves protocol version 1 over WebSocket. gorilla/websocket does
// the handshake and the reading; frames are written by one writer for each
// connection, which joins all that waits into one write.
package ws

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"tandem.watch/tandem/core"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/protocol"
)

// Options configure a Handler. Zero values mean the defaults named.
type Options struct {
	// Hub, Clock, Encoding and Logger are required.
	Hub      *core.Hub
	Clock    core.Clock
	Encoding *v1.JSON
	Logger   *slog.Logger
	// Limits bound each peer.
	Limits v1.Limits
	// CheckOrigin says whether a page of this origin may connect. Required.
	CheckOrigin func(*http.Request) bool
	// Address returns what limits count a request as. Required.
	Address func(*http.Request) string

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

// Handler upgrades requests to sessions. Shutdown ends it.
type Handler struct {
	opts     Options
	upgrader websocket.Upgrader
	encoding *v1.WebSocket
	ctx      context.Context
	cancel   context.CancelFunc

	mu       sync.Mutex
	closing  bool
	conns    map[*conn]struct{}
	sessions sync.WaitGroup
}

// NewHandler returns a handler for /v1/ws.
func NewHandler(o Options) *Handler {
	setDefault(&o.HelloTimeout, 10*time.Second)
	setDefault(&o.Silence, protocol.SilenceLimit)
	setDefault(&o.WriteTimeout, 10*time.Second)
	setDefault(&o.Linger, 2*time.Second)
	if o.Outbox == 0 {
		o.Outbox = 1 << 20
	}
	h := &Handler{
		opts: o, encoding: &v1.WebSocket{JSON: o.Encoding}, conns: map[*conn]struct{}{},
		upgrader: websocket.Upgrader{
			HandshakeTimeout: 10 * time.Second,
			ReadBufferSize:   512,          // most messages of clients are smaller
			WriteBufferPool:  &sync.Pool{}, // none is kept: conn writes its frames itself
			Subprotocols:     []string{protocol.Subprotocol},
			CheckOrigin:      o.CheckOrigin,
			Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
				http.Error(w, http.StatusText(status)+": "+reason.Error(), status)
			},
		},
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

func setDefault(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}

// Sessions counts the connections that are open.
func (h *Handler) Sessions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}

// ServeHTTP upgrades the request and serves the session until it ends.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !wantsV1(r) {
		http.Error(w, "this endpoint speaks the WebSocket subprotocol "+protocol.Subprotocol, http.StatusBadRequest)
		return
	}
	address := h.opts.Address(r)
	socket, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := h.begin(socket)
	if c == nil {
		_ = socket.Close()
		return
	}
	defer h.end(c)
	logger := h.opts.Logger.With("transport", "websocket")
	c.serve(h.ctx, v1.NewPeer(h.opts.Hub, h.opts.Clock, c, address, h.opts.Limits, logger))
}

func wantsV1(r *http.Request) bool {
	return slices.Contains(websocket.Subprotocols(r), protocol.Subprotocol)
}

func (h *Handler) begin(socket *websocket.Conn) *conn {
	c := newConn(socket, h)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return nil
	}
	h.conns[c] = struct{}{}
	h.sessions.Add(1)
	return c
}

func (h *Handler) end(c *conn) {
	h.mu.Lock()
	delete(h.conns, c)
	h.mu.Unlock()
	h.sessions.Done()
}

// Shutdown tells whoever is still connected to come back later, and waits for
// all sessions to end; when ctx ends first it cuts them off. The hub has been
// shut down before, so that what remains are connections without a room.
func (h *Handler) Shutdown(ctx context.Context) {
	h.mu.Lock()
	h.closing = true
	open := make([]*conn, 0, len(h.conns))
	for c := range h.conns {
		open = append(open, c)
	}
	h.mu.Unlock()
	for _, c := range open {
		c.Close(core.Bye{Code: protocol.CloseRestart, AfterMs: 500})
	}
	done := make(chan struct{})
	go func() {
		h.sessions.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		for _, c := range open {
			_ = c.net.Close()
		}
		<-done
	}
	h.cancel()
}

// serve reads until the connection ends, and waits for the writer.
func (c *conn) serve(ctx context.Context, peer *v1.Peer) {
	c.handleControl(peer)
	var writer sync.WaitGroup
	writer.Go(c.write)
	c.read(ctx, peer)
	c.Close(core.Bye{Code: protocol.CloseNormal}) // does nothing if it was closed for a reason
	peer.End(c.closeCode())
	writer.Wait()
	c.linger()
	_ = c.net.Close()
}

// read takes messages until the peer or we close.
func (c *conn) read(ctx context.Context, peer *v1.Peer) {
	c.extend(c.h.opts.HelloTimeout)
	for {
		kind, r, err := c.socket.NextReader()
		if err != nil {
			c.readFailed(peer, err)
			return
		}
		if !c.readMessage(ctx, peer, kind, r) || c.closeCode() != 0 {
			return
		}
		if peer.Seated() {
			c.extend(c.h.opts.Silence)
		}
	}
}

// buffers are for one message each, a byte larger than one may be. They are
// lent while a message arrives: an idle connection holds none.
var buffers = sync.Pool{New: func() any { return new([protocol.MaxMessage + 1]byte) }}

func (c *conn) readMessage(ctx context.Context, peer *v1.Peer, kind int, r io.Reader) bool {
	buffer := buffers.Get().(*[protocol.MaxMessage + 1]byte)
	defer buffers.Put(buffer)
	n, err := io.ReadFull(r, buffer[:])
	at := c.h.opts.Clock.Now()
	switch {
	case err == nil: // it filled the buffer
		c.Close(core.Bye{Code: protocol.CloseTooLarge})
		return false
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		c.readFailed(peer, err)
		return false
	case kind != websocket.TextMessage:
		return peer.Reject(protocol.Errorf(protocol.CodeMalformed, "messages are text frames"))
	default:
		return peer.Receive(ctx, buffer[:n], at)
	}
}

func (c *conn) readFailed(peer *v1.Peer, err error) {
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		return
	}
	if peer.Seated() {
		c.Close(core.Bye{Code: protocol.CloseSilent})
	} else {
		c.Close(core.Bye{Code: protocol.CloseHelloTimeout})
	}
}

// linger reads and forgets until the peer has closed too. Closing a socket
// with unread bytes resets it, and our last words could be lost.
func (c *conn) linger() {
	_ = c.net.SetReadDeadline(time.Now().Add(c.h.opts.Linger))
	_, _ = io.Copy(io.Discard, c.net)
}
