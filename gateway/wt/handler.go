// Package wt serves protocol version 1 over WebTransport (HTTP/3, RFC 9220 and
// draft-ietf-webtrans-http3).
package wt

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"
	"golang.org/x/time/rate"

	"tandem.watch/tandem/core"
	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/protocol"
)

// Handler upgrades CONNECT requests to sessions.
type Handler struct {
	v1.Registry

	opts      v1.Options
	server    *webtransport.Server
	streams   *v1.Stream
	datagrams v1.Datagram
}

// NewHandler returns a handler for /v1/wt on a server.
func NewHandler(o v1.Options, server *webtransport.Server) *Handler {
	server.CheckOrigin = o.CheckOrigin
	return &Handler{opts: o.WithDefaults(), server: server, streams: &v1.Stream{JSON: o.Encoding}}
}

// ServeHTTP upgrades the request and serves the session until it ends.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address := h.opts.Address(r)
	if !h.opts.CheckOrigin(r) {
		h.opts.Counters.Refuse(v1.RefusedOrigin)
		h.opts.Refuse(w, http.StatusForbidden, protocol.Errorf(protocol.CodeForbidden, "pages of this origin may not connect here"))
		return
	}
	session, err := h.server.Upgrade(w, r)
	if err != nil {
		h.opts.Counters.Refuse(v1.RefusedUpgrade)
		h.opts.Logger.Debug("webtransport session refused", "error", err)
		h.opts.Refuse(w, http.StatusBadRequest, protocol.Errorf(protocol.CodeInvalid, "this endpoint speaks WebTransport over HTTP/3"))
		return
	}
	begun := time.Now()
	stream := h.accept(session)
	if stream == nil {
		return
	}
	c := newConn(h, session, stream)
	c.quic, _ = r.Context().Value(connKey{}).(*quic.Conn)
	if !h.Enter(c) {
		_ = session.CloseWithError(webtransport.SessionErrorCode(protocol.CloseRestart), protocol.CloseRestart.String())
		return
	}
	defer h.Leave(c)
	c.extend(h.opts.HelloTimeout - time.Since(begun))
	c.serve(h.opts.Hub.Context(), v1.NewPeer(h.opts.Hub, h.opts.Clock, c, address, h.opts.Limits, h.opts.Logger.With("transport", "webtransport")))
}

type connKey struct{}

// ConnContext is for the HTTP/3 server: sessions find their connection by it,
// to end it when the peer takes nothing more.
func ConnContext(ctx context.Context, c *quic.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// accept waits for the stream that the client's messages come on.
func (h *Handler) accept(session *webtransport.Session) *webtransport.Stream {
	ctx, cancel := context.WithTimeout(session.Context(), h.opts.HelloTimeout)
	defer cancel()
	stream, err := session.AcceptStream(ctx)
	if err == nil {
		return stream
	}
	code := protocol.CloseNormal
	if errors.Is(err, context.DeadlineExceeded) {
		code = protocol.CloseHelloTimeout
		h.opts.Logger.Info("session ended", "transport", "webtransport", "code", int(code), "reason", code.String())
	}
	h.opts.Counters.Close(code)
	_ = session.CloseWithError(webtransport.SessionErrorCode(code), code.String())
	return nil
}

// serve reads until the session ends, and waits for its writers.
func (c *conn) serve(ctx context.Context, peer *v1.Peer) {
	var datagrams sync.WaitGroup
	c.read(ctx, peer, &datagrams)
	c.Close(core.Bye{Code: protocol.CloseNormal}) // does nothing if it was closed for a reason
	peer.End(c.closeCode())
	c.h.opts.Counters.Close(c.closeCode())
	c.control.Wait()
	c.linger()
	// A peer that has gone answers nothing: neither the session's end nor a
	// datagram would ever get through.
	cut := time.AfterFunc(c.h.opts.Linger, c.cut)
	defer cut.Stop()
	c.end()
	datagrams.Wait()
	c.bulk.Wait()
	c.datagram.Wait()
}

// read takes messages until the peer or we close.
func (c *conn) read(ctx context.Context, peer *v1.Peer, datagrams *sync.WaitGroup) {
	answering := false // probes, from the welcome on
	for {
		var header [v1.StreamHeader]byte
		if _, err := io.ReadFull(c.stream, header[:]); err != nil {
			c.readFailed(peer, err)
			return
		}
		if !c.readMessage(ctx, peer, binary.BigEndian.Uint32(header[:])) || c.closeCode() != 0 {
			return
		}
		if !peer.Seated() {
			continue
		}
		c.extend(c.h.opts.Silence)
		if !answering {
			answering = true
			datagrams.Go(c.readDatagrams)
		}
	}
}

// buffers are lent while a message arrives: an idle session holds none.
var buffers = sync.Pool{New: func() any { return new([protocol.MaxMessage]byte) }}

func (c *conn) readMessage(ctx context.Context, peer *v1.Peer, length uint32) bool {
	if length > protocol.MaxMessage {
		c.Close(core.Bye{Code: protocol.CloseTooLarge})
		return false
	}
	buffer := buffers.Get().(*[protocol.MaxMessage]byte)
	defer buffers.Put(buffer)
	if _, err := io.ReadFull(c.stream, buffer[:length]); err != nil {
		c.readFailed(peer, err)
		return false
	}
	return peer.Receive(ctx, buffer[:length], c.h.opts.Clock.Now())
}

func (c *conn) readFailed(peer *v1.Peer, err error) {
	if !isTimeout(err) {
		return
	}
	if peer.Seated() {
		c.Close(core.Bye{Code: protocol.CloseSilent})
	} else {
		c.Close(core.Bye{Code: protocol.CloseHelloTimeout})
	}
}

// readDatagrams answers probes. Whoever sends anything else, or too many, is
// not answered, and after a while closed.
func (c *conn) readDatagrams() {
	limit := rate.NewLimiter(50, 150)
	strikes := rate.NewLimiter(rate.Every(10*time.Second), 50)
	for {
		b, err := c.session.ReceiveDatagram(c.session.Context())
		if err != nil {
			return
		}
		at := c.h.opts.Clock.Now()
		probe, err := protocol.DecodeProbe(b)
		if err != nil || !limit.Allow() {
			code, why := protocol.CloseProtocol, v1.RefusedDatagram
			if err == nil {
				code, why = protocol.CloseRateLimited, v1.RefusedFast
			}
			c.h.opts.Counters.Refuse(why)
			if !strikes.Allow() {
				c.Close(core.Bye{Code: code, AfterMs: 5000})
				return
			}
			continue
		}
		c.extend(c.h.opts.Silence)
		c.Send([]*core.Frame{{
			Class: core.ClassState, Key: "clock", Message: core.ClockRead{T1: probe.T1, T2: at, T3: c.h.opts.Clock.Now()},
		}})
	}
}

// linger waits for the peer to close first: it does when it has read the bye.
func (c *conn) linger() {
	timer := time.NewTimer(c.h.opts.Linger)
	defer timer.Stop()
	select {
	case <-c.session.Context().Done():
	case <-timer.C:
	}
}
