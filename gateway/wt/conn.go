package wt

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/pump"
	"tandem.watch/tandem/protocol"
)

// conn is a core.Conn over a WebTransport session. Control goes on the stream
// that the client opened, bulk on a unidirectional one of ours so that nothing
// waits for it, the clock and a copy of each timeline as datagrams. Each way has
// its outbox and a goroutine only while there is something in it.
type conn struct {
	// static after construction
	h        *Handler
	session  *webtransport.Session
	stream   *webtransport.Stream
	control  *pump.Pump
	bulk     *pump.Pump
	datagram *pump.Pump

	quic *quic.Conn

	// owned by the bulk writer
	bulkStream *webtransport.SendStream

	// guarded by mu
	mu       sync.Mutex
	code     protocol.CloseCode // 0 while open
	closedAt time.Time
}

func newConn(h *Handler, session *webtransport.Session, stream *webtransport.Stream) *conn {
	c := &conn{h: h, session: session, stream: stream}
	c.control = pump.New(h.opts.Outbox, c.writeControl, c.controlEnded)
	c.bulk = pump.New(h.opts.Outbox, c.writeBulk, c.bulkEnded)
	c.datagram = pump.New(maxDatagrams*protocol.MaxDatagram, c.writeDatagrams, c.datagramsEnded)
	return c
}

// maxDatagrams is how many datagrams may wait; there are two keys.
const maxDatagrams = 8

// Send implements core.Conn.
func (c *conn) Send(frames []*core.Frame) {
	for _, f := range frames {
		// The clock has no other way; a timeline's datagram is a copy that may
		// arrive before, after or instead of the event on the stream.
		if b, err := f.Encode(c.h.datagrams); err == nil && len(b) > 0 {
			c.datagram.Push(core.ClassState, datagramKey(f), b)
			if f.Class == core.ClassState {
				continue
			}
		}
		b, err := f.Encode(c.h.streams)
		if err != nil {
			c.h.opts.Logger.Error("message not encoded", "error", err)
			c.Close(core.Bye{Code: protocol.CloseInternal, AfterMs: 1000})
			return
		}
		if len(b) == 0 {
			continue
		}
		to := c.control
		if f.Class == core.ClassBulk {
			to = c.bulk
		}
		if to.Push(f.Class, f.Key, b) == core.PushedOverflow {
			c.Close(core.Bye{Code: protocol.CloseOverflow})
		}
	}
}

func datagramKey(f *core.Frame) string {
	if f.Key != "" {
		return f.Key
	}
	return "timeline"
}

// Close implements core.Conn. The first call counts.
func (c *conn) Close(bye core.Bye) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	c.code, c.closedAt = bye.Code, time.Now()
	f := core.Frame{Message: core.Parted{Bye: bye}}
	last, err := f.Encode(c.h.streams)
	if err != nil {
		c.h.opts.Logger.Error("message not encoded", "error", err)
	}
	c.bulk.Finish(nil)
	c.datagram.Finish(nil)
	c.control.Finish(last)
	_ = c.stream.SetReadDeadline(time.Now().Add(c.h.opts.Linger)) // the reader ends
}

// Abort implements v1.Connection.
func (c *conn) Abort() { c.cut() }

// cut ends the QUIC connection beneath.
func (c *conn) cut() {
	if c.quic != nil {
		_ = c.quic.CloseWithError(0, "")
	}
}

func (c *conn) closeCode() protocol.CloseCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// end closes the session itself. The code does not reach today's browsers; the
// bye has told it.
func (c *conn) end() {
	code := c.closeCode()
	_ = c.session.CloseWithError(webtransport.SessionErrorCode(code), code.String())
}

func (c *conn) writeControl(frames [][]byte) error {
	return writeStream(c.stream, frames, c.deadline)
}

func (c *conn) controlEnded(err error) {
	if err != nil {
		c.failed(err)
		return
	}
	_ = c.stream.Close()
}

func (c *conn) writeBulk(frames [][]byte) error {
	if c.bulkStream == nil {
		ctx, cancel := context.WithTimeout(c.session.Context(), c.h.opts.WriteTimeout)
		defer cancel()
		s, err := c.session.OpenUniStreamSync(ctx)
		if err != nil {
			return err
		}
		c.bulkStream = s
	}
	return writeStream(c.bulkStream, frames, c.deadline)
}

func (c *conn) bulkEnded(err error) {
	if c.bulkStream != nil {
		if err != nil {
			c.bulkStream.CancelWrite(0)
		} else {
			_ = c.bulkStream.Close()
		}
	}
	if err != nil {
		c.Close(core.Bye{Code: protocol.CloseOverflow}) // what it missed, a resume brings
	}
}

// datagramsEnded: without the clock a session is of no use.
func (c *conn) datagramsEnded(err error) {
	if err != nil {
		c.failed(err)
	}
}

// failed closes a session whose peer takes nothing any more.
func (c *conn) failed(err error) {
	code := protocol.CloseNormal // it has gone without a word
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		code = protocol.CloseOverflow
	}
	c.Close(core.Bye{Code: code})
	c.stream.CancelRead(0) // ends the reader
}

type deadlineWriter interface {
	SetWriteDeadline(time.Time) error
	Write([]byte) (int, error)
}

// piece is how many bytes a peer must take within the time of a write: a slow
// line is given as long as it goes on taking.
const piece = 32 << 10

// writeStream writes frames in as few pieces as may be: each write to a stream
// takes a lock and may make a packet.
func writeStream(s deadlineWriter, frames [][]byte, deadline func() time.Time) error {
	var joined []byte
	for len(frames) > 0 {
		n, size := 1, len(frames[0])
		for n < len(frames) && size+len(frames[n]) <= piece {
			size += len(frames[n])
			n++
		}
		b := frames[0]
		if n > 1 {
			joined = slices.Grow(joined[:0], size)
			for _, f := range frames[:n] {
				joined = append(joined, f...)
			}
			b = joined
		}
		frames = frames[n:]
		for part := range slices.Chunk(b, piece) {
			if err := s.SetWriteDeadline(deadline()); err != nil {
				return err
			}
			if _, err := s.Write(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeDatagrams sends what is newest of each kind. It blocks while the path
// takes no more; what is superseded meanwhile is never sent.
func (c *conn) writeDatagrams(frames [][]byte) error {
	for _, f := range frames {
		if err := c.session.SendDatagram(f); err != nil {
			return err
		}
	}
	return nil
}

// deadline is until when the next write may take: while the connection is open
// each gets its time, after the close all that is left shares one.
func (c *conn) deadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return c.closedAt.Add(c.h.opts.WriteTimeout)
	}
	return time.Now().Add(c.h.opts.WriteTimeout)
}

// extend gives the peer time for its next message.
func (c *conn) extend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == 0 {
		_ = c.stream.SetReadDeadline(time.Now().Add(d))
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
