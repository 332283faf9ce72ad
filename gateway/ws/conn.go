package ws

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/pump"
	"tandem.watch/tandem/internal/wsframe"
	"tandem.watch/tandem/protocol"
)

// Conn is a core.Conn over a WebSocket, in the dialect of its handler.
type Conn struct {
	// static after construction
	h      *Handler
	socket *websocket.Conn
	net    net.Conn
	out    *pump.Pump
	// vectors says that the network writes several buffers in one call.
	vectors bool

	// owned by the reader: the peer's close frame has come
	answered bool

	// owned by the writer; here, so that it is allocated once
	many net.Buffers

	// guarded by mu
	mu       sync.Mutex
	code     protocol.CloseCode // 0 while open
	closedAt time.Time
	probes   []chan struct{} // closed by the next sign of life
}

func newConn(socket *websocket.Conn, h *Handler) *Conn {
	c := &Conn{h: h, socket: socket, net: socket.NetConn()}
	_, c.vectors = c.net.(*net.TCPConn)
	c.out = pump.New(h.opts.Outbox, c.write, c.ended)
	return c
}

// handleControl answers control frames. The connection has one writer: answers
// go through it too, and count as the peer's messages.
func (c *Conn) handleControl(peer Peer) {
	c.socket.SetPingHandler(func(data string) error {
		c.Push(core.ClassControl, "", wsframe.AppendPong(nil, data))
		return count(peer)
	})
	c.socket.SetPongHandler(func(data string) error {
		c.alive()
		if p, ok := peer.(Ponger); ok {
			p.Pong(data)
		}
		return count(peer)
	})
	c.socket.SetCloseHandler(func(int, string) error { return nil })
}

func count(peer Peer) error {
	if !peer.Control() {
		return net.ErrClosed
	}
	return nil
}

// Send implements core.Conn.
func (c *Conn) Send(frames []*core.Frame) {
	for _, f := range frames {
		b, err := f.Encode(c.h.dialect.Encoding)
		if err != nil {
			c.h.opts.Logger.Error("message not encoded", "error", err)
			c.Close(core.Bye{Code: protocol.CloseInternal, AfterMs: 1000})
			return
		}
		if len(b) > 0 {
			c.Push(f.Class, f.Key, b)
		}
	}
}

// Push queues the bytes of frames, header included, as core.Outbox does. Who
// has too much queued is closed, and comes back.
func (c *Conn) Push(class core.Class, key string, segments ...[]byte) {
	if c.out.Push(class, key, segments...) == core.PushedOverflow {
		c.Close(core.Bye{Code: protocol.CloseOverflow})
	}
}

// Ping sends a ping. Its pong reaches a peer that is a Ponger.
func (c *Conn) Ping(data string) { c.Push(core.ClassEphemeral, "", wsframe.AppendPing(nil, data)) }

// Probe implements core.Prober by a ping.
func (c *Conn) Probe(ctx context.Context) bool {
	answered := make(chan struct{})
	c.mu.Lock()
	if c.code != 0 || len(c.probes) >= maxProbes {
		open := c.code == 0
		c.mu.Unlock()
		return open
	}
	c.probes = append(c.probes, answered)
	c.mu.Unlock()
	c.Ping("probe")
	select {
	case <-answered:
		return true
	case <-ctx.Done():
		return false
	}
}

// maxProbes bounds those who wait at a time for a sign of life.
const maxProbes = 16

// alive is a sign of life.
func (c *Conn) alive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.probes {
		close(p)
	}
	c.probes = nil
}

// Close implements core.Conn. The first call counts.
func (c *Conn) Close(bye core.Bye) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	c.code, c.closedAt = bye.Code, time.Now()
	f := core.Frame{Class: core.ClassControl, Message: core.Parted{Bye: bye}}
	last, err := f.Encode(c.h.dialect.Encoding)
	if err != nil {
		c.h.opts.Logger.Error("message not encoded", "error", err)
	}
	c.out.Finish(wsframe.AppendClose(last, uint16(bye.Code), bye.Code.String()))
	// The reader ends within the time that the last words may take.
	_ = c.net.SetReadDeadline(time.Now().Add(c.h.opts.Linger))
}

// Abort implements v1.Connection.
func (c *Conn) Abort() { _ = c.net.Close() }

// Open says whether the connection has not been closed from here.
func (c *Conn) Open() bool { return c.closeCode() == 0 }

// closeCode is how the connection was closed; 0 while it is open.
func (c *Conn) closeCode() protocol.CloseCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// deadline is until when the next write may take: while the connection is open
// each gets its time, after the close all that is left shares one.
func (c *Conn) deadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return c.closedAt.Add(c.h.opts.WriteTimeout)
	}
	return time.Now().Add(c.h.opts.WriteTimeout)
}

// extend gives the peer time for its next message.
func (c *Conn) extend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == 0 {
		_ = c.net.SetReadDeadline(time.Now().Add(d))
	}
}

// chunk is how much, at least, a peer must take in WriteTimeout: a slow line
// does not lose its session for having much to catch up with.
const chunk = 32 << 10

// write sends all that waits, in as few writes as there are chunks.
func (c *Conn) write(frames [][]byte) error {
	for len(frames) > 0 {
		n, size := 0, 0
		for n < len(frames) && size < chunk {
			size += len(frames[n])
			n++
		}
		if err := c.writeSome(frames[:n]); err != nil {
			return err
		}
		frames = frames[n:]
	}
	return nil
}

func (c *Conn) writeSome(frames [][]byte) error {
	_ = c.net.SetWriteDeadline(c.deadline())
	if len(frames) == 1 {
		_, err := c.net.Write(frames[0]) // cheaper than joining one
		return err
	}
	if !c.vectors {
		return c.writeJoined(frames)
	}
	c.many = frames
	_, err := c.many.WriteTo(c.net)
	c.many = nil
	return err
}

// joined are buffers that frames are joined in, lent while they are written.
var joined = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// writeJoined makes one record of frames where each write would be one (TLS).
func (c *Conn) writeJoined(frames [][]byte) error {
	b := joined.Get().(*bytes.Buffer)
	b.Reset()
	for _, f := range frames {
		b.Write(f)
	}
	_, err := c.net.Write(b.Bytes())
	if b.Cap() <= 2*chunk {
		joined.Put(b)
	}
	return err
}

// ended is the writer's end: the last words are out, or the peer takes nothing
// any more.
func (c *Conn) ended(err error) {
	if err == nil {
		return
	}
	code := protocol.CloseNormal // it has gone without a word
	if errors.Is(err, os.ErrDeadlineExceeded) {
		code = protocol.CloseOverflow
	}
	c.Close(core.Bye{Code: code})
	_ = c.net.Close() // ends the reader
}
