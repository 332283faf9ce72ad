// Package pump writes what is queued for a peer by a goroutine that exists only
// while there is something to write: an idle connection costs none.
package pump

import (
	"sync"

	"tandem.watch/tandem/core"
)

// Pump is an outbox with its writer. Safe for use by several goroutines.
type Pump struct {
	outbox *core.Outbox
	write  func(frames [][]byte) error
	ended  func(error)
	start  func() // run, bound once: beginning a writer allocates nothing

	work sync.WaitGroup

	// owned by the writer: where the frames of a quiet peer lie
	few [2][]byte

	mu      sync.Mutex
	running bool
	over    bool
}

// New returns a pump whose outbox holds at most limit bytes. write is called
// with all that waits, by one goroutine at a time; after its first error it is
// not called again. ended is called once, by that goroutine: with the error, or
// with nil when the pump was finished and its last words were written.
func New(limit int, write func(frames [][]byte) error, ended func(error)) *Pump {
	p := &Pump{outbox: core.NewOutbox(limit), write: write, ended: ended}
	p.start = p.run
	return p
}

// Push queues the bytes of a frame, as core.Outbox does, and never blocks.
func (p *Pump) Push(class core.Class, key string, segments ...[]byte) core.Pushed {
	pushed := p.outbox.Push(class, key, segments...)
	p.kick()
	return pushed
}

// Finish queues last words, and takes nothing more.
func (p *Pump) Finish(last []byte) {
	p.outbox.Finish(last)
	p.kick()
}

func (p *Pump) kick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running || p.over {
		return
	}
	p.running = true
	p.work.Add(1)
	go p.start()
}

// Wait returns when nothing is being written. After Finish that is for good.
func (p *Pump) Wait() { p.work.Wait() }

func (p *Pump) run() {
	defer p.work.Done()
	frames := p.few[:0]
	for p.more() {
		var last bool
		frames, last = p.outbox.Take(frames[:0])
		var err error
		if len(frames) > 0 {
			err = p.write(frames)
		}
		clear(frames)
		if cap(frames) > 64 {
			frames = p.few[:0] // a burst's memory is not kept
		}
		if err != nil || last {
			p.mu.Lock()
			p.over, p.running = true, false
			p.mu.Unlock()
			p.ended(err)
			return
		}
	}
}

// more says whether something has been pushed since the last Take. If not, the
// goroutine ends, and the next push begins another.
func (p *Pump) more() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.outbox.Wake():
		return true
	default:
		p.running = false
		return false
	}
}
