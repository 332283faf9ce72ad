package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem.watch/tandem/core"
	redislog "tandem.watch/tandem/core/roomlog/redis"
	"tandem.watch/tandem/internal/testenv"
)

// clusterStorm is stormers in rooms that several programs share in one Redis.
// Each session is at another gateway.
type clusterStorm struct {
	*storm
	gateways []*testenv.Process
	redis    *testenv.Redis
	logs     map[string]*collector

	fault atomic.Pointer[error] // the first that a stormer found

	mu     sync.Mutex
	living []string // addresses of gateways to connect to
}

const clusterSecret = "a secret of all gateways"

func newClusterStorm(t *testing.T, gateways int) *clusterStorm {
	t.Helper()
	seed := seed(t)
	s := &clusterStorm{storm: &storm{t: t, random: rand.New(rand.NewPCG(seed, 0))}, logs: map[string]*collector{}}
	s.redis = testenv.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	for range gateways {
		g := start(t, "--redis-url", s.redis.URL(), "--archive", "off", "--secret", clusterSecret, "--tls", "off",
			"--max-message-rate", "100000", "--max-command-rate", "100000", "--max-connects-per-ip", "100000", "--log-level", "warn")
		s.gateways = append(s.gateways, g)
		s.living = append(s.living, socketURL(g.URL()))
	}
	for range stormRooms {
		room := createRoom(t, s.gateways[s.random.IntN(gateways)].URL(), "creator")
		s.rooms = append(s.rooms, room.ID)
		s.logs[room.ID] = s.collect(room.ID)
		for i := range stormMembers {
			s.stormers = append(s.stormers, &stormer{
				room: room.ID, name: fmt.Sprintf("member %d", i), random: rand.New(rand.NewPCG(seed, uint64(len(s.stormers))+1)),
				acks: &s.acks, answers: map[uint64]uint64{}, dropped: map[uint64]bool{}, unhurried: true,
			})
		}
	}
	return s
}

// disturbed lets everybody storm while something happens, then get the answers that
// are missing.
func (s *clusterStorm) disturbed(during func()) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 4*patience)
	defer cancel()
	calm := make(chan struct{})
	var group sync.WaitGroup
	for i, m := range s.stormers {
		random := rand.New(rand.NewPCG(s.random.Uint64(), uint64(i)))
		group.Go(func() {
			for ctx.Err() == nil {
				s.mu.Lock()
				m.url = s.living[random.IntN(len(s.living))]
				s.mu.Unlock()
				err := m.session(ctx, calm)
				if err == nil {
					return
				}
				if errors.Is(err, errFault) {
					err = fmt.Errorf("%s in %s at %s: %w", m.name, m.room, m.url, err)
					s.fault.CompareAndSwap(nil, &err)
					cancel()
				}
				select {
				case <-time.After(20 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	during()
	close(calm)
	group.Wait()
	if err := s.fault.Load(); err != nil {
		s.t.Fatal(*err)
	}
	for _, m := range s.stormers {
		if len(m.unanswered) > 0 {
			s.t.Fatalf("%s in %s: commands %v were not answered", m.name, m.room, m.unanswered)
		}
	}
}

// answers waits for some more answers.
func (s *clusterStorm) answers(n int64) {
	s.t.Helper()
	goal := s.acks.Load() + n
	eventually(s.t, "the storm", func() string {
		if err := s.fault.Load(); err != nil {
			s.t.Fatal(*err)
		}
		if left := goal - s.acks.Load(); left > 0 {
			return fmt.Sprintf("%d answers are missing", left)
		}
		return ""
	})
}

// TestGatewaysKilledInStorm kills gateways, one after the other, and Redis, in
// the middle of storms: what was acknowledged is there once, and everybody saw
// the same, on whichever gateways they were.
func TestGatewaysKilledInStorm(t *testing.T) {
	s := newClusterStorm(t, 3)
	s.disturbed(func() {
		s.answers(300)
		for range 4 {
			i := s.random.IntN(len(s.gateways))
			s.mu.Lock()
			url := s.living[i]
			s.living[i] = s.living[(i+1)%len(s.living)]
			s.mu.Unlock()
			s.gateways[i].Kill()
			s.answers(300)
			s.gateways[i].Restart()
			s.mu.Lock()
			s.living[i] = url
			s.mu.Unlock()
			s.answers(200)
		}
	})
	s.disturbed(func() {
		s.answers(200)
		s.redis.Kill()
		s.redis.Restart()
		s.answers(300)
		s.redis.Stop()
		time.Sleep(2 * time.Second)
		s.redis.Restart()
		s.answers(300)
	})
	s.check()
}

// check compares what everybody was told with what Redis has had.
func (s *clusterStorm) check() {
	s.t.Helper()
	s.disturbed(func() {}) // all read what the last answers did to the others
	commands, events, overdue := 0, 0, 0
	for _, room := range s.rooms {
		log := s.logs[room].end()
		var members []*stormer
		for _, m := range s.stormers {
			if m.room == room {
				members = append(members, m)
			}
		}
		checkChain(s.t, room, log)
		checkSameEvents(s.t, members, log)
		for _, m := range members {
			checkCommands(s.t, m, log)
			commands += len(m.sent)
			overdue += m.overdue
		}
		events += len(log)
	}
	s.t.Logf("%d commands, %d events in %d rooms; %d had been done, and their answers lost", commands, events, len(s.rooms), overdue)
}

// collector reads a room's log as it grows: gateways trim it.
type collector struct {
	t      *testing.T
	log    *redislog.Log
	room   string
	stop   chan struct{}
	done   chan struct{}
	events []core.Event
}

func (s *clusterStorm) collect(room string) *collector {
	s.t.Helper()
	log, err := redislog.Open(s.t.Context(), redislog.Options{URL: s.redis.URL(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	c := &collector{t: s.t, log: log, room: room, stop: make(chan struct{}), done: make(chan struct{})}
	go c.run()
	s.t.Cleanup(func() { c.end() })
	return c
}

func (c *collector) run() {
	defer close(c.done)
	for last := false; ; {
		page, err := c.log.Read(context.Background(), c.room, uint64(len(c.events)), 1000)
		if err == nil {
			c.events = append(c.events, page...)
			if last && len(page) == 0 {
				return
			}
		}
		select {
		case <-c.stop:
			last = true
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// end reads the rest and returns all.
func (c *collector) end() []core.Event {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	<-c.done
	_ = c.log.Close(context.Background())
	return c.events
}
