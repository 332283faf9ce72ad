// Package memnet is a network in memory, for tests and benchmarks: a listener,
// and connections with bounded buffers, latency, deadlines, and networks that
// fail. It starts no goroutine and blocks on nothing but condition variables,
// so it works in a testing/synctest bubble.
package memnet

import (
	"context"
	"net"
	"sync"
	"time"
)

// Options say how connections behave. The zero value is a fast network.
type Options struct {
	// Buffer is how many bytes each direction holds before writing blocks:
	// 64 KiB.
	Buffer int
	// Latency is how long bytes travel, and Jitter how much longer at most. They
	// stay in order.
	Latency, Jitter time.Duration
	// Backlog is how many connections wait to be accepted: 128.
	Backlog int
}

// Listener is a net.Listener that Dial connects to.
type Listener struct {
	opts   Options
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	port int // of the last client
}

// Listen returns a listener of its own network.
func Listen(o Options) *Listener {
	if o.Buffer == 0 {
		o.Buffer = 64 << 10
	}
	if o.Backlog == 0 {
		o.Backlog = 128
	}
	return &Listener{opts: o, queue: make(chan net.Conn, o.Backlog), closed: make(chan struct{}), port: 40_000}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Who waits to be accepted is cut off.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	for {
		select {
		case c := <-l.queue:
			_ = c.Close()
		default:
			return nil
		}
	}
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4001} }

// Dial connects as a client of the address from, such as 198.51.100.7.
func (l *Listener) Dial(ctx context.Context, from string) (*Conn, error) {
	return l.DialOver(ctx, from, l.opts)
}

// DialOver connects as Dial does, over a network of its own.
func (l *Listener) DialOver(ctx context.Context, from string, o Options) (*Conn, error) {
	l.mu.Lock()
	l.port++
	client := &net.TCPAddr{IP: net.ParseIP(from), Port: l.port}
	l.mu.Unlock()
	near, far := Pipe(o, client, l.Addr())
	select {
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: net.ErrClosed}
	default:
	}
	select {
	case l.queue <- far:
		return near, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Dialer returns a dial function for http.Transport and the like, whatever the
// address that it is asked for.
func (l *Listener) Dialer(from string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx, from) }
}

// Pipe returns the two ends of a connection.
func Pipe(o Options, near, far net.Addr) (client, server *Conn) {
	if o.Buffer == 0 {
		o.Buffer = 64 << 10
	}
	up, down := newPipe(o), newPipe(o)
	return &Conn{in: down, out: up, local: near, remote: far}, &Conn{in: up, out: down, local: far, remote: near}
}

// Conn is one end of a connection. Closing it is seen at the other end once
// all that was written has been read.
type Conn struct {
	in, out       *pipe
	local, remote net.Addr
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) { return c.in.read(b) }

// Write implements net.Conn. It blocks while the other end's buffer is full.
func (c *Conn) Write(b []byte) (int, error) { return c.out.write(b) }

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.in.abandon()
	c.out.finish()
	return nil
}

// CloseWrite says that nothing more will be written.
func (c *Conn) CloseWrite() error {
	c.out.finish()
	return nil
}

// SetReadBuffer bounds what waits to be read here.
func (c *Conn) SetReadBuffer(bytes int) { c.in.setLimit(bytes) }

// Vanish makes the network lose everything from now on, in both directions, the
// ends of the connection included: neither end is told.
func (c *Conn) Vanish() {
	c.in.vanish()
	c.out.vanish()
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.reading.set(t)
	c.out.writing.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.reading.set(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.writing.set(t)
	return nil
}
