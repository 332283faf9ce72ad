package gateway

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// checkOrigin says whether a page may connect: one of the same host name on
// any port, or of an allowed origin. A request without Origin does not come
// from a page.
func (c *Config) checkOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if slices.Contains(c.AllowedOrigins, "*") || slices.ContainsFunc(c.AllowedOrigins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if strings.EqualFold(u.Hostname(), trimBrackets(host)) {
		return true
	}
	return c.PublicURL != nil && strings.EqualFold(u.Hostname(), c.PublicURL.Hostname())
}

// trimBrackets takes an IPv6 address out of the brackets that it has in URLs.
func trimBrackets(host string) string { return strings.Trim(host, "[]") }
