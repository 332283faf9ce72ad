package testclient

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"tandem.watch/tandem/protocol"
)

// WebTransportOptions say how to connect. The zero value is an ordinary client
// that believes any certificate.
type WebTransportOptions struct {
	// Socket and Server replace the network: a simulated one, say.
	Socket net.PacketConn
	Server net.Addr
	// Header is sent with the request.
	Header http.Header
	// Queue is how many messages may wait to be read: 1024.
	Queue int
	// Window is how many bytes of each stream may come before they are read;
	// 0 is the library's.
	Window uint64
	// PacketSize is how large its packets are from the start, in bytes; 0 is the
	// library's. With another, pacing does not end in virtual time.
	PacketSize uint16
}

// DialWebTransport connects to a gateway's /v1/wt, such as
// https://127.0.0.1:4433/v1/wt, and opens the stream for control.
func DialWebTransport(ctx context.Context, url string, o WebTransportOptions) (*Client, error) {
	dialer := &webtransport.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}}, //nolint:gosec // a test's
		QUICConfig: &quic.Config{
			EnableDatagrams: true, EnableStreamResetPartialDelivery: true, MaxIdleTimeout: 60 * time.Second,
			InitialStreamReceiveWindow: o.Window, MaxStreamReceiveWindow: o.Window,
			InitialPacketSize: o.PacketSize,
		},
	}
	l := &webTransport{dialer: dialer}
	if o.Socket != nil {
		l.transport = &quic.Transport{Conn: o.Socket}
		dialer.DialAddr = func(ctx context.Context, _ string, t *tls.Config, q *quic.Config) (*quic.Conn, error) {
			return l.transport.DialEarly(ctx, o.Server, t, q)
		}
	}
	_, session, err := dialer.Dial(ctx, url, o.Header)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("testclient: %w", err), l.release())
	}
	l.session = session
	if l.stream, err = session.OpenStreamSync(ctx); err != nil {
		l.close()
		return nil, fmt.Errorf("testclient: %w", err)
	}
	c := newClient(l, o.Queue)
	c.readers.Go(func() { c.read(messages(l.stream)) })
	c.readers.Go(func() { c.readBulk(session) })
	c.readers.Go(func() { c.readDatagrams(session) })
	go func() { // ends with the readers, which Close waits for
		c.readers.Wait()
		close(c.incoming)
	}()
	return c, nil
}

// messages reads length-prefixed messages off a stream.
func messages(r io.Reader) func() ([]byte, error) {
	return func() ([]byte, error) {
		var header [4]byte
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return nil, err
		}
		n := binary.BigEndian.Uint32(header[:])
		if n > protocol.MaxMessage {
			return nil, fmt.Errorf("testclient: a message of %d bytes", n)
		}
		data := make([]byte, n)
		_, err := io.ReadFull(r, data)
		return data, err
	}
}

func (c *Client) readBulk(session *webtransport.Session) {
	for {
		s, err := session.AcceptUniStream(session.Context())
		if err != nil {
			return
		}
		c.readers.Go(func() { c.read(messages(s)) })
	}
}

func (c *Client) readDatagrams(session *webtransport.Session) {
	for {
		b, err := session.ReceiveDatagram(session.Context())
		if err != nil {
			return
		}
		m, err := protocol.DecodeServerDatagram(b)
		if err != nil {
			c.ended(fmt.Errorf("testclient: the gateway sent the datagram %x: %w", b, err))
			return
		}
		switch m := m.(type) {
		case protocol.Clock:
			c.deliver(&m)
		case protocol.DatagramEvent:
			select {
			case c.link.(*webTransport).timelines() <- m:
			default: // nobody looks
			}
		}
	}
}

type webTransport struct {
	dialer    *webtransport.Transport
	transport *quic.Transport // nil on a real network
	session   *webtransport.Session
	stream    *webtransport.Stream

	mu   sync.Mutex // one writer at a time
	once sync.Once
	seen chan protocol.DatagramEvent
}

func (w *webTransport) timelines() chan protocol.DatagramEvent {
	w.once.Do(func() { w.seen = make(chan protocol.DatagramEvent, queue) })
	return w.seen
}

func (w *webTransport) send(data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	framed := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(data)), uint32(len(data))) //nolint:gosec // a message
	_, err := w.stream.Write(append(framed, data...))
	return err
}

func (w *webTransport) close() {
	_ = w.session.CloseWithError(0, "")
	_ = w.release()
}

func (w *webTransport) release() error {
	err := w.dialer.Close()
	if w.transport != nil {
		err = errors.Join(err, w.transport.Close())
	}
	return err
}

// code is the session's own: a stream that ended before it does not tell it.
func (w *webTransport) code(error) protocol.CloseCode {
	select {
	case <-w.session.Context().Done():
	default:
		return 0
	}
	_, err := w.session.OpenStream()
	if closed, ok := errors.AsType[*webtransport.SessionError](err); ok && closed.Remote {
		return protocol.CloseCode(closed.ErrorCode) //nolint:gosec // ours are below 5000
	}
	return 0
}

// Timelines delivers the timelines that came as datagrams. Only on WebTransport.
func (c *Client) Timelines() <-chan protocol.DatagramEvent { return c.link.(*webTransport).timelines() }

// SendDatagram sends a datagram. Only on WebTransport.
func (c *Client) SendDatagram(b []byte) error { return c.link.(*webTransport).session.SendDatagram(b) }

// Session returns the session beneath, for tests that misuse it. Only on
// WebTransport.
func (c *Client) Session() *webtransport.Session { return c.link.(*webTransport).session }

// Stream returns the control stream, for tests that misuse it. Only on
// WebTransport.
func (c *Client) Stream() *webtransport.Stream { return c.link.(*webTransport).stream }
