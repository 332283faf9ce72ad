package core

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"
)

// Times of gateways' leases.
const (
	// leaseTime is how long a gateway counts as living after its last word, and
	// leaseEvery how often it gives one.
	leaseTime  = 5 * time.Second
	leaseEvery = time.Second
	// orphanGrace is how long seats outlive the lease of the gateway that they
	// were on.
	orphanGrace = 8 * time.Second
	// settleTime is how long gateways only compare what they hold when the log is
	// back after an absence, before they append to it.
	settleTime = time.Second
	// stepIn is after how long the next gateway does what another one should have.
	stepIn = time.Second
)

// peers is what a hub knows of the gateways that share its log. Without a Feed
// there are none.
type peers struct {
	// static after construction
	self   string
	leases Leases

	mu     sync.Mutex
	living map[string]bool
	// gone says since when gateways that lived are gone.
	gone map[string]time.Time
	// heard is when the leases were last read; fresh since when they have been
	// without a gap, back when they were again after a gap. Zero before the first.
	heard, fresh, back time.Time
}

// maxGone bounds the gateways that are remembered as gone.
const maxGone = 1000

func newPeers(log Log) *peers {
	p := &peers{living: map[string]bool{}, gone: map[string]time.Time{}}
	if f, ok := log.(Feed); ok {
		p.self = f.Self()
		p.leases, _ = log.(Leases)
	}
	return p
}

// alive says whether another gateway has its lease.
func (p *peers) alive(gateway string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.living[gateway]
}

// mayDepart returns when members of a gateway that does not live may depart.
func (p *peers) mayDepart(gateway string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, ok := p.gone[gateway]
	if !ok {
		since = p.fresh.Add(leaseTime) // it was gone before we came
	}
	return since.Add(orphanGrace)
}

// noDepartures returns until when nobody departs: the log was away, and members
// may be coming back as gateways do.
func (p *peers) noDepartures(now time.Time) time.Time {
	if p.leases == nil {
		return time.Time{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.heard) > leaseTime {
		return now.Add(leaseEvery)
	}
	return p.fresh.Add(leaseTime + orphanGrace)
}

// settling returns until when nothing new is appended.
func (p *peers) settling() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.back.IsZero() {
		return time.Time{}
	}
	return p.back.Add(settleTime)
}

// renew reads the leases and renews this gateway's. changed says that others
// live than before, lost that this gateway's lease had run out.
func (p *peers) renew(ctx context.Context, lease time.Duration) (changed, lost bool, err error) {
	living, kept, err := p.leases.Renew(ctx, lease)
	if err != nil {
		return false, false, err
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.heard.IsZero()
	if gap := now.Sub(p.heard); first || gap > leaseTime {
		p.fresh = now
	}
	if !first && now.Sub(p.heard) > 2*leaseEvery {
		p.back = now
	}
	p.heard = now
	was := p.living
	p.living = make(map[string]bool, len(living))
	for _, g := range living {
		p.living[g] = g != p.self
		delete(p.gone, g)
		changed = changed || !was[g] && g != p.self
	}
	for g, other := range was {
		if other && !p.living[g] {
			if len(p.gone) < maxGone {
				p.gone[g] = now
			}
			changed = true
		}
	}
	return changed, !kept && !first, nil
}

// ranked returns gateways in the order in which they are to do something for a
// room: the same for all who ask (rendezvous hashing).
func ranked(room string, gateways []string) []string {
	score := func(g string) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(g))
		_, _ = h.Write([]byte{0})
		_, _ = h.Write([]byte(room))
		// FNV alone puts similar names near each other.
		x := h.Sum64()
		x ^= x >> 33
		x *= 0xff51afd7ed558ccd
		return x ^ x>>33
	}
	gateways = slices.Clone(gateways)
	slices.SortFunc(gateways, func(a, b string) int {
		x, y := score(a), score(b)
		switch {
		case x > y, x == y && a < b:
			return -1
		default:
			return 1
		}
	})
	return gateways
}

// first says whether this gateway is the one, of all that live, to look after a
// room that nobody holds.
func (p *peers) first(room string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := []string{p.self}
	for g, other := range p.living {
		if other {
			all = append(all, g)
		}
	}
	return ranked(room, all)[0] == p.self
}

// keepLease is the hub's goroutine that renews its lease, and tells the rooms of
// changes.
func (h *Hub) keepLease(ctx context.Context) {
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	away := false
	for {
		c, cancel := context.WithTimeout(ctx, leaseEvery)
		changed, lost, err := h.peers.renew(c, leaseTime)
		cancel()
		if (err != nil) != away && ctx.Err() == nil {
			if away = err != nil; away {
				h.opts.Logger.Error("the shared log is away; rooms play on, commands wait", "error", err)
			} else {
				h.opts.Logger.Info("the shared log is back")
			}
		}
		if lost {
			h.opts.Logger.Warn("this gateway's lease had run out; its members are seated again")
		}
		if changed || lost {
			h.mu.Lock()
			for _, l := range h.rooms {
				l.ear.peersChanged(lost)
			}
			h.mu.Unlock()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			// What was seen to drop here still has its grace.
			c, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseEvery)
			_, _, _ = h.peers.renew(c, max(leaseEvery, h.opts.Grace-orphanGrace))
			cancel()
			return
		}
	}
}
