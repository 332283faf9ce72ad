// Package ws serves protocol version 1 over WebSocket. gorilla/websocket does
// the handshake and the reading; frames are written by one writer for each
// connection, which joins all that waits into one write.
package ws

import (
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
	encoding *v1.WebSocket
}

// NewHandler returns a handler for /v1/ws.
func NewHandler(o v1.Options) *Handler {
	o = o.WithDefaults()
	return &Handler{
		opts: o, encoding: &v1.WebSocket{JSON: o.Encoding},
		upgrader: websocket.Upgrader{
			HandshakeTimeout: 10 * time.Second,
			ReadBufferSize:   512,          // most messages of clients are smaller
			WriteBufferPool:  &sync.Pool{}, // none is kept: conn writes its frames itself
			Subprotocols:     []string{protocol.Subprotocol},
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
	if !wantsV1(r) {
		h.opts.Counters.Refuse(v1.RefusedUpgrade)
		h.opts.Refuse(w, http.StatusBadRequest, protocol.Errorf(protocol.CodeInvalid, "this endpoint speaks the WebSocket subprotocol %s", protocol.Subprotocol))
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
	logger := h.opts.Logger.With("transport", "websocket")
	c.serve(h.opts.Hub.Context(), v1.NewPeer(h.opts.Hub, h.opts.Clock, c, address, h.opts.Limits, logger))
}

func wantsV1(r *http.Request) bool {
	return slices.Contains(websocket.Subprotocols(r), protocol.Subprotocol)
}

// serve reads until the connection ends, and waits for the writer.
func (c *conn) serve(ctx context.Context, peer *v1.Peer) {
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
func (c *conn) linger() {
	_ = c.net.SetReadDeadline(time.Now().Add(c.h.opts.Linger))
	_, _ = io.Copy(io.Discard, c.net)
}
