package core

import (
	"testing"
	"time"

	"tandem.watch/tandem/protocol"
)

// playingStage returns a stage that has played for ten seconds from 100 at rate 1.
func playingStage(t *testing.T) *stage {
	s := newStage(t, "host", "guest")
	s.act("host", Play{Position: new(100.0)})
	s.sleep(10 * time.Second)
	return s
}

// pausedStage returns a stage that stands at 100.
func pausedStage(t *testing.T) *stage {
	s := newStage(t, "host", "guest")
	s.act("host", Seek{Position: 100})
	s.sleep(10 * time.Second)
	return s
}

func TestPlayback(t *testing.T) {
	at := func(p float64) *float64 { return &p }
	type set struct {
		cause    Cause
		position float64
		rate     float64
		playing  bool
	}
	for _, c := range []struct {
		name    string
		from    func(*testing.T) *stage
		command Command
		want    *set // nil: nothing happens
	}{
		{"play while paused", pausedStage, Play{}, &set{CausePlay, 100, 1, true}},
		{"play while paused, nearly there", pausedStage, Play{Position: at(100.4)}, &set{CausePlay, 100.4, 1, true}},
		{"play while paused, elsewhere", pausedStage, Play{Position: at(7)}, &set{CausePlay, 7, 1, true}},
		{"play while playing", playingStage, Play{}, nil},
		{"play while playing, the same spot", playingStage, Play{Position: at(110)}, nil},
		{"play while playing, just before", playingStage, Play{Position: at(109.5)}, nil},
		{"play while playing, just after", playingStage, Play{Position: at(110.5)}, nil},
		{"play while playing, too far before", playingStage, Play{Position: at(109.4)}, &set{CausePlay, 109.4, 1, true}},
		{"play while playing, too far after", playingStage, Play{Position: at(110.6)}, &set{CausePlay, 110.6, 1, true}},
		{"play with a gate while playing", playingStage, Play{Wait: true}, nil},

		{"pause while playing", playingStage, Pause{}, &set{CausePause, 110, 1, false}},
		{"pause while playing, where the presser was", playingStage, Pause{Position: at(109.8)}, &set{CausePause, 109.8, 1, false}},
		{"pause while playing, far off", playingStage, Pause{Position: at(3)}, &set{CausePause, 3, 1, false}},
		{"pause while paused", pausedStage, Pause{}, nil},
		{"pause while paused, the same spot", pausedStage, Pause{Position: at(100.5)}, nil},
		{"pause while paused, too far", pausedStage, Pause{Position: at(100.6)}, &set{CausePause, 100.6, 1, false}},

		{"seek while playing", playingStage, Seek{Position: 7}, &set{CauseSeek, 7, 1, true}},
		{"seek while paused", pausedStage, Seek{Position: 7}, &set{CauseSeek, 7, 1, false}},
		{"seek and play", pausedStage, Seek{Position: 7, Play: new(true)}, &set{CauseSeek, 7, 1, true}},
		{"seek and pause", playingStage, Seek{Position: 7, Play: new(false)}, &set{CauseSeek, 7, 1, false}},
		{"seek to where it stands", pausedStage, Seek{Position: 100}, nil},
		{"seek nearly to where it stands", pausedStage, Seek{Position: 100.1}, &set{CauseSeek, 100.1, 1, false}},
		{"seek to where it stands, and play", pausedStage, Seek{Position: 100, Play: new(true)}, &set{CauseSeek, 100, 1, true}},
		{"seek to where it plays", playingStage, Seek{Position: 110}, &set{CauseSeek, 110, 1, true}},
		{"seek that waits, but not to play", pausedStage, Seek{Position: 7, Wait: true}, &set{CauseSeek, 7, 1, false}},
		{"seek to the end of time", pausedStage, Seek{Position: protocol.MaxPosition}, &set{CauseSeek, protocol.MaxPosition, 1, false}},

		{"rate while playing", playingStage, SetRate{Rate: 2}, &set{CauseRate, 110, 2, true}},
		{"rate while paused", pausedStage, SetRate{Rate: 0.5}, &set{CauseRate, 100, 0.5, false}},
		{"the same rate", playingStage, SetRate{Rate: 1}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.from(t)
			before := s.room.Timeline
			if c.want == nil {
				s.want("host", c.command)
				if s.room.Timeline != before {
					t.Fatalf("the timeline was stamped anew: %+v, was %+v", s.room.Timeline, before)
				}
				return
			}
			s.want("host", c.command, TimelineSet{
				Cause: c.want.cause, Position: c.want.position, Rate: c.want.rate, Playing: c.want.playing, At: s.now,
			})
			want := Timeline{
				Position: c.want.position, Rate: c.want.rate, Playing: c.want.playing, At: s.now, Number: s.room.Number,
			}
			if s.room.Timeline != want {
				t.Fatalf("timeline %+v, want %+v", s.room.Timeline, want)
			}
		})
	}
}

// The old extension repeats its play and pause three seconds later, with its
// position then: that must change nothing.
func TestRepeatedPlayAndPauseStampNothing(t *testing.T) {
	s := newStage(t, "host", "guest")
	s.hints.Lead = 200 * time.Millisecond
	s.act("host", Play{Position: new(20.0)})
	for range 5 {
		s.sleep(3 * time.Second)
		s.want("host", Play{Position: new(s.room.Timeline.PositionAt(s.now) - 0.3)})
	}
	s.act("host", Pause{Position: new(40.0)})
	for range 5 {
		s.sleep(3 * time.Second)
		s.want("host", Pause{Position: new(40.2)})
	}
	if got := s.room.Timeline.Position; got != 40 {
		t.Errorf("stands at %v, want 40", got)
	}
}

func TestMedia(t *testing.T) {
	s := playingStage(t)
	s.act("host", SetRate{Rate: 1.5})
	film := Media{Kind: MediaURL, URL: "https://example.org/film.mp4", Title: "film", DurationMs: 60_000}
	s.want("host", SetMedia{Media: film}, MediaSet{Media: film}, TimelineSet{Cause: CauseMedia, Rate: 1.5, At: s.now})
	if !s.room.Media.Equal(film) || s.room.Timeline.Playing || s.room.Timeline.Position != 0 {
		t.Errorf("after other media: %+v, %+v", s.room.Media, s.room.Timeline)
	}
	s.act("host", Play{})
	s.want("host", SetMedia{Media: film}) // the same again stops nobody
	if !s.room.Timeline.Playing {
		t.Error("setting the same media stopped the room")
	}
}

func TestPositionAt(t *testing.T) {
	moving := Timeline{Position: 10, Rate: 2, Playing: true, At: stageStart}
	standing := Timeline{Position: 10, Rate: 2, At: stageStart}
	for _, c := range []struct {
		t    Timeline
		at   int64
		want float64
	}{
		{moving, stageStart, 10},
		{moving, stageStart + 1_500_000, 13},
		{moving, stageStart - 1_500_000, 10}, // a start that is still ahead
		{standing, stageStart + 1_500_000, 10},
	} {
		if got := c.t.PositionAt(c.at); got != c.want {
			t.Errorf("%+v at %d: %v, want %v", c.t, c.at-stageStart, got, c.want)
		}
	}
}

// A room that was forgotten while playing stays within what messages carry.
func TestPositionStaysInRange(t *testing.T) {
	s := playingStage(t)
	s.sleep(300 * 24 * time.Hour)
	s.want("host", Pause{}, TimelineSet{Cause: CausePause, Position: protocol.MaxPosition, Rate: 1, At: s.now})
}

// The clock of the gateway that decides may be behind the room's last event.
func TestTimeNeverRunsBackwards(t *testing.T) {
	s := playingStage(t)
	s.act("host", Say{Text: "now"})
	at := s.room.At
	s.now -= time.Minute.Microseconds()
	s.want("host", Pause{}, TimelineSet{Cause: CausePause, Position: 110, Rate: 1, At: at})
}
