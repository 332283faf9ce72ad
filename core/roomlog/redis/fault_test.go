package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/logtest"
	redislog "tandem.watch/tandem/core/roomlog/redis"
	"tandem.watch/tandem/internal/testenv"
)

// room is what a test knows of a room that it writes alone.
type room struct {
	id     string
	head   core.Head
	events []core.Event
}

func (r *room) batch(texts ...string) core.Batch {
	b := core.Batch{Members: 1}
	head := r.head
	for i, text := range texts {
		var body core.Body = core.Said{Member: "m_1", Name: "Ann", Text: text}
		if head.Number == 0 {
			body = core.Created{Room: r.id}
		}
		e := core.Event{
			ID: core.NewEventID(), Prev: head.ID, Epoch: max(1, head.Epoch), Number: head.Number + 1, At: int64(head.Number) + int64(i),
			Body: body, By: core.Ref{Seat: "m_1", Command: head.Number + 1, Sum: 1},
		}
		b.Events = append(b.Events, e)
		head = core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID}
	}
	return b
}

func (r *room) appended(b core.Batch) {
	r.events = append(r.events, b.Events...)
	e := b.Events[len(b.Events)-1]
	r.head = core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID}
}

// insist appends a batch as rooms do: as often as it takes.
func insist(ctx context.Context, l core.Log, r *room, b core.Batch) error {
	for {
		err := l.Append(ctx, r.id, r.head, b)
		if err == nil {
			r.appended(b)
			return nil
		}
		if !errors.Is(err, core.ErrUnavailable) && !errors.Is(err, core.ErrUnknown) || ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// load writes rooms, each by one goroutine, while something happens, then checks
// that they are whole, and that followers of them have been told of all, by what
// was published or by their heads.
func load(t *testing.T, writer, reader *store, rooms int, during func(answers func(n int64))) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	var count atomic.Int64
	var all sync.WaitGroup
	stop := make(chan struct{})
	list, ears := make([]*room, rooms), make([]*logtest.Ear, rooms)
	for i := range list {
		list[i], ears[i] = &room{id: fmt.Sprint("room ", i)}, &logtest.Ear{}
		if _, err := reader.Follow(ctx, list[i].id, ears[i]); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for n := 0; ; n++ {
				if err := insist(ctx, writer, list[i], list[i].batch(fmt.Sprint(n), "and")); err != nil {
					t.Errorf("%s: %v", list[i].id, err)
					return
				}
				count.Add(1)
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
				}
			}
		})
	}
	during(func(n int64) {
		t.Helper()
		for goal := count.Load() + n; count.Load() < goal; time.Sleep(5 * time.Millisecond) {
			if ctx.Err() != nil || t.Failed() {
				t.Fatalf("only %d of %d appends", count.Load(), goal)
			}
		}
	})
	close(stop)
	all.Wait()
	for i, r := range list {
		got, err := reader.Read(ctx, r.id, 0, len(r.events)+1)
		if err != nil || len(got) != len(r.events) {
			t.Fatalf("%s has %d events instead of %d, %v", r.id, len(got), len(r.events), err)
		}
		for k, e := range got {
			if e.ID != r.events[k].ID {
				t.Fatalf("%s: event %d is another one", r.id, k+1)
			}
		}
		ears[i].Await(t, "the head of "+r.id, func() bool { return slices.Contains(ears[i].Heads, r.head) })
		// And it is followed still, by what is published.
		b := r.batch("last")
		if err := insist(ctx, writer, r, b); err != nil {
			t.Fatal(err)
		}
		ears[i].Await(t, "the last event of "+r.id, func() bool {
			return len(ears[i].Events) > 0 && ears[i].Events[len(ears[i].Events)-1].ID == b.Events[0].ID
		})
	}
	t.Logf("%d appends", count.Load())
}

func TestRestartedRedis(t *testing.T) {
	server := testenv.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	load(t, open(t, server.URL()), open(t, server.URL()), 10, func(answers func(int64)) {
		answers(200)
		server.Kill()
		time.Sleep(300 * time.Millisecond)
		server.Restart()
		answers(200)
		server.Stop()
		server.Restart()
		answers(200)
	})
}

func TestFrozenRedis(t *testing.T) {
	server := testenv.StartRedis(t)
	load(t, open(t, server.URL()), open(t, server.URL()), 10, func(answers func(int64)) {
		answers(200)
		server.Freeze()
		time.Sleep(10 * time.Second)
		server.Thaw()
		answers(200)
	})
}

// A subscriber that is too slow for Redis is cut off, and subscribes again.
func TestSubscriberCutOff(t *testing.T) {
	server := testenv.StartRedis(t)
	load(t, open(t, server.URL()), open(t, server.URL()), 10, func(answers func(int64)) {
		answers(100)
		server.Do("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1 1 1")
		answers(300)
		server.Do("CLIENT", "KILL", "TYPE", "pubsub")
		server.Do("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")
		answers(100)
	})
}

func TestSlotMigration(t *testing.T) {
	cluster := testenv.StartRedisCluster(t, false)
	load(t, open(t, cluster.URL()), open(t, cluster.URL()), 20, func(answers func(int64)) {
		answers(200)
		for i := range 12 {
			slot := cluster.Slot(redislog.KeyOf(fmt.Sprint("room ", i)))
			cluster.Migrate(slot, (cluster.Owner(slot)+1)%3)
			answers(50)
		}
	})
}

func TestPromotedReplica(t *testing.T) {
	cluster := testenv.StartRedisCluster(t, true)
	load(t, open(t, cluster.URL()), open(t, cluster.URL()), 20, func(answers func(int64)) {
		answers(300)
		// What it has acknowledged is at the replica: this is not the test of a lost tail.
		victim, heir := cluster.Primaries[1], cluster.Replicas[1]
		victim.KillAfter(heir)
		heir.Await("promoted", func() bool {
			return strings.Contains(fmt.Sprint(heir.Client().Info(context.Background(), "replication").Val()), "role:master")
		})
		answers(300)
	})
}

func TestSentinelFailover(t *testing.T) {
	primary, replica := testenv.StartRedis(t), testenv.StartRedis(t)
	replica.Follow(primary)
	sentinel := testenv.StartSentinel(t, "main", primary)
	load(t, open(t, sentinel.URL()), open(t, sentinel.URL()), 10, func(answers func(int64)) {
		answers(200)
		primary.KillAfter(replica)
		answers(200)
	})
}

// A reply that is lost leaves open whether the append was done; a second try
// does it once, whatever became of the first.
func TestLostReplies(t *testing.T) {
	server := testenv.StartRedis(t)
	proxy := testenv.StartProxy(t, server.Addr())
	l := open(t, "redis://"+proxy.Addr())
	r := &room{id: "ABCD"}
	if err := insist(t.Context(), l, r, r.batch("created")); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		b := r.batch(fmt.Sprint("marked ", i), "and another")
		proxy.LoseOnce(fmt.Sprint("marked ", i))
		if err := l.Append(t.Context(), r.id, r.head, b); !errors.Is(err, core.ErrUnknown) {
			t.Fatalf("a lost reply: %v, want ErrUnknown", err)
		}
		if err := insist(t.Context(), l, r, b); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Lose(nil)
	got, err := l.Read(t.Context(), r.id, 0, 1000)
	if err != nil || len(got) != len(r.events) {
		t.Fatalf("%d events instead of %d, %v", len(got), len(r.events), err)
	}
}
