//go:build linux

package gateway_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// load is many members of rooms on one server, on one goroutine: it reads
// sockets by epoll and counts what arrives rather than decoding it, so that
// what is measured is the server. Its reading allocates nothing.
type load struct {
	b         *testing.B
	addr      netip.AddrPort
	epoll     int
	conns     map[int32]*loadConn
	rooms     []*loadRoom
	buffer    []byte
	events    []syscall.EpollEvent
	seated    int // welcomes
	latencies latencies
}

// loadRoom is a room and the messages that are on their way in it.
type loadRoom struct {
	conns []*loadConn
	// sent and done count messages; of those between, sentAt and missing say, at
	// their number modulo the length, when they were sent and who lacks them.
	sent, done, goal uint64
	window           uint64
	sentAt           [64]time.Time
	missing          [64]int
	// message returns the next message to send.
	message func(dst []byte) []byte
	out     []byte
}

// loadConn is one member.
type loadConn struct {
	fd   int
	room *loadRoom
	got  uint64 // messages of the kind that is measured
	rest []byte // the beginning of a frame
}

// latencies is a histogram in steps of 10 µs, up to 200 ms.
type latencies struct {
	count [20_000]int64
	all   int64
}

func (l *latencies) add(d time.Duration) {
	l.count[min(int(d/(10*time.Microsecond)), len(l.count)-1)]++
	l.all++
}

// quantile is in µs.
func (l *latencies) quantile(q float64) float64 {
	rank := int64(q * float64(l.all))
	for i, n := range l.count {
		if rank -= n; rank < 0 {
			return float64(i+1) * 10
		}
	}
	return 0
}

func newLoad(b *testing.B, addr string) *load {
	b.Helper()
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	l := &load{
		b: b, addr: netip.MustParseAddrPort(addr), epoll: fd, conns: map[int32]*loadConn{},
		buffer: make([]byte, 256<<10), events: make([]syscall.EpollEvent, 256),
	}
	b.Cleanup(l.close)
	return l
}

func (l *load) close() {
	for _, c := range l.conns {
		_ = syscall.Close(c.fd)
	}
	clear(l.conns)
	_ = syscall.Close(l.epoll)
}

// connect opens a WebSocket in a room, and sends hello if there is one.
func (l *load) connect(r *loadRoom, path, subprotocol string, hello []byte) {
	l.b.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		l.b.Fatal(err)
	}
	c := &loadConn{fd: fd, room: r}
	l.conns[int32(fd)] = c
	r.conns = append(r.conns, c)
	// Each comes from an address of its own: what limits one address is not met.
	from := uint32(len(l.conns))
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 1, byte(from >> 8), byte(from)}}); err != nil {
		l.b.Fatal("bind: ", err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(l.addr.Port()), Addr: l.addr.Addr().As4()}); err != nil {
		l.b.Fatal("connect: ", err)
	}
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	request := "GET " + path + " HTTP/1.1\r\nHost: " + l.addr.String() + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	if subprotocol != "" {
		request += "Sec-WebSocket-Protocol: " + subprotocol + "\r\n"
	}
	l.write(c, []byte(request+"\r\n"))
	n := 0
	for !bytes.Contains(l.buffer[:n], []byte("\r\n\r\n")) {
		m, err := syscall.Read(fd, l.buffer[n:])
		if err != nil || m == 0 {
			l.b.Fatalf("handshake: %v: %q", err, l.buffer[:n])
		}
		n += m
	}
	if !bytes.HasPrefix(l.buffer[:n], []byte("HTTP/1.1 101")) {
		l.b.Fatalf("handshake: %q", l.buffer[:n])
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		l.b.Fatal(err)
	}
	if err := syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}); err != nil {
		l.b.Fatal(err)
	}
	if hello != nil {
		l.write(c, appendMasked(nil, hello))
	}
	if len(l.conns)%64 == 0 {
		l.poll(0)
	}
}

// appendMasked appends a text frame as clients send it; a mask of zeros is one.
func appendMasked(dst, payload []byte) []byte {
	dst = append(dst, 0x81)
	if len(payload) < 126 {
		dst = append(dst, 0x80|byte(len(payload)))
	} else {
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(len(payload)))
	}
	return append(append(dst, 0, 0, 0, 0), payload...)
}

func (l *load) write(c *loadConn, data []byte) {
	for len(data) > 0 {
		n, err := syscall.Write(c.fd, data)
		if err != nil {
			l.b.Fatal("write: ", err)
		}
		data = data[n:]
	}
}

// settle reads until everybody is seated, if seats are given here, and nothing
// has come for a while.
func (l *load) settle(seats bool) {
	l.b.Helper()
	end := time.Now().Add(30 * time.Second)
	for seats && l.seated < len(l.conns) {
		if l.poll(100) == 0 && time.Now().After(end) {
			l.b.Fatalf("%d of %d are seated", l.seated, len(l.conns))
		}
	}
	for l.poll(100) > 0 {
	}
}

// run sends messages in every room, at most window of them on their way at a
// time in each, and returns how many arrived when all have.
func (l *load) run(messages, window int, message func(r *loadRoom) func([]byte) []byte) (deliveries int) {
	open := 0
	for _, r := range l.rooms {
		r.sent, r.done, r.goal, r.window, r.message = 0, 0, uint64(messages), uint64(window), message(r)
		for _, c := range r.conns {
			c.got = 0
		}
		deliveries += messages * len(r.conns)
		open++
		l.send(r)
	}
	for open > 0 {
		if l.poll(10_000) == 0 {
			l.b.Fatalf("after 10 s: %d rooms still wait", open)
		}
		open = 0
		for _, r := range l.rooms {
			if r.done < r.goal {
				open++
			}
		}
	}
	return deliveries
}

// send sends what the room's window lets out.
func (l *load) send(r *loadRoom) {
	for r.sent < r.goal && r.sent-r.done < r.window {
		r.out = r.message(r.out[:0])
		slot := r.sent % uint64(len(r.missing))
		r.sentAt[slot], r.missing[slot] = time.Now(), len(r.conns)
		r.sent++
		l.write(r.conns[0], r.out)
	}
}

// poll reads what has come, waiting for it if need be, and returns from how
// many members.
func (l *load) poll(ms int) int {
	n, err := syscall.EpollWait(l.epoll, l.events, ms)
	if err == syscall.EINTR { //nolint:errorlint // an errno
		return l.poll(ms)
	}
	if err != nil {
		l.b.Fatal("epoll: ", err)
	}
	for _, e := range l.events[:n] {
		l.read(l.conns[e.Fd])
	}
	return n
}

func (l *load) read(c *loadConn) {
	kept := copy(l.buffer, c.rest)
	n, err := syscall.Read(c.fd, l.buffer[kept:])
	if err == syscall.EAGAIN { //nolint:errorlint // an errno
		return
	}
	if err != nil || n == 0 {
		l.b.Fatalf("read: %v, %d bytes", err, n)
	}
	now := time.Now()
	data := l.buffer[:kept+n]
	for {
		payload, rest, ok := cutFrame(data)
		if !ok {
			break
		}
		l.frame(c, payload, now)
		data = rest
	}
	c.rest = append(c.rest[:0], data...)
}

// cutFrame takes the first frame off what a server has sent.
func cutFrame(data []byte) (payload, rest []byte, ok bool) {
	if len(data) < 2 {
		return nil, data, false
	}
	begin, size := 2, int(data[1])
	switch {
	case size == 126 && len(data) >= 4:
		begin, size = 4, int(binary.BigEndian.Uint16(data[2:]))
	case size == 127 && len(data) >= 10:
		begin, size = 10, int(binary.BigEndian.Uint64(data[2:])) //nolint:gosec // a message is small
	case size >= 126:
		return nil, data, false
	}
	if len(data)-begin < size {
		return nil, data, false
	}
	return data[begin : begin+size], data[begin+size:], true
}

// The beginnings of the messages that matter.
var (
	startReaction = []byte(`{"type":"reaction"`)
	startEvents   = []byte(`{"type":"events"`)
	startPlain    = []byte(`plain `)
	startWelcome  = []byte(`{"type":"welcome"`)
	startError    = []byte(`{"type":"error"`)
	startBye      = []byte(`{"type":"bye"`)
	fieldFirst    = []byte(`"first":`)
	fieldLast     = []byte(`"last":`)
)

func (l *load) frame(c *loadConn, payload []byte, now time.Time) {
	switch {
	case bytes.HasPrefix(payload, startReaction), bytes.HasPrefix(payload, startPlain):
		l.arrived(c, 1, now)
	case bytes.HasPrefix(payload, startEvents):
		l.arrived(c, numberAfter(payload, fieldLast)-numberAfter(payload, fieldFirst)+1, now)
	case bytes.HasPrefix(payload, startWelcome):
		l.seated++
	case bytes.HasPrefix(payload, startError), bytes.HasPrefix(payload, startBye):
		l.b.Fatalf("the server said %s", payload)
	}
}

// arrived counts messages that a member has got.
func (l *load) arrived(c *loadConn, n uint64, now time.Time) {
	r := c.room
	for ; n > 0; n-- {
		if c.got >= r.sent { // somebody's joining, before the measurement
			return
		}
		slot := c.got % uint64(len(r.missing))
		c.got++
		l.latencies.add(now.Sub(r.sentAt[slot]))
		if r.missing[slot]--; r.missing[slot] == 0 {
			r.done++
		}
	}
	l.send(r)
}

func numberAfter(payload, field []byte) (n uint64) {
	i := bytes.Index(payload, field)
	for _, d := range payload[i+len(field):] {
		if d < '0' || d > '9' {
			break
		}
		n = n*10 + uint64(d-'0')
	}
	return n
}

// The messages that a room's first member sends.

func reactions(*loadRoom) func([]byte) []byte {
	frame := appendMasked(nil, fmt.Appendf(nil, `{"type":"react","reaction":"%s"}`, bytes.Repeat([]byte("\U0001F389"), 16)))
	return func(dst []byte) []byte { return append(dst, frame...) }
}

func plainMessages(*loadRoom) func([]byte) []byte {
	frame := appendMasked(nil, append([]byte("plain "), make([]byte, 194)...))
	return func(dst []byte) []byte { return append(dst, frame...) }
}

// chats numbers the commands on from those that the rooms have seen.
func chats(commands map[*loadRoom]int) func(*loadRoom) func([]byte) []byte {
	return func(r *loadRoom) func([]byte) []byte {
		var payload []byte
		return func(dst []byte) []byte {
			commands[r]++
			payload = fmt.Appendf(payload[:0], `{"type":"chat","id":%d,"text":"words words words words"}`, commands[r])
			return appendMasked(dst, payload)
		}
	}
}
