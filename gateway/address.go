package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// clientAddress returns what limits count a request as: the address of the
// client, an IPv6 one cut to its /64, which is what one customer has. A
// forwarded address is believed from trusted proxies only, from the last one
// backwards.
func (c *Config) clientAddress(r *http.Request) string {
	addr := parseAddr(r.RemoteAddr)
	if c.trusts(addr) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0 && c.trusts(addr); i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			addr = hop.Unmap()
		}
	}
	return limitKey(addr)
}

// overTLS says whether a request came over TLS, to us or to a trusted proxy.
func (c *Config) overTLS(r *http.Request) bool {
	return r.TLS != nil || c.trusts(parseAddr(r.RemoteAddr)) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func (c *Config) trusts(a netip.Addr) bool {
	for _, p := range c.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func parseAddr(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{} // not TCP/IP, as in tests over pipes: all count as one
	}
	return a.Unmap().WithZone("")
}

func limitKey(a netip.Addr) string {
	if a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			return p.String()
		}
	}
	return a.String()
}
