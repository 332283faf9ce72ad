package redis

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"tandem.watch/tandem/core"
)

// Bounds of the feed.
const (
	// maxTelling is how many notes wait to be published; further ones are lost.
	maxTelling = 4096
	// maxTold is how many of them go out together.
	maxTold = 256
	// replace is how long the feed waits before it tries again to subscribe.
	replace = 100 * time.Millisecond
)

// feed is the one manager of subscriptions. It has a connection for each shard,
// subscribes rooms on that of their slot's owner, and places them anew when a
// connection breaks or a slot moves: the client's own PubSub stays with the node
// of its first channel and subscribes again without a word. Because what was
// published meanwhile is lost, it reads the heads of rooms whenever they are
// subscribed again, and of all rooms now and then.
//
// A message on a room's channel is a letter, the sender's name, and
//
//	E  an array of events that were appended
//	H  the head after an append that was too large to publish
//	N  a note, see core.Following
type feed struct {
	log   *Log
	every time.Duration
	notes chan note
	wake  chan struct{} // there are rooms to place, or heads to read
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup

	mu       sync.Mutex
	channels map[string]*channel // by name
	shards   map[string]*shard   // by address, "" for the only one
	moved    bool                // where slots are is to be asked anew
	unplaced []*channel          // to subscribe
	behind   []*channel          // whose heads are to be read: something may have been missed
}

type note struct{ channel, text string }

// channel is a room that is followed, by one loop or, while one takes over from
// another, by several. Guarded by feed.mu.
type channel struct {
	room, name string
	followers  []*following
	shard      *shard // where it is or will be subscribed; nil until it is placed
	confirmed  bool
}

type following struct {
	feed    *feed
	channel *channel
	to      core.Follower
	ready   chan struct{} // closed when the channel was subscribed
	isReady bool
}

func newFeed(l *Log, every time.Duration) *feed {
	f := &feed{
		log: l, every: every, notes: make(chan note, maxTelling), wake: make(chan struct{}, 1),
		channels: map[string]*channel{}, shards: map[string]*shard{},
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.work.Go(f.run)
	f.work.Go(f.tell)
	return f
}

func (f *feed) close() {
	f.stop()
	f.work.Wait()
}

// Follow implements core.Feed.
func (l *Log) Follow(ctx context.Context, room string, to core.Follower) (core.Following, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	x := l.feed.add(room, to)
	select {
	case <-x.ready:
		return x, nil
	case <-ctx.Done():
		x.Stop()
		return nil, unavailable(ctx, nil)
	case <-l.feed.ctx.Done():
		x.Stop()
		return nil, unavailable(ctx, redis.ErrClosed)
	}
}

func (f *feed) add(room string, to core.Follower) *following {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := keysOf(room).channel
	c := f.channels[name]
	if c == nil {
		c = &channel{room: room, name: name}
		f.channels[name] = c
		f.unplaced = append(f.unplaced, c)
		f.nudge()
	}
	x := &following{feed: f, channel: c, to: to, ready: make(chan struct{})}
	c.followers = append(c.followers, x)
	if c.confirmed {
		x.confirm()
	}
	return x
}

func (x *following) confirm() {
	if !x.isReady {
		x.isReady = true
		close(x.ready)
	}
}

// Stop implements core.Following.
func (x *following) Stop() {
	f, c := x.feed, x.channel
	f.mu.Lock()
	defer f.mu.Unlock()
	c.followers = slices.DeleteFunc(c.followers, func(o *following) bool { return o == x })
	if len(c.followers) == 0 && f.channels[c.name] == c {
		delete(f.channels, c.name)
		if c.shard != nil {
			c.shard.ask("", c.name)
		}
	}
}

// Tell implements core.Following.
func (x *following) Tell(text []byte) {
	select {
	case x.feed.notes <- note{x.channel.name, "N" + x.feed.log.self + string(text)}:
	default: // it may be lost
	}
}

// tell publishes notes, as many together as wait.
func (f *feed) tell() {
	for {
		var batch []note
		select {
		case n := <-f.notes:
			batch = append(batch, n)
		case <-f.ctx.Done():
			return
		}
		for len(batch) < maxTold {
			select {
			case n := <-f.notes:
				batch = append(batch, n)
				continue
			default:
			}
			break
		}
		// Lost while Redis is away: what lasts is in the log.
		_, _ = f.log.client.Pipelined(f.ctx, func(p redis.Pipeliner) error {
			for _, n := range batch {
				p.SPublish(f.ctx, n.channel, n.text)
			}
			return nil
		})
	}
}

// confirmed notes that a room is subscribed at a shard.
func (f *feed) confirmed(s *shard, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.channels[name]
	if c == nil || c.shard != s {
		return
	}
	c.confirmed = true
	f.behind = append(f.behind, c)
	for _, x := range c.followers {
		x.confirm()
	}
	f.nudge()
}

// lost notes that a shard has given up a room by itself: its slot has moved.
func (f *feed) lost(s *shard, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.channels[name]; c != nil && c.shard == s {
		c.shard, c.confirmed, f.moved = nil, false, true
		f.unplaced = append(f.unplaced, c)
		time.AfterFunc(replace, f.nudge)
	}
}

// broken takes a shard's connection out, and its rooms are placed anew.
func (f *feed) broken(s *shard) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shards[s.addr] == s {
		delete(f.shards, s.addr)
	}
	for _, c := range f.channels {
		if c.shard == s {
			c.shard, c.confirmed = nil, false
			f.unplaced = append(f.unplaced, c)
		}
	}
	f.moved = true
	time.AfterFunc(replace, f.nudge)
}

// heard passes a message on.
func (f *feed) heard(name, text string) {
	if len(text) < 1+nameLength {
		return
	}
	kind, sender, text := text[0], text[1:1+nameLength], text[1+nameLength:]
	if sender == f.log.self {
		return
	}
	f.mu.Lock()
	var followers []*following
	if c := f.channels[name]; c != nil {
		followers = slices.Clone(c.followers)
	}
	f.mu.Unlock()
	if len(followers) == 0 {
		return
	}
	switch kind {
	case 'E':
		events, err := parseEvents(text)
		if err != nil {
			f.log.logger.Warn("published events cannot be read", "channel", name, "error", err)
			return
		}
		for _, x := range followers {
			x.to.Appended(events)
		}
	case 'H':
		fields := strings.Fields(text)
		if len(fields) != 3 {
			return
		}
		if head, ok := parseHead(fields[0], fields[1], fields[2]); ok {
			for _, x := range followers {
				x.to.Head(head)
			}
		}
	case 'N':
		for _, x := range followers {
			x.to.Told(sender, []byte(text))
		}
	}
}

func parseEvents(text string) ([]core.Event, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, err
	}
	events := make([]core.Event, len(raw))
	for i, r := range raw {
		var err error
		if events[i], err = core.DecodeEvent(r); err != nil {
			return nil, err
		}
	}
	return events, nil
}
