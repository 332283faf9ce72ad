package archivetest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/memory"
)

// Bench drains a backlog of 100,000 events of 100 rooms from a log in memory,
// and reports events a second.
func Bench(b *testing.B, open func(b *testing.B) Store) {
	const rooms, each = 100, 1000
	for b.Loop() {
		b.StopTimer()
		log, archive := memory.New(), open(b)
		for i := range rooms {
			id := fmt.Sprint("room ", i)
			events := History(core.Head{}, append([]core.Body{core.Created{Room: id}}, Say(each-1)...)...)
			if err := log.Append(context.Background(), id, core.Head{}, core.Batch{Events: events}); err != nil {
				b.Fatal(err)
			}
		}
		f, err := core.NewFeeder(core.FeederOptions{Log: log, Archive: archive, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := f.Round(context.Background()); err != nil {
			b.Fatal(err)
		}
		if f.Lag().Stored != rooms*each {
			b.Fatalf("lag %+v", f.Lag())
		}
	}
	b.ReportMetric(float64(rooms*each*b.N)/b.Elapsed().Seconds(), "events/s")
}
