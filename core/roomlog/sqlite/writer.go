package sqlite

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"
)

// Bounds of the writer.
const (
	// maxWaiting is how many requests wait; further ones wait to be let in.
	maxWaiting = 1024
	// maxGroup and maxGroupSize (bytes of events) end a transaction's intake.
	maxGroup     = 256
	maxGroupSize = 4 << 20
)

// request is something to do in a transaction.
type request struct {
	// run does it. A *refusal is its own answer and has written nothing; any
	// other error undoes the transaction.
	run  func(*session) error
	size int
	// state is one of the constants below.
	state atomic.Int32
	// done gets the answer. It has room for it, so that the writer never waits.
	done chan error

	err error // the writer's
}

// A request is either taken by the writer or withdrawn by who made it.
const (
	waiting int32 = iota
	taken
	withdrawn
)

// writer takes requests into transactions.
type writer struct {
	queue chan *request
	stop  chan struct{} // closed: take what waits, then end
	ended chan struct{} // closed at the end of run
	open  func() (*session, error)
	log   *slog.Logger

	// The goroutine's own, and after ended that of who waited for it.
	session *session // nil after a failure, until the next request
	failing bool     // the last transaction failed
	group   []*request
}

func newWriter(first *session, open func() (*session, error), logger *slog.Logger) *writer {
	return &writer{
		queue: make(chan *request, maxWaiting), stop: make(chan struct{}), ended: make(chan struct{}),
		open: open, log: logger, session: first,
	}
}

// do hands a request to the writer and waits for its answer. Its errors are a
// refusal's cause, ErrUnavailable or ErrUnknown.
func (w *writer) do(ctx context.Context, size int, run func(*session) error) error {
	if ctx.Err() != nil {
		return unavailable(context.Cause(ctx))
	}
	r := &request{run: run, size: size, done: make(chan error, 1)}
	select {
	case <-w.stop:
		return unavailable(errClosed)
	default:
	}
	select {
	case w.queue <- r:
	case <-w.stop:
		return unavailable(errClosed)
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
	select {
	case err := <-r.done:
		return err
	case <-w.ended:
		// It came into the queue just after the writer's last look.
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return unavailable(errClosed)
		}
		return <-r.done
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return unavailable(context.Cause(ctx))
		}
		select {
		case err := <-r.done:
			return err
		default:
			return unknown(context.Cause(ctx))
		}
	}
}

// run is the writer's goroutine.
func (w *writer) run() {
	defer close(w.ended)
	for {
		select {
		case r := <-w.queue:
			w.write(w.gather(r))
		case <-w.stop:
			for {
				select {
				case r := <-w.queue:
					w.write(w.gather(r))
				default:
					return
				}
			}
		}
	}
}

// gather adds to a first request what else waits.
func (w *writer) gather(first *request) []*request {
	w.group = append(w.group[:0], first)
	size, asked := first.size, 0
	for len(w.group) < maxGroup && size < maxGroupSize {
		select {
		case r := <-w.queue:
			w.group = append(w.group, r)
			size += r.size
			continue
		default:
		}
		// Who was just answered, and has more, gets to say so.
		if asked == len(w.group) {
			break
		}
		asked = len(w.group)
		runtime.Gosched()
	}
	return w.group
}

// write does a group in one transaction. When one request spoils it, each is
// done by itself, so that only that one fails.
func (w *writer) write(group []*request) {
	spoilt := w.transact(group) && len(group) > 1
	for _, r := range group {
		if r.state.Load() != taken {
			continue
		}
		if spoilt {
			w.transact([]*request{r})
		}
		answer(r)
	}
	clear(group)
}

func answer(r *request) {
	if refused, ok := errors.AsType[*refusal](r.err); ok {
		r.err = refused.cause
	}
	r.done <- r.err
}

// transact does requests in one transaction and leaves each its answer. It
// returns whether one of them, rather than the transaction itself, failed.
func (w *writer) transact(group []*request) (spoilt bool) {
	s, err := w.begin() // may take seconds, until here they can be withdrawn
	for _, r := range group {
		r.state.CompareAndSwap(waiting, taken)
	}
	if err != nil {
		w.failed(group, unavailable(err))
		return false
	}
	for _, r := range group {
		if r.state.Load() != taken {
			continue
		}
		r.err = r.run(s)
		var refused *refusal
		if r.err != nil && !errors.As(r.err, &refused) {
			_ = exec(s.rollback)
			w.failed(group, unavailable(r.err))
			return true
		}
	}
	if err := exec(s.commit); err != nil {
		_ = exec(s.rollback)
		w.failed(group, commitFailed(err))
		return false
	}
	if w.failing {
		w.failing = false
		w.log.Info("the room log is written again")
	}
	return false
}

func (w *writer) begin() (*session, error) {
	if w.session == nil {
		s, err := w.open()
		if err != nil {
			return nil, err
		}
		w.session = s
	}
	return w.session, exec(w.session.begin)
}

// failed gives every request of a group that was undone the same answer (a
// refusal too: what it was based on may be undone) and drops the connection.
func (w *writer) failed(group []*request, err error) {
	for _, r := range group {
		r.err = err
	}
	if w.session != nil {
		w.session.close()
		w.session = nil
	}
	if !w.failing {
		w.failing = true
		w.log.Error("the room log cannot be written", "error", err)
	}
}
