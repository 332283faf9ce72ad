package redis_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem.watch/tandem/core/roomlog/logtest"
	"tandem.watch/tandem/core/roomlog/sqlite"
	"tandem.watch/tandem/internal/testenv"
)

func BenchmarkAppend(b *testing.B) {
	server := testenv.StartRedis(b)
	logtest.Bench(b, func(b *testing.B) logtest.Store {
		server.Do("FLUSHALL")
		return open(b, server.URL())
	})
}

// BenchmarkCommit is what a gateway's rooms do: each appends one event after the
// other. It reports commits per second, the latency of one, and how much of a
// processor Redis took for it.
func BenchmarkCommit(b *testing.B) {
	server := testenv.StartRedis(b, "--appendonly", "yes")
	for _, log := range []struct {
		name string
		open func(b *testing.B) logtest.Store
	}{
		{"redis", func(b *testing.B) logtest.Store {
			server.Do("FLUSHALL")
			return open(b, server.URL())
		}},
		{"sqlite", func(b *testing.B) logtest.Store {
			l, err := sqlite.Open(b.Context(), b.TempDir()+"/log.db", slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = l.Close(b.Context()) })
			return l
		}},
	} {
		for _, rooms := range []int{1, 10, 1000} {
			b.Run(fmt.Sprintf("log=%s/rooms=%d", log.name, rooms), func(b *testing.B) { benchCommit(b, log.open(b), rooms, server) })
		}
	}
}

func benchCommit(b *testing.B, s logtest.Store, rooms int, server *testenv.Redis) {
	list := make([]*room, rooms)
	for i := range list {
		list[i] = &room{id: fmt.Sprint("room ", i)}
		if err := insist(b.Context(), s, list[i], list[i].batch("created")); err != nil {
			b.Fatal(err)
		}
	}
	took := make([][]time.Duration, rooms)
	before := cpu(server)
	b.ResetTimer()
	var all sync.WaitGroup
	for i, r := range list {
		all.Go(func() {
			for k := i; k < b.N; k += rooms {
				batch := r.batch("a line of chat, as long as one usually is")
				began := time.Now()
				if err := s.Append(b.Context(), r.id, r.head, batch); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(began))
				r.head.Number, r.head.Epoch, r.head.ID = batch.Events[0].Number, 1, batch.Events[0].ID
			}
		})
	}
	all.Wait()
	b.StopTimer()
	flat := slices.Concat(took...)
	slices.Sort(flat)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64(flat[len(flat)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(flat[len(flat)*99/100].Microseconds()), "p99-µs")
	if _, ok := s.(*store); ok {
		b.ReportMetric((cpu(server)-before)*1e6/float64(b.N), "redis-cpu-µs/commit")
	}
}

// cpu is how many seconds of a processor Redis has used.
func cpu(server *testenv.Redis) float64 {
	total := 0.0
	for line := range strings.Lines(fmt.Sprint(server.Do("INFO", "cpu"))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			seconds, _ := strconv.ParseFloat(value, 64)
			total += seconds
		}
	}
	return total
}
