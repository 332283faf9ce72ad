package memory

import (
	"context"
	"slices"
	"time"

	"tandem.watch/tandem/core"
)

// Gateway is the log as one of several gateways has it: it is told what the
// others append and say, and has a lease. It implements core.Feed and
// core.Leases beside all that Log does. What it tells arrives at once, on the
// goroutine of who tells it.
type Gateway struct {
	*Log
	self string
}

// Gateway returns the log for a gateway of a name.
func (l *Log) Gateway(name string) *Gateway { return &Gateway{l, name} }

// Self implements core.Feed.
func (g *Gateway) Self() string { return g.self }

// Append implements core.Log.
func (g *Gateway) Append(ctx context.Context, id string, head core.Head, b core.Batch) error {
	_, err := g.append(ctx, g.self, id, head, b, nil)
	return err
}

// Place implements core.Placer.
func (g *Gateway) Place(ctx context.Context, id string, head core.Head, b core.Batch, past []string) ([]core.Event, error) {
	return g.append(ctx, g.self, id, head, b, past)
}

// following is a room that a gateway follows.
type following struct {
	log           *Log
	gateway, room string
	to            core.Follower
}

// Follow implements core.Feed.
func (g *Gateway) Follow(ctx context.Context, room string, to core.Follower) (core.Following, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	f := &following{log: g.Log, gateway: g.self, room: room, to: to}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.followers[room] = append(g.followers[room], f)
	return f, nil
}

// Tell implements core.Following.
func (f *following) Tell(note []byte) {
	f.log.mu.Lock()
	others := slices.Clone(f.log.followers[f.room])
	f.log.mu.Unlock()
	for _, o := range others {
		if o.gateway != f.gateway {
			o.to.Told(f.gateway, slices.Clone(note))
		}
	}
}

// Stop implements core.Following.
func (f *following) Stop() {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	f.log.followers[f.room] = slices.DeleteFunc(f.log.followers[f.room], func(x *following) bool { return x == f })
	if len(f.log.followers[f.room]) == 0 {
		delete(f.log.followers, f.room)
	}
}

// Renew implements core.Leases.
func (g *Gateway) Renew(ctx context.Context, lease time.Duration) (living []string, kept bool, err error) {
	if err := alive(ctx); err != nil {
		return nil, false, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	kept = g.leases[g.self].After(now)
	g.leases[g.self] = now.Add(lease)
	for name, until := range g.leases {
		if until.After(now) {
			living = append(living, name)
		} else {
			delete(g.leases, name)
		}
	}
	slices.Sort(living)
	return living, kept, nil
}

// Unfollowed implements core.Leases.
func (g *Gateway) Unfollowed(ctx context.Context, rooms []string) (free []string, err error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, room := range rooms {
		if len(g.followers[room]) == 0 {
			free = append(free, room)
		}
	}
	return free, nil
}

// Lose makes the log forget a room's newest events, as Redis does when it comes
// back without its tail. Secrets stay.
func (l *Log) Lose(room string, events int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rooms[room]
	r.entries = r.entries[:len(r.entries)-events]
	if r.snapshotAt > uint64(len(r.entries)) {
		r.snapshot, r.snapshotAt = nil, 0
	}
}
