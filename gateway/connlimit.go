package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// connLimit bounds the TCP connections of an address until they are sessions,
// so that nobody holds sockets by asking slowly or by not reading answers.
type connLimit struct {
	counter *counter
	exempt  func(netip.Addr) bool // proxies, behind which many are

	mu   sync.Mutex
	open map[net.Conn]func()
}

func newConnLimit(c *counter, exempt func(netip.Addr) bool) *connLimit {
	return &connLimit{counter: c, exempt: exempt, open: map[net.Conn]func(){}}
}

// watch is a server's ConnState.
func (l *connLimit) watch(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		addr := parseAddr(c.RemoteAddr().String())
		if l.exempt(addr) {
			return
		}
		leave, _, ok := l.counter.enter(limitKey(addr))
		if !ok {
			_ = c.Close()
			return
		}
		l.mu.Lock()
		l.open[c] = leave
		l.mu.Unlock()
	case http.StateHijacked, http.StateClosed:
		l.mu.Lock()
		leave := l.open[c]
		delete(l.open, c)
		l.mu.Unlock()
		if leave != nil {
			leave()
		}
	case http.StateActive, http.StateIdle:
	}
}
