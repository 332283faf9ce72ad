package redis

import (
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"tandem.watch/tandem/core"
)

// nudge makes run look. The caller holds mu, or does not mind.
func (f *feed) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run places rooms and reads heads.
func (f *feed) run() {
	heads := time.NewTicker(f.every)
	defer heads.Stop()
	for {
		all := false
		select {
		case <-f.wake:
		case <-heads.C:
			all = true
		case <-f.ctx.Done():
			f.mu.Lock()
			shards := f.shards
			f.shards = map[string]*shard{}
			f.mu.Unlock()
			for _, s := range shards {
				s.end()
			}
			return
		}
		if !f.place(all) {
			// No owner known, or no way to ask.
			time.AfterFunc(replace, f.nudge)
		}
		f.readHeads(all)
	}
}

// place subscribes rooms where their slots are now: those that are not
// subscribed, or all, of which some may have moved. It returns false when there
// are some that it cannot place.
func (f *feed) place(all bool) bool {
	f.mu.Lock()
	moved := f.moved
	f.moved = false
	f.mu.Unlock()
	if moved && f.log.cluster != nil {
		f.log.cluster.ReloadState(f.ctx) // in the background: the next round has it
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.unplaced
	f.unplaced = nil
	if all {
		list = slices.Collect(maps.Values(f.channels))
	}
	for _, c := range list {
		if f.channels[c.name] != c {
			continue // nobody follows it any more
		}
		addr, node, err := f.owner(c.name)
		if err != nil {
			if c.shard == nil {
				f.unplaced = append(f.unplaced, c)
			}
			continue
		}
		if c.shard != nil && c.shard.addr == addr {
			continue
		}
		if c.shard != nil {
			c.shard.ask("", c.name)
		}
		s := f.shards[addr]
		if s == nil {
			s = newShard(f, addr, node)
			f.shards[addr] = s
		}
		c.shard, c.confirmed = s, false
		s.ask(c.name, "")
	}
	return len(f.unplaced) == 0
}

// owner returns the node that has a channel's slot, as far as the client knows.
func (f *feed) owner(name string) (addr string, node *redis.Client, err error) {
	if f.log.cluster == nil {
		node, _ = f.log.client.(*redis.Client)
		return "", node, nil
	}
	if node, err = f.log.cluster.MasterForKey(f.ctx, name); err != nil {
		return "", nil, err
	}
	return node.Options().Addr, node, nil
}

// readHeads reads the heads of all rooms, or of those that may have missed
// something, and tells them.
func (f *feed) readHeads(all bool) {
	f.mu.Lock()
	due := f.behind
	f.behind = nil
	if all {
		due = slices.Collect(maps.Values(f.channels))
	}
	f.mu.Unlock()
	for chunk := range slices.Chunk(due, maxPipeline) {
		answers, err := f.log.client.Pipelined(f.ctx, func(p redis.Pipeliner) error {
			for _, c := range chunk {
				p.HMGet(f.ctx, keysOf(c.room).room, "epoch", "number", "id")
			}
			return nil
		})
		for i, a := range answers {
			values, ok := a.(*redis.SliceCmd)
			if err != nil && (!ok || values.Err() != nil) {
				continue // some other time
			}
			head, ok := headOf(values.Val())
			if ok {
				f.told(chunk[i], head)
			}
		}
	}
}

// headOf reads a head; a room that is not there has the zero one.
func headOf(values []any) (h core.Head, ok bool) {
	if len(values) != 3 {
		return h, false
	}
	if values[0] == nil {
		return h, true
	}
	epoch, _ := values[0].(string)
	number, _ := values[1].(string)
	id, _ := values[2].(string)
	return parseHead(epoch, number, id)
}

func (f *feed) told(c *channel, head core.Head) {
	f.mu.Lock()
	followers := slices.Clone(c.followers)
	f.mu.Unlock()
	for _, x := range followers {
		x.to.Head(head)
	}
}
