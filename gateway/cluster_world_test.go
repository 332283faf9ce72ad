package gateway

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/memory"
)

// sharedLog is the log that several gateways share, as one of them has it,
// which a test can cut off.
type sharedLog struct {
	*memory.Gateway
	cut atomic.Bool
	// far is how long an append's way there takes, and its way back.
	far time.Duration
}

func (s *sharedLog) away() error {
	if s.cut.Load() {
		return fmt.Errorf("%w: cut off", core.ErrUnavailable)
	}
	return nil
}

func (s *sharedLog) Close(context.Context) error { return nil }

func (s *sharedLog) Append(ctx context.Context, room string, head core.Head, b core.Batch) error {
	if err := s.away(); err != nil {
		return err
	}
	time.Sleep(s.far)
	defer time.Sleep(s.far)
	return s.Gateway.Append(ctx, room, head, b)
}

func (s *sharedLog) Place(ctx context.Context, room string, head core.Head, b core.Batch, past []string) ([]core.Event, error) {
	if err := s.away(); err != nil {
		return nil, err
	}
	time.Sleep(s.far)
	defer time.Sleep(s.far)
	return s.Gateway.Place(ctx, room, head, b, past)
}

func (s *sharedLog) Load(ctx context.Context, room string, recent int) (core.Stored, error) {
	if err := s.away(); err != nil {
		return core.Stored{}, err
	}
	return s.Gateway.Load(ctx, room, recent)
}

func (s *sharedLog) Read(ctx context.Context, room string, after uint64, limit int) ([]core.Event, error) {
	if err := s.away(); err != nil {
		return nil, err
	}
	return s.Gateway.Read(ctx, room, after, limit)
}

func (s *sharedLog) Secret(ctx context.Context, room, name string) (*core.Secret, error) {
	if err := s.away(); err != nil {
		return nil, err
	}
	return s.Gateway.Secret(ctx, room, name)
}

func (s *sharedLog) Renew(ctx context.Context, lease time.Duration) ([]string, bool, error) {
	if err := s.away(); err != nil {
		return nil, false, err
	}
	return s.Gateway.Renew(ctx, lease)
}

// Follow adds what a log in Redis does: the head is told now and then, and what
// is told while the gateway is cut off is lost.
func (s *sharedLog) Follow(ctx context.Context, room string, to core.Follower) (core.Following, error) {
	if err := s.away(); err != nil {
		return nil, err
	}
	f := &sharedFollower{log: s, room: room, to: to, done: make(chan struct{}), stopped: make(chan struct{})}
	following, err := s.Gateway.Follow(ctx, room, f)
	if err != nil {
		return nil, err
	}
	f.Following = following
	go f.heads()
	return f, nil
}

type sharedFollower struct {
	core.Following
	log           *sharedLog
	room          string
	to            core.Follower
	done, stopped chan struct{}
}

func (f *sharedFollower) Appended(events []core.Event) {
	if !f.log.cut.Load() {
		f.to.Appended(events)
	}
}

func (f *sharedFollower) Head(head core.Head) { f.to.Head(head) }

func (f *sharedFollower) Told(from string, note []byte) {
	if !f.log.cut.Load() {
		f.to.Told(from, note)
	}
}

func (f *sharedFollower) Tell(note []byte) {
	if !f.log.cut.Load() {
		f.Following.Tell(note)
	}
}

func (f *sharedFollower) Stop() {
	f.Following.Stop()
	close(f.done)
	<-f.stopped
}

func (f *sharedFollower) heads() {
	defer close(f.stopped)
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-f.done:
			return
		case <-tick.C:
		}
		if f.log.cut.Load() {
			continue
		}
		if stored, err := f.log.Gateway.Load(context.Background(), f.room, 1); err == nil && len(stored.Events) > 0 {
			e := stored.Events[len(stored.Events)-1]
			f.to.Head(core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID})
		}
	}
}

// together runs a test in virtual time over several gateways that share a log.
func together(t *testing.T, n int, test func(t *testing.T, w []*world), flags ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rooms, names := memory.New(), map[string]string{}
		all := make([]*world, n)
		for i := range all {
			all[i] = &world{t: t, flags: flags, rooms: rooms, names: names}
			all[i].shared = &sharedLog{Gateway: rooms.Gateway(fmt.Sprint("gateway ", i))}
			all[i].start()
		}
		defer func() {
			for _, w := range all {
				if !w.dead {
					w.end()
				}
			}
			synctest.Wait()
		}()
		// Until then nobody departs: the gateways have just come.
		passAll(all, 15*time.Second)
		test(t, all)
	})
}

// passAll lets time pass at several gateways.
func passAll(all []*world, d time.Duration) {
	for d > 0 {
		step := min(d, time.Second)
		time.Sleep(step)
		d -= step
		for _, w := range all {
			for _, c := range w.clients {
				if c.settle(); !c.silent && !c.over {
					_ = c.Send(&probe)
				}
			}
		}
	}
	synctest.Wait()
}

// kill is the end of a gateway without a word.
func (w *world) kill() {
	w.t.Helper()
	synctest.Wait()
	w.shared.cut.Store(true)
	w.dead = true
	for _, c := range w.clients {
		c.settle()
		c.vanish()
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	go func() { _ = w.g.Shutdown(gone) }()
	synctest.Wait()
}

// moveTo comes back to the seat of c at another gateway.
func (c *peer) moveTo(w *world) *peer {
	c.w.t.Helper()
	d := w.dial(c.from)
	d.resumeAs(c)
	return d
}
