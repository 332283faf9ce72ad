package memnet

import (
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipe is one direction of a connection.
type pipe struct {
	// static after construction
	latency time.Duration
	jitter  time.Duration
	reading deadline // of the end that reads
	writing deadline // of the end that writes

	mu      sync.Mutex
	changed sync.Cond
	limit   int
	data    []byte
	// waves say when bytes arrive, in order; without latency there are none.
	waves []wave
	// finished says that the writer has closed, abandoned that the reader has,
	// and lost that the network is gone.
	finished, abandoned, lost bool
}

// wave is a number of bytes that arrive together.
type wave struct {
	at    time.Time
	bytes int
}

func newPipe(o Options) *pipe {
	p := &pipe{latency: o.Latency, jitter: o.Jitter, limit: o.Buffer}
	p.changed.L = &p.mu
	p.reading.pipe, p.writing.pipe = p, p
	return p
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.abandoned:
			return 0, net.ErrClosed
		case p.reading.passed():
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		}
		if !p.lost {
			if n := min(len(b), p.arrived()); n > 0 {
				copy(b, p.data[:n])
				p.consume(n)
				p.changed.Broadcast()
				return n, nil
			}
			if p.finished && len(p.data) == 0 {
				return 0, io.EOF
			}
		}
		p.changed.Wait()
	}
}

// arrived is how many bytes have.
func (p *pipe) arrived() int {
	if p.latency == 0 {
		return len(p.data)
	}
	n, now := 0, time.Now()
	for _, w := range p.waves {
		if w.at.After(now) {
			break
		}
		n += w.bytes
	}
	return n
}

func (p *pipe) consume(n int) {
	if n == len(p.data) {
		p.data = p.data[:0] // the same memory again
	} else {
		p.data = p.data[n:]
	}
	for n > 0 && len(p.waves) > 0 {
		taken := min(n, p.waves[0].bytes)
		p.waves[0].bytes -= taken
		n -= taken
		if p.waves[0].bytes == 0 {
			p.waves = p.waves[1:]
		}
	}
}

func (p *pipe) write(b []byte) (written int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.finished:
			return written, net.ErrClosed
		case p.abandoned && !p.lost:
			return written, syscall.EPIPE
		case p.writing.passed():
			return written, os.ErrDeadlineExceeded
		}
		if n := min(len(b), p.limit-len(p.data)); n > 0 {
			p.add(b[:n])
			b, written = b[n:], written+n
		}
		if len(b) == 0 {
			return written, nil
		}
		p.changed.Wait()
	}
}

func (p *pipe) add(b []byte) {
	p.data = append(p.data, b...)
	if p.latency > 0 {
		at := time.Now().Add(p.latency)
		if p.jitter > 0 {
			at = at.Add(rand.N(p.jitter))
		}
		if n := len(p.waves); n > 0 && p.waves[n-1].at.After(at) {
			at = p.waves[n-1].at // in order
		}
		p.waves = append(p.waves, wave{at: at, bytes: len(b)})
		time.AfterFunc(time.Until(at), p.wake)
	}
	p.changed.Broadcast()
}

func (p *pipe) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed.Broadcast()
}

func (p *pipe) setLimit(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = bytes
	p.changed.Broadcast()
}

func (p *pipe) finish()  { p.set(&p.finished) }
func (p *pipe) abandon() { p.set(&p.abandoned) }
func (p *pipe) vanish()  { p.set(&p.lost) }

func (p *pipe) set(flag *bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*flag = true
	p.changed.Broadcast()
}

// deadline ends waiting. Its fields are guarded by the pipe's mu.
type deadline struct {
	pipe  *pipe
	at    time.Time
	timer *time.Timer
}

func (d *deadline) set(t time.Time) {
	d.pipe.mu.Lock()
	defer d.pipe.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	if !t.IsZero() {
		if wait := time.Until(t); wait > 0 {
			d.timer = time.AfterFunc(wait, d.pipe.wake)
		}
	}
	d.pipe.changed.Broadcast()
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
