package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tandem.watch/tandem/gateway/wt"
	"tandem.watch/tandem/protocol"
)

// addTLS wires HTTPS, wss and WebTransport. The first secret is the newest.
func (g *Gateway) addTLS(secrets ...[]byte) error {
	keys, err := deriveQUICKeys(secrets[0], g.config.NodeID)
	if err != nil {
		return err
	}
	if err := g.openCertificates(secrets); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", timeLimited(g.routes()))
	g.quic = newQUICServer(mux, g.certs.GetCertificate, keys, g.logger)
	g.quic.counts = g.counters
	// As with TCP, a browser opens a few connections beside its session's.
	g.quic.conns = newCounter(g.config.MaxSessions+1000, g.config.SessionsPerIP+100)
	g.quic.exempt = g.config.trusts
	g.wt = wt.NewHandler(g.sessionOptions(), g.quic.web)
	mux.Handle("CONNECT /v1/wt", g.limitSessions(g.wt))
	g.secure = g.httpServer(g.announceHTTP3(g.routes()))
	g.secure.TLSConfig = g.tcpTLS()
	g.tickets.Configure(g.secure.TLSConfig)
	g.tickets.Configure(g.quic.web.H3.TLSConfig)
	g.server.Handler = g.onPlainHTTP(g.server.Handler)
	return nil
}

// timeLimited bounds a request over HTTP/3, whose server has no time-outs.
func timeLimited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if err := errors.Join(c.SetReadDeadline(time.Now().Add(readTimeout)), c.SetWriteDeadline(time.Now().Add(writeTimeout))); err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// startTLS listens for TCP and UDP on the same port number, in both address
// families where the machine has them.
func (g *Gateway) startTLS(ctx context.Context) error {
	tcp, udp, err := listenBoth(ctx, g.config.HTTPSAddr)
	if err != nil {
		return fmt.Errorf("https-addr: %w (is another gateway running? choose another address with --https-addr, or --tls off)", err)
	}
	g.tls = tcp // before anybody can ask for its port
	if err := g.quic.start(udp...); err != nil {
		return errors.Join(fmt.Errorf("https-addr: %w", err), closeAll(tcp))
	}
	return nil
}

// listenBoth listens for TCP and UDP on one port number of every address that a
// host name stands for: a browser that goes to localhost may try ::1 alone.
func listenBoth(ctx context.Context, addr string) (tcp []net.Listener, udp []net.PacketConn, err error) {
	host, number, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, err
	}
	hosts, err := hostAddresses(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	var missing error
	for _, h := range hosts {
		t, u, err := listenPair(ctx, net.JoinHostPort(h, number))
		if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
			missing = err // the machine lacks this one, an address family perhaps
			continue
		}
		if err != nil {
			return nil, nil, errors.Join(err, closeAll(tcp), closeAll(udp))
		}
		tcp, udp = append(tcp, t), append(udp, u)
		number = strconv.Itoa(port(t.Addr())) // the same for all, if it was 0
	}
	if len(tcp) == 0 {
		return nil, nil, missing
	}
	return tcp, udp, nil
}

// hostAddresses lists what to listen on: what is no name stands for itself.
func hostAddresses(ctx context.Context, host string) ([]string, error) {
	if host == "" || net.ParseIP(host) != nil || strings.Contains(host, "%") {
		return []string{host}, nil
	}
	if strings.EqualFold(host, "localhost") {
		return []string{"127.0.0.1", "::1"}, nil // to browsers, whatever the machine's files say
	}
	all, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func listenPair(ctx context.Context, addr string) (net.Listener, net.PacketConn, error) {
	tcp, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, errors.Join(err, tcp.Close())
	}
	udp, err := new(net.ListenConfig).ListenPacket(ctx, "udp", net.JoinHostPort(host, strconv.Itoa(port(tcp.Addr()))))
	if err != nil {
		return nil, nil, errors.Join(err, tcp.Close())
	}
	return tcp, udp, nil
}

func closeAll[C io.Closer](list []C) error {
	var all error
	for _, c := range list {
		all = errors.Join(all, c.Close())
	}
	return all
}

func port(a net.Addr) int {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.Port
	case *net.UDPAddr:
		return a.Port
	default:
		return 0
	}
}

// announceHTTP3 tells browsers that come over TCP that the same is to be had
// over QUIC (RFC 7838).
func (g *Gateway) announceHTTP3(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Alt-Svc", fmt.Sprintf(`h3=":%d"; ma=3600`, g.publicPort()))
		next.ServeHTTP(w, r)
	})
}

// publicPort is the port that people reach HTTPS and QUIC at.
func (g *Gateway) publicPort() int {
	if u := g.config.PublicURL; u != nil && u.Scheme == "https" {
		if p, err := strconv.Atoi(u.Port()); err == nil {
			return p
		}
		return 443
	}
	return port(g.tls[0].Addr())
}

// endpoints are where this gateway can be reached, best first: by its public
// address, or by the name that a request called it. Without either there are
// none to name.
func (g *Gateway) endpoints(r *http.Request) []protocol.Endpoint {
	socket, host, name := "ws", "", ""
	switch {
	case g.config.PublicURL != nil:
		host, name = g.config.PublicURL.Host, g.config.PublicURL.Hostname()
		if g.config.PublicURL.Scheme == "https" {
			socket = "wss"
		}
	case r != nil:
		host, name = r.Host, r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			name = h
		}
		if g.config.overTLS(r) {
			socket = "wss"
		}
	default:
		return nil
	}
	var list []protocol.Endpoint
	if g.secure != nil {
		e := protocol.Endpoint{
			Transport: "webtransport",
			URL:       "https://" + net.JoinHostPort(trimBrackets(name), strconv.Itoa(g.publicPort())) + "/v1/wt",
		}
		for _, hash := range g.hashes() {
			e.CertificateHashes = append(e.CertificateHashes, base64.StdEncoding.EncodeToString(hash[:]))
		}
		list = append(list, e)
	}
	return append(list, protocol.Endpoint{Transport: "websocket", URL: socket + "://" + host + "/v1/ws"})
}

// webTransportOff says why there is no WebTransport; "" when there is.
func (g *Gateway) webTransportOff() string {
	if g.secure == nil {
		return "this gateway serves plain HTTP only (tls=off)"
	}
	return ""
}
