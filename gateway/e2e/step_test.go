package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// together is how far windows that play may be apart. It is a bound on
	// correctness; how near they really are is measured elsewhere.
	together = 150 * time.Millisecond
	// settled is how near they come to each other before that is judged: play
	// is not steady while a player that started late is still catching up.
	settled = together / 2
	// starved is how late a page's timer is, in ms, when others have the
	// machine: what its video does then says nothing about the product.
	starved = 150
	// frame is how far windows that stand may be apart.
	frame = time.Second / 30
)

// sample is the video element of a window at one instant.
type sample struct {
	// At is the host's clock in ms: all windows are on one host.
	At       float64
	Position float64 // s
	Room     float64 // s, where the page takes the room to be
	Rate     float64
	Moves    bool // plays, and is not seeking
}

// origin is when the media would have been at 0, in ms: where a window is,
// whenever it was asked.
func (s sample) origin() float64 { return s.At - s.Position*1000/s.Rate }

// look reads the video element so many times, so many ms apart.
func look(w *window, times, apart int) ([]sample, error) {
	return tryEval[[]sample](w, fmt.Sprintf(`(async () => {
		const samples = [];
		for (let i = 0; i < %d; i++) {
			if (i > 0) await new Promise((done) => setTimeout(done, %d));
			const video = document.querySelector("#video");
			const room = window.tandem?.room; // pages of others keep it to themselves
			samples.push({
				At: performance.timeOrigin + performance.now(),
				Position: video.currentTime,
				Room: room ? Math.min(room.position(), video.duration) : video.currentTime,
				Rate: room ? room.state.timeline.rate : 1,
				Moves: !video.paused && !video.seeking,
			});
		}
		return samples;
	})()`, times, apart))
}

// view is what was seen of one window: medians over its samples.
type view struct {
	name     string
	origin   float64 // ms
	position float64 // s
	off      float64 // ms from where its page takes the room to be
	moves    bool    // throughout
	late     bool    // a sample came so late that the page cannot have had its share of the machine
}

// lookAll looks at all windows at the same time.
func lookAll(windows []*window, times, apart int) ([]view, error) {
	views, errs := make([]view, len(windows)), make([]error, len(windows))
	var group sync.WaitGroup
	for i, w := range windows {
		group.Go(func() {
			var samples []sample
			if samples, errs[i] = look(w, times, apart); errs[i] == nil {
				views[i] = summarise(w.name, samples, float64(apart))
			}
		})
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", windows[i].name, err)
		}
	}
	return views, nil
}

func summarise(name string, samples []sample, apart float64) view {
	v := view{name: name, moves: true}
	var origins, positions, offs []float64
	for i, s := range samples {
		origins, positions = append(origins, s.origin()), append(positions, s.Position)
		offs = append(offs, (s.Position-s.Room)*1000)
		v.moves = v.moves && s.Moves
		if i > 0 && s.At-samples[i-1].At > apart+starved {
			v.late = true
		}
	}
	v.moves = v.moves && samples[len(samples)-1].Position > samples[0].Position
	v.origin, v.position, v.off = median(origins), median(positions), median(offs)
	return v
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// spread is how far apart the windows are in ms, by what of reads of them.
func spread(views []view, of func(view) float64) float64 {
	least, most := math.Inf(1), math.Inf(-1)
	for _, v := range views {
		least, most = min(least, of(v)), max(most, of(v))
	}
	return most - least
}

// apart says why windows that should play within a bound of each other do not;
// "" when they do.
func apart(views []view, within time.Duration) string {
	most := float64(within.Milliseconds())
	var wrong []string
	for _, v := range views {
		if !v.moves {
			wrong = append(wrong, fmt.Sprintf("%s stands at %.3f s", v.name, v.position))
		}
		if math.Abs(v.off) > most {
			wrong = append(wrong, fmt.Sprintf("%s is %.0f ms off the room", v.name, v.off))
		}
	}
	if s := spread(views, func(v view) float64 { return v.origin }); s > most {
		wrong = append(wrong, fmt.Sprintf("they are %.0f ms apart", s))
	}
	return strings.Join(wrong, ", ")
}

// awaitTogether waits until the windows play in step, then checks that they
// are for a while. It returns where they are, in seconds.
func awaitTogether(what string, windows ...*window) (position float64) {
	t := windows[0].t
	t.Helper()
	began := time.Now()
	for {
		eventually(t, what+": playing together", func() string {
			views, err := lookAll(windows, 5, 30)
			if err != nil {
				return err.Error()
			}
			return apart(views, settled)
		})
		took := time.Since(began)

		views, err := lookAll(windows, 21, 50)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		t.Logf("%s: together after %v, then %.1f ms apart over 1 s",
			what, took.Round(time.Millisecond), spread(views, func(v view) float64 { return v.origin }))
		wrong := apart(views, together)
		if wrong != "" && took < patience && slices.ContainsFunc(views, func(v view) bool { return v.late }) {
			t.Logf("%s: a page was starved, and %s; once more", what, wrong)
			continue
		}
		if wrong != "" {
			t.Errorf("%s: in steady play %s", what, wrong)
		}
		return views[0].position
	}
}

// awaitStill waits until the windows stand at the same frame, where the room
// is, and stay there. It returns where that is, in seconds.
func awaitStill(what string, windows ...*window) (position float64) {
	t := windows[0].t
	t.Helper()
	var views []view
	between := func() float64 { return spread(views, func(v view) float64 { return v.position * 1000 }) }
	eventually(t, what+": standing together", func() string {
		last := views
		var err error
		if views, err = lookAll(windows, 2, 100); err != nil {
			return err.Error()
		}
		for i, v := range views {
			switch {
			case v.moves || len(last) == 0 || last[i].position != v.position:
				return v.name + " moves"
			case math.Abs(v.off) > float64(frame.Milliseconds()):
				return fmt.Sprintf("%s is %.0f ms off the room", v.name, v.off)
			}
		}
		if ms := between(); ms > float64(frame.Milliseconds()) {
			return fmt.Sprintf("they are %.0f ms apart", ms)
		}
		return ""
	})
	t.Logf("%s: standing at %.3f s, %.1f ms apart", what, views[0].position, between())
	return views[0].position
}
