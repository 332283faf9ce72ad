package testenv

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy stands between a client and a server, and loses replies on demand. Its
// methods are safe for use by several goroutines.
type Proxy struct {
	listener net.Listener
	to       string
	work     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	lose  func(request []byte) bool
}

// StartProxy starts one on a free port of 127.0.0.1. It ends with the test.
func StartProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, to: to, conns: map[net.Conn]bool{}}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.Cut()
		p.work.Wait()
	})
	return p
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Lose makes it cut a connection after a request that the function picks has
// gone through, and before anything more comes back; nil: none any more.
func (p *Proxy) Lose(pick func(request []byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = pick
}

// LoseOnce is Lose for the first request that contains something.
func (p *Proxy) LoseOnce(part string) {
	var once sync.Once
	p.Lose(func(request []byte) (found bool) {
		if bytes.Contains(request, []byte(part)) {
			once.Do(func() { found = true })
		}
		return found
	})
}

// Cut ends all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		p.work.Go(func() { p.requests(client, server) })
		p.work.Go(func() {
			_, _ = io.Copy(client, server)
			client.Close()
			server.Close()
		})
	}
}

func (p *Proxy) requests(client, server net.Conn) {
	defer func() {
		client.Close()
		server.Close()
		p.mu.Lock()
		delete(p.conns, client)
		delete(p.conns, server)
		p.mu.Unlock()
	}()
	buffer := make([]byte, 1<<20)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		lost := p.lose != nil && p.lose(buffer[:n])
		p.mu.Unlock()
		if lost {
			client.Close() // nothing comes back
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
		if lost {
			// The server reads to the end before it notices that we are gone.
			if half, ok := server.(*net.TCPConn); ok {
				_ = half.CloseWrite()
				_, _ = io.Copy(io.Discard, server)
			}
			return
		}
	}
}
