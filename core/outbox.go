package core

import "sync"

// Outbox is the bounded queue between a room and one peer's writer. Push never
// blocks; the writer waits on Wake and calls Take. Safe for use by several
// goroutines.
type Outbox struct {
	limit int
	wake  chan struct{}

	// guarded by mu
	mu     sync.Mutex
	queue  [][]byte
	bytes  int
	state  map[string]int // key to the index in queue of its frame's first segment, not yet taken
	closed bool
}

// Pushed says what became of a frame.
type Pushed uint8

// Every outcome of a push.
const (
	// PushedQueued is the normal one.
	PushedQueued Pushed = iota
	// PushedReplaced: the frame took the place of an older one of its key.
	PushedReplaced
	// PushedDropped: the frame may be lost, and the queue is half full.
	PushedDropped
	// PushedOverflow: the frame may not be lost, and the queue is full. The
	// peer is to be closed: when it comes back it gets what it missed.
	PushedOverflow
	// PushedClosed: the outbox takes nothing more.
	PushedClosed
)

// NewOutbox returns an outbox that holds at most limit bytes.
func NewOutbox(limit int) *Outbox {
	return &Outbox{limit: limit, wake: make(chan struct{}, 1)}
}

// Push queues the bytes of a frame, which may be in several segments: those that
// are the peer's own beside those that are shared. They must not be changed
// afterwards. All frames of one key have the same number of segments.
func (o *Outbox) Push(class Class, key string, segments ...[]byte) Pushed {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return PushedClosed
	}
	size := 0
	for _, b := range segments {
		size += len(b)
	}
	if class == ClassState && key != "" {
		if first, ok := o.state[key]; ok {
			for i, b := range segments {
				o.bytes += len(b) - len(o.queue[first+i])
				o.queue[first+i] = b
			}
			return PushedReplaced
		}
	}
	if o.bytes+size > o.limit {
		if class == ClassControl || class == ClassBulk {
			return PushedOverflow
		}
		return PushedDropped
	}
	if class == ClassEphemeral && o.bytes > o.limit/2 {
		return PushedDropped
	}
	if class == ClassState && key != "" {
		if o.state == nil {
			o.state = map[string]int{}
		}
		o.state[key] = len(o.queue)
	}
	o.queue = append(o.queue, segments...)
	o.bytes += size
	o.signal()
	return PushedQueued
}

// Finish queues last words, beyond the limit if need be, and takes nothing
// more. The second call does nothing.
func (o *Outbox) Finish(last []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	if len(last) > 0 {
		o.queue = append(o.queue, last)
		o.bytes += len(last)
	}
	o.signal()
}

// Wake receives when there may be something to take.
func (o *Outbox) Wake() <-chan struct{} { return o.wake }

// Take moves all that is queued to dst. last says that nothing more will come.
func (o *Outbox) Take(dst [][]byte) (frames [][]byte, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	dst = append(dst, o.queue...)
	clear(o.queue)
	o.queue = o.queue[:0]
	if cap(o.queue) > 64 {
		o.queue = nil // a burst's memory is not kept for an idle peer
	}
	o.bytes = 0
	clear(o.state)
	return dst, o.closed
}

func (o *Outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
