package gateway

import (
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go/testutils/simnet"

	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/internal/memnet"
	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

// air is a network for UDP that delays, loses and reorders packets, and that
// can be slow: quic-go's, with what that leaves out.
type air struct {
	latency, jitter time.Duration // one way
	loss            float64
	rate            int           // bytes per second to each end; 0 is no limit
	queue           time.Duration // how long a packet waits for a slow line at most
	seed            uint64

	nodes simnet.PerfectRouter

	mu     sync.Mutex
	random *rand.Rand
	ends   []*end
	port   int
}

// end is one end's line.
type end struct {
	*simnet.SimConn
	air  *air
	link *simnet.SimulatedLink
	addr string

	// guarded by air.mu
	cut  bool // nothing passes any more, either way
	free time.Time
	sent int // packets
}

// socket returns a new socket of an address.
func (a *air) socket(ip string) *end {
	a.mu.Lock()
	if a.random == nil {
		a.random, a.port = rand.New(rand.NewPCG(a.seed, 1)), 40_000
	}
	a.port++
	addr := &net.UDPAddr{IP: net.ParseIP(ip), Port: a.port}
	e := &end{air: a, addr: addr.String(), link: new(simnet.SimulatedLink)}
	e.link.LatencyFunc = e.delay
	a.ends = append(a.ends, e)
	a.mu.Unlock()
	e.SimConn = simnet.NewBlockingSimConn(addr, e)
	e.link.Start()
	return e
}

// AddNode implements simnet.Router: what comes for the socket comes by its line.
func (e *end) AddNode(addr net.Addr, r simnet.PacketReceiver) {
	e.link.AddNode(addr, r)
	e.air.nodes.AddNode(addr, e.link)
}

// SendPacket implements simnet.Router.
func (e *end) SendPacket(p simnet.Packet) error {
	a := e.air
	a.mu.Lock()
	to := a.to(p)
	e.sent++
	lost := e.cut || to == nil || to.cut || a.random.Float64() < a.loss ||
		a.queue > 0 && time.Until(to.free) > a.queue
	a.mu.Unlock()
	if !lost {
		_ = a.nodes.SendPacket(p)
	}
	return nil
}

func (a *air) to(p simnet.Packet) *end {
	for _, e := range a.ends {
		if e.addr == p.To.String() {
			return e
		}
	}
	return nil
}

// delay is how long a packet travels.
func (e *end) delay(p simnet.Packet) time.Duration {
	a := e.air
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.latency
	if a.jitter > 0 {
		d += time.Duration(a.random.Int64N(int64(a.jitter)))
	}
	if a.rate > 0 {
		now := time.Now()
		if e.free.Before(now) {
			e.free = now
		}
		e.free = e.free.Add(time.Duration(len(p.Data)) * time.Second / time.Duration(a.rate))
		d += e.free.Sub(now)
	}
	return d
}

// vanish cuts the line, which neither end is told.
func (e *end) vanish() {
	e.air.mu.Lock()
	defer e.air.mu.Unlock()
	e.cut = true
}

func (a *air) close() {
	for _, e := range a.ends {
		_ = e.Close()
		_ = e.link.Close()
	}
}

// quicWorld is a world that can be reached over UDP too.
type quicWorld struct {
	*world
	air     *air
	server  *end
	sockets map[*peer]*end
}

// virtualQUIC is virtual, with WebTransport over a network.
func virtualQUIC(t *testing.T, a *air, test func(t *testing.T, w *quicWorld), flags ...string) {
	t.Helper()
	data := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &quicWorld{
			world: &world{t: t, flags: flags, rooms: memory.New(), names: map[string]string{}},
			air:   a, sockets: map[*peer]*end{},
		}
		w.startQUIC(data)
		defer w.endQUIC()
		test(t, w)
	})
}

func (w *quicWorld) startQUIC(data string) {
	w.t.Helper()
	config := load(w.t, append([]string{"--secret", testSecret, "--node-id", "test", "--data-dir", data}, w.flags...), nil)
	w.log = faultyLog{memory.NewFaulty()}
	w.log.Log = w.rooms
	g, err := newGateway(w.t.Context(), config, slog.New(slog.NewTextHandler(w.t.Output(), nil)), w.log, config.Secrets)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := g.addTLS(config.Secrets[0]); err != nil {
		w.t.Fatal(err)
	}
	w.server = w.air.socket("192.0.2.1")
	if err := g.quic.start(w.server); err != nil {
		w.t.Fatal(err)
	}
	g.tls = []net.Listener{memnet.Listen(memnet.Options{})}
	w.net = memnet.Listen(memnet.Options{})
	g.startOn(w.net)
	synctest.Wait()
	w.g = g
}

// endQUIC closes everything. Whatever still runs then makes the bubble fail.
func (w *quicWorld) endQUIC() {
	w.t.Helper()
	w.end()
	if n := w.g.wt.Sessions(); n != 0 {
		w.t.Errorf("%d sessions are still there", n)
	}
	w.g.quic.conns.mu.Lock()
	if n := w.g.quic.conns.total; n != 0 {
		w.t.Errorf("%d connections are still counted", n)
	}
	w.g.quic.conns.mu.Unlock()
	w.air.close()
}

// rest lets what is under way arrive, also what was lost and is sent again, and
// sessions end that their clients do not close.
func (w *quicWorld) rest() {
	w.t.Helper()
	time.Sleep(5 * time.Second)
	for _, c := range w.clients {
		c.settle()
	}
}

// dialQUIC connects over WebTransport, and says nothing.
func (w *quicWorld) dialQUIC(from string, o testclient.WebTransportOptions) *peer {
	w.t.Helper()
	c, err := w.tryDialQUIC(from, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *quicWorld) tryDialQUIC(from string, o testclient.WebTransportOptions) (*peer, error) {
	c := &peer{w: w.world, from: from}
	socket := w.air.socket(from)
	o.Socket, o.Server = socket, w.server.LocalAddr()
	var err error
	if c.Client, err = testclient.DialWebTransport(w.t.Context(), "https://tandem.test:4433/v1/wt", o); err != nil {
		return nil, err
	}
	w.clients, w.sockets[c] = append(w.clients, c), socket
	return c, nil
}

// hostQUIC makes a room and enters it as its host, over WebTransport.
func (w *quicWorld) hostQUIC(name string) *peer {
	w.t.Helper()
	made := w.create(`{"name":"` + name + `"}`)
	c := w.dialQUIC(home, testclient.WebTransportOptions{})
	c.hello(protocol.Hello{Room: made.ID, Name: name, Resume: &protocol.Resume{Seat: made.Seat}})
	return c
}

func (w *quicWorld) joinQUIC(room, name, from string, o testclient.WebTransportOptions) *peer {
	w.t.Helper()
	c := w.dialQUIC(from, o)
	c.hello(protocol.Hello{Room: room, Name: name})
	return c
}

// arrival is a message with the time at which it came.
type arrival struct {
	at       time.Time
	message  protocol.ServerMessage  // on a stream, or the clock
	timeline *protocol.DatagramEvent // in a datagram
}

// record notes all that comes from now on until the connection ends; the peer
// reads nothing itself any more. What the function returns has come by then.
func (c *peer) record() func() []arrival {
	c.settle()
	var mu sync.Mutex
	var all []arrival
	note := func(a arrival) {
		mu.Lock()
		defer mu.Unlock()
		a.at = time.Now()
		all = append(all, a)
	}
	quit := make(chan struct{})
	c.w.t.Cleanup(func() { close(quit) })
	go func() {
		for {
			select {
			case m, ok := <-c.Incoming():
				if !ok {
					return
				}
				note(arrival{message: m})
			case d := <-c.Timelines():
				note(arrival{timeline: &d})
			case <-quit:
				return
			}
		}
	}()
	return func() []arrival {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clip(all)
	}
}
