package core

import (
	"testing"
	"time"
)

const (
	startLead     = 150 * time.Millisecond
	startSeekLead = 400 * time.Millisecond
)

// A start is as far ahead as the hints say, and further when all have to seek.
func TestScheduledStart(t *testing.T) {
	for _, c := range []struct {
		name    string
		from    func(*testing.T) *stage
		command Command
		want    time.Duration
	}{
		{"play from where it stands", pausedStage, Play{}, startLead},
		{"play from elsewhere", pausedStage, Play{Position: new(7.0)}, startLead + startSeekLead},
		{"play from elsewhere while playing", playingStage, Play{Position: new(7.0)}, startLead + startSeekLead},
		{"seek while playing", playingStage, Seek{Position: 7}, startLead + startSeekLead},
		{"seek and play", pausedStage, Seek{Position: 7, Play: new(true)}, startLead + startSeekLead},
		{"pause is at once", playingStage, Pause{}, 0},
		{"seek while paused is at once", pausedStage, Seek{Position: 7}, 0},
		{"rate is at once", playingStage, SetRate{Rate: 2}, 0},
		{"media is at once", playingStage, SetMedia{Media: Media{Kind: MediaFile}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.from(t)
			s.hints.Lead, s.hints.SeekLead = startLead, startSeekLead
			s.act("host", c.command)
			if got := time.Duration(s.room.Timeline.At-s.now) * time.Microsecond; got != c.want {
				t.Errorf("starts in %v, want %v", got, c.want)
			}
		})
	}
}

// Before a scheduled start the room stands at its position, but plays.
func TestBeforeAScheduledStart(t *testing.T) {
	s := pausedStage(t)
	s.hints.Lead = startLead
	s.act("host", Play{})
	start := s.room.Timeline.At
	s.sleep(startLead / 2)
	s.want("host", Play{})
	s.want("guest", Say{Text: "so?"}, Said{Member: "guest", Name: "guest", Text: "so?"})
	s.want("host", SetRate{Rate: 2}, TimelineSet{Cause: CauseRate, Position: 100, Rate: 2, Playing: true, At: start})
	s.want("host", Pause{}, TimelineSet{Cause: CausePause, Position: 100, Rate: 2, At: s.now})
}

func TestNegativeLeadIsNone(t *testing.T) {
	s := pausedStage(t)
	s.hints.Lead = -time.Second
	s.act("host", Play{})
	if s.room.Timeline.At != s.now {
		t.Errorf("starts %d µs from now", s.room.Timeline.At-s.now)
	}
}
