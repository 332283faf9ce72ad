package memory

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"tandem.watch/tandem/core"
)

// Faulty is a Log that fails on demand, for tests of what uses a log. What the
// test does through its Log field meets no faults: another gateway's append,
// say, made within a hook.
type Faulty struct {
	*Log
	faults atomic.Pointer[Faults]
}

// Faults are what goes wrong. The zero value is nothing. Hooks run on the
// caller's goroutine with no lock held.
type Faults struct {
	// AppendDelay passes before an append. A context that ends meanwhile makes
	// it ErrUnavailable.
	AppendDelay time.Duration
	// BeforeAppend stands in the way of an append when it returns an error,
	// usually ErrUnavailable.
	BeforeAppend func(room string, b core.Batch) error
	// AfterAppend runs after an append that succeeded. Its error, usually
	// ErrUnknown, is the caller's answer: the append is done and its reply lost.
	AfterAppend func(room string, b core.Batch) error
	// ReplyDelay passes after an append, whatever became of it. A context that
	// ends meanwhile makes it ErrUnknown.
	ReplyDelay time.Duration
	// BeforeRead stands in the way of Load, Read, Secret and SaveSnapshot.
	BeforeRead func(room string) error
}

// NewFaulty returns an empty log without faults.
func NewFaulty() *Faulty {
	f := &Faulty{Log: New()}
	f.Set(Faults{})
	return f
}

// Set replaces the faults. It may be called at any time, also within a hook; a
// call that is under way keeps those it began with.
func (f *Faulty) Set(faults Faults) { f.faults.Store(&faults) }

// Unavailable is a BeforeAppend: nothing is appended.
func Unavailable(string, core.Batch) error { return core.ErrUnavailable }

// ReplyLost is an AfterAppend: it is appended, and the caller is not told.
func ReplyLost(string, core.Batch) error { return core.ErrUnknown }

// Append implements core.Log.
func (f *Faulty) Append(ctx context.Context, room string, head core.Head, b core.Batch) error {
	_, err := f.add(ctx, room, b, func() ([]core.Event, error) { return nil, f.Log.Append(ctx, room, head, b) })
	return err
}

// Place implements core.Placer.
func (f *Faulty) Place(ctx context.Context, room string, head core.Head, b core.Batch, past []string) ([]core.Event, error) {
	return f.add(ctx, room, b, func() ([]core.Event, error) { return f.Log.Place(ctx, room, head, b, past) })
}

func (f *Faulty) add(ctx context.Context, room string, b core.Batch, do func() ([]core.Event, error)) ([]core.Event, error) {
	faults := f.faults.Load()
	if err := pass(ctx, faults.AppendDelay); err != nil {
		return nil, fmt.Errorf("%w: %w", core.ErrUnavailable, err)
	}
	if faults.BeforeAppend != nil {
		if err := faults.BeforeAppend(room, b); err != nil {
			return nil, err
		}
	}
	before, err := do()
	if err == nil && faults.AfterAppend != nil {
		err = faults.AfterAppend(room, b)
	}
	if late := pass(ctx, faults.ReplyDelay); late != nil {
		return nil, fmt.Errorf("%w: %w", core.ErrUnknown, late)
	}
	return before, err
}

// Load implements core.Log.
func (f *Faulty) Load(ctx context.Context, room string, recent int) (core.Stored, error) {
	if err := f.beforeRead(room); err != nil {
		return core.Stored{}, err
	}
	return f.Log.Load(ctx, room, recent)
}

// Read implements core.Log.
func (f *Faulty) Read(ctx context.Context, room string, after uint64, limit int) ([]core.Event, error) {
	if err := f.beforeRead(room); err != nil {
		return nil, err
	}
	return f.Log.Read(ctx, room, after, limit)
}

// Secret implements core.Log.
func (f *Faulty) Secret(ctx context.Context, room, name string) (*core.Secret, error) {
	if err := f.beforeRead(room); err != nil {
		return nil, err
	}
	return f.Log.Secret(ctx, room, name)
}

// SaveSnapshot implements core.Log.
func (f *Faulty) SaveSnapshot(ctx context.Context, r *core.Room) error {
	if err := f.beforeRead(r.ID); err != nil {
		return err
	}
	return f.Log.SaveSnapshot(ctx, r)
}

func (f *Faulty) beforeRead(room string) error {
	if hook := f.faults.Load().BeforeRead; hook != nil {
		return hook(room)
	}
	return nil
}

// pass waits, or returns why the context ended before.
func pass(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
