package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// pingEvery is how often a quiet connection is tried, and silence after how
	// long without a word it counts as broken.
	pingEvery    = 3 * time.Second
	silenceLimit = 8 * time.Second
)

// shard is a connection that subscribes rooms at one node. It ends at the first
// error, and the feed begins another: a PubSub that connects again by itself
// would hide that messages were lost.
type shard struct {
	feed   *feed
	addr   string
	pubsub *redis.PubSub
	ctx    context.Context
	stop   context.CancelFunc
	wake   chan struct{}

	// asked are the rooms to subscribe (true) and to leave (false); sent are those
	// of them that have no reply yet. Guarded by mu, which may be taken while
	// feed.mu is held, not the other way round.
	mu          sync.Mutex
	asked, sent []asked
}

type asked struct {
	name      string
	subscribe bool
}

// newShard begins one. Its goroutines belong to the feed.
func newShard(f *feed, addr string, node *redis.Client) *shard {
	s := &shard{feed: f, addr: addr, wake: make(chan struct{}, 1)}
	s.ctx, s.stop = context.WithCancel(f.ctx)
	s.pubsub = node.SSubscribe(s.ctx) // connects at the first use
	f.work.Go(func() {
		defer s.stop()
		s.write()
	})
	f.work.Go(func() {
		defer s.end()
		s.receive()
		s.feed.broken(s)
	})
	return s
}

// end closes the connection, which ends receive.
func (s *shard) end() {
	s.stop()
	_ = s.pubsub.Close()
}

// ask queues a subscription, and the end of one.
func (s *shard) ask(subscribe, leave string) {
	s.mu.Lock()
	if leave != "" {
		s.asked = append(s.asked, asked{leave, false})
	}
	if subscribe != "" {
		s.asked = append(s.asked, asked{subscribe, true})
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write sends what is asked for, and now and then a ping.
func (s *shard) write() {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case <-s.ctx.Done():
			_ = s.pubsub.Close()
			return
		case <-ping.C:
			err = s.pubsub.Ping(s.ctx)
		case <-s.wake:
			s.mu.Lock()
			list := s.asked
			s.asked = nil
			s.sent = append(s.sent, list...)
			s.mu.Unlock()
			for _, a := range list {
				// One at a time: those of one command must be of one slot.
				if a.subscribe {
					err = s.pubsub.SSubscribe(s.ctx, a.name)
				} else {
					err = s.pubsub.SUnsubscribe(s.ctx, a.name)
				}
				if err != nil {
					break
				}
			}
		}
		if err != nil {
			_ = s.pubsub.Close() // receive notices
			return
		}
	}
}

// receive passes on what arrives, until the connection breaks.
func (s *shard) receive() {
	last := time.Now()
	for s.ctx.Err() == nil {
		message, err := s.pubsub.ReceiveTimeout(s.ctx, pingEvery)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() && s.ctx.Err() == nil && time.Since(last) < silenceLimit {
			continue
		}
		if _, moved := redis.IsMovedError(err); moved {
			// The node is not, or no longer, the owner of one room's slot.
			if a := s.answered("", true); a.subscribe {
				s.feed.lost(s, a.name)
			}
			continue
		}
		if err != nil {
			if s.ctx.Err() == nil {
				s.feed.log.logger.Warn("subscriptions lost; they are renewed", "addr", s.addr, "error", err)
			}
			return
		}
		last = time.Now()
		switch m := message.(type) {
		case *redis.Message:
			s.feed.heard(m.Channel, m.Payload)
		case *redis.Subscription:
			switch m.Kind {
			case "ssubscribe":
				s.answered(m.Channel, true)
				s.feed.confirmed(s, m.Channel)
			case "sunsubscribe":
				// Unasked when the slot has moved away.
				s.answered(m.Channel, false)
				s.feed.lost(s, m.Channel)
			}
		}
	}
}

// answered returns what a reply is to: replies come in the order of what was
// sent. A name says what it must be to be a reply at all; "" is any.
func (s *shard) answered(name string, subscribe bool) (a asked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sent) > 0 && (name == "" || s.sent[0] == asked{name, subscribe}) {
		a, s.sent = s.sent[0], s.sent[1:]
	}
	return a
}
