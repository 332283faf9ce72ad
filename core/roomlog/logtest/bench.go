package logtest

import (
	"fmt"
	"sync"
	"testing"

	"tandem.watch/tandem/core"
)

// Bench measures appends, each of one event, by some rooms at once: every room
// waits for an append before its next, as the hub does.
func Bench(b *testing.B, open func(b *testing.B) Store) {
	for _, rooms := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) { benchAppend(b, open(b), rooms) })
	}
}

func benchAppend(b *testing.B, s Store, n int) {
	rooms := make([]*room, n)
	for i := range rooms {
		rooms[i] = create(b, s, core.NewRoomID())
	}
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i, r := range rooms {
		all.Go(func() {
			for k := i; k < b.N; k += n {
				batch := r.batch(1, core.TimelineSet{Cause: core.CausePlay, Position: 12.5, Rate: 1, Playing: true, At: r.at})
				batch.Events[0].By = core.Ref{Seat: "m_0123456789", Command: uint64(k) + 1, Sum: 123456789}
				if err := s.Append(b.Context(), r.id, r.head, batch); err != nil {
					b.Error(err)
					return
				}
				e := batch.Events[0]
				r.head, r.at = core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID}, e.At
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}
