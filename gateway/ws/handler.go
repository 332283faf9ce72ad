// Package ws serves the dialects of the protocol over WebSocket.
// gorilla/websocket does the handshake and the reading; frames are written by
// one writer for each connection, which joins all that waits into one write.
package ws

import (
	"cmp"
	"context"
	"errors"
	"io"
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

// Handler upgrades requests to sessions.
type Handler struct {
	v1.Registry

	opts     v1.Options
	upgrader websocket.Upgrader
	dialect  Dialect
}

// Dialect is what is spoken over a handler's sockets.
type Dialect struct {
	// Subprotocol is what its clients ask for; "" when they ask for none.
	Subprotocol string
	// Encoding makes WebSocket frames, header included, of core's messages.
	Encoding core.Encoding
	// Begin returns who takes what a new connection says. address is what limits
	// count it as.
	Begin func(c *Conn, address string) Peer
}

// Peer takes what the other end of a connection says. Its methods are called by
// the goroutine that reads. Those that return false have closed the connection.
type Peer interface {
	// Receive takes a message that arrived at cluster time at, in microseconds.
	// data is valid during the call only.
	Receive(ctx context.Context, data []byte, at int64) bool
	// Control counts a control frame.
	Control() bool
	// Reject counts what is no message at all.
	Reject(e *protocol.Error) bool
	// Seated says that the peer may be silent for as long as a member.
	Seated() bool
	// End is called once, when the connection is gone, with how it ended.
	End(code protocol.CloseCode)
}

// Ponger is a Peer that wants the pongs to Conn.Ping.
type Ponger interface {
	Peer
	Pong(data string)
}

// NewHandler returns a handler for protocol version 1.
func NewHandler(o v1.Options) *Handler {
	logger := o.Logger.With("transport", "websocket")
	return NewDialect(o, Dialect{
		Subprotocol: protocol.Subprotocol, Encoding: &v1.WebSocket{JSON: o.Encoding},
		Begin: func(c *Conn, address string) Peer {
			return v1.NewPeer(o.Hub, o.Clock, c, address, o.Limits, logger)
		},
	})
}

// NewDialect returns a handler for a dialect.
func NewDialect(o v1.Options, d Dialect) *Handler {
	o = o.WithDefaults()
	var subprotocols []string
	if d.Subprotocol != "" {
		subprotocols = []string{d.Subprotocol}
	}
	return &Handler{
		opts: o, dialect: d,
		upgrader: websocket.Upgrader{
			HandshakeTimeout: 10 * time.Second,
			ReadBufferSize:   512,          // most messages of clients are smaller
			WriteBufferPool:  &sync.Pool{}, // none is kept: conn writes its frames itself
			Subprotocols:     subprotocols,
			CheckOrigin:      o.CheckOrigin,
			Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
				code, why := protocol.CodeInvalid, v1.RefusedUpgrade
				if status == http.StatusForbidden {
					code, why = protocol.CodeForbidden, v1.RefusedOrigin
				}
				o.Counters.Refuse(why)
				o.Refuse(w, status, protocol.Errorf(code, "%v", reason))
			},
		},
	}
}

// ServeHTTP upgrades the request and serves the session until it ends.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if want := h.dialect.Subprotocol; !Asks(r, want) {
		h.opts.Counters.Refuse(v1.RefusedUpgrade)
		h.opts.Refuse(w, http.StatusBadRequest, protocol.Errorf(protocol.CodeInvalid, "this endpoint speaks the WebSocket subprotocol %s", cmp.Or(want, "of those that ask for none")))
		return
	}
	address := h.opts.Address(r)
	socket, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := newConn(socket, h)
	if !h.Enter(c) {
		_ = socket.Close()
		return
	}
	defer h.Leave(c)
	c.serve(h.opts.Hub.Context(), h.dialect.Begin(c, address))
}

// Asks says whether a request asks for a subprotocol; "" is for none.
func Asks(r *http.Request, subprotocol string) bool {
	offered := websocket.Subprotocols(r)
	if subprotocol == "" {
		return len(offered) == 0
	}
	return slices.Contains(offered, subprotocol)
}

// serve reads until the connection ends, and waits for the writer.
func (c *Conn) serve(ctx context.Context, peer Peer) {
	c.handleControl(peer)
	c.read(ctx, peer)
	c.Close(core.Bye{Code: protocol.CloseNormal}) // does nothing if it was closed for a reason
	peer.End(c.closeCode())
	c.h.opts.Counters.Close(c.closeCode())
	c.out.Wait()
	if !c.answered { // else it has our last words, and waits for us (RFC 6455, section 7.1.1)
		c.linger()
	}
	_ = c.net.Close()
}

// read takes messages until the peer or we close.
func (c *Conn) read(ctx context.Context, peer Peer) {
	c.extend(c.h.opts.HelloTimeout)
	for {
		kind, r, err := c.socket.NextReader()
		if err != nil {
			c.readFailed(peer, err)
			return
		}
		c.alive()
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

func (c *Conn) readMessage(ctx context.Context, peer Peer, kind int, r io.Reader) bool {
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

func (c *Conn) readFailed(peer Peer, err error) {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		c.answered = closed.Code != websocket.CloseAbnormalClosure
	}
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
func (c *Conn) linger() {
	_ = c.net.SetReadDeadline(time.Now().Add(c.h.opts.Linger))
	_, _ = io.Copy(io.Discard, c.net)
}
