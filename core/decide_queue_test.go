package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/protocol"
)

func film(n int) Media {
	return Media{Kind: MediaURL, URL: fmt.Sprintf("https://example.org/%d.mp4", n), Subtitles: []Subtitle{{URL: "https://example.org/a.vtt", Lang: "en"}}}
}

// queuedStage has films 1, 2 and so on in its queue.
func queuedStage(t *testing.T, films int) *stage {
	s := newStage(t, "host", "guest")
	for n := range films {
		s.act("host", Enqueue{Media: film(n + 1)})
	}
	return s
}

// item is the id of a film in the queue.
func (s *stage) item(n int) uint64 {
	s.t.Helper()
	i := slices.IndexFunc(s.room.Queue, func(q QueueItem) bool { return q.Media.Equal(film(n)) })
	if i < 0 {
		s.t.Fatalf("film %d is not queued", n)
	}
	return s.room.Queue[i].ID
}

// queue checks which films are queued.
func (s *stage) queue(films ...int) {
	s.t.Helper()
	var got, want []string
	for _, q := range s.room.Queue {
		got = append(got, q.Media.URL)
	}
	for _, n := range films {
		want = append(want, film(n).URL)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Fatalf("the queue (-want +got):\n%s", diff)
	}
}

func TestEnqueue(t *testing.T) {
	s := newStage(t, "host", "guest")
	s.act("host", ChangeSettings{GuestControl: new(true)})
	s.want("host", Enqueue{Media: film(1)}, Queued{Media: film(1), Member: "host", Name: "host", Index: 0})
	s.want("guest", Enqueue{Media: film(2)}, Queued{Media: film(2), Member: "guest", Name: "guest", Index: 1})
	s.want("guest", Enqueue{Media: film(3), Next: true}, Queued{Media: film(3), Member: "guest", Name: "guest", Index: 0})
	s.queue(3, 1, 2)
	if got, want := s.room.Queue[0], (QueueItem{ID: s.room.Number, Media: film(3), Member: "guest", Name: "guest"}); !cmp.Equal(got, want) {
		t.Errorf("the item is %+v, want %+v", got, want)
	}
	s.act("guest", Leave{})
	s.queue(3, 1, 2) // what somebody added stays
}

func TestQueueIsBounded(t *testing.T) {
	s := queuedStage(t, protocol.MaxQueue)
	s.refused("host", Enqueue{Media: film(0)}, protocol.CodeQueueFull)
	s.refused("host", Enqueue{Media: film(0), Next: true}, protocol.CodeQueueFull)
	s.act("host", Unqueue{Item: s.item(50)})
	s.act("host", Enqueue{Media: film(0)})

	// By bytes, up to the last one.
	s = newStage(t, "host")
	long := func(n int) Media { return Media{Kind: MediaURL, URL: "https://e.org/" + strings.Repeat("x", n)} }
	for range 15 {
		s.act("host", Enqueue{Media: long(2000)})
	}
	left := protocol.MaxQueueBytes - protocol.JSONSize(append(slices.Clone(s.room.Queue), QueueItem{ID: s.room.Number + 1, Media: long(0), Member: "host", Name: "host"}))
	s.refused("host", Enqueue{Media: long(left + 1)}, protocol.CodeQueueFull)
	s.act("host", Enqueue{Media: long(left)})
	if got := protocol.JSONSize(s.room.Queue); got != protocol.MaxQueueBytes {
		t.Errorf("a full queue has %d bytes", got)
	}
	s.refused("host", Enqueue{Media: Media{Kind: MediaClip}}, protocol.CodeQueueFull)
}

func TestUnqueue(t *testing.T) {
	s := queuedStage(t, 3)
	second := s.item(2)
	s.want("host", Unqueue{Item: second}, Unqueued{Item: second, Reason: UnqueuedRemoved})
	s.queue(1, 3)
	s.refused("host", Unqueue{Item: second}, protocol.CodeNotFound)
}

func TestMove(t *testing.T) {
	for _, c := range []struct {
		item, before int
		index        int // -1: nothing happens
		want         []int
	}{
		{1, 0, 3, []int{2, 3, 4, 1}},
		{4, 0, -1, []int{1, 2, 3, 4}},
		{4, 1, 0, []int{4, 1, 2, 3}},
		{1, 4, 2, []int{2, 3, 1, 4}},
		{3, 2, 1, []int{1, 3, 2, 4}},
		{2, 3, -1, []int{1, 2, 3, 4}},
		{2, 2, -1, []int{1, 2, 3, 4}},
	} {
		s := queuedStage(t, 4)
		move := Move{Item: s.item(c.item)}
		if c.before != 0 {
			move.Before = s.item(c.before)
		}
		if c.index < 0 {
			s.want("host", move)
		} else {
			s.want("host", move, Moved{Item: move.Item, Index: c.index})
		}
		s.queue(c.want...)
		s.refused("host", Move{Item: 1}, protocol.CodeNotFound)
		s.refused("host", Move{Item: move.Item, Before: 1}, protocol.CodeNotFound)
	}
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name    string
		playing bool
		next    Next
		want    func(s *stage) []Body
	}{
		{"while it stands", false, Next{}, func(s *stage) []Body { return []Body{TimelineSet{Cause: CauseMedia, Rate: 1, At: s.now}} }},
		{"while it plays", true, Next{}, func(s *stage) []Body {
			return []Body{TimelineSet{Cause: CauseMedia, Rate: 1, Playing: true, At: s.at(startLead + startSeekLead)}}
		}},
		{"while it plays, when all are ready", true, Next{Wait: true}, func(s *stage) []Body {
			return []Body{TimelineSet{Cause: CauseMedia, Rate: 1, At: s.now}, GateOpened{Waiting: []string{"host", "guest"}, Deadline: s.at(GateWait)}}
		}},
		{"while it stands, to stand on", false, Next{Wait: true}, func(s *stage) []Body { return []Body{TimelineSet{Cause: CauseMedia, Rate: 1, At: s.now}} }},
		{"while it stands, to play", false, Next{Play: new(true)}, func(s *stage) []Body {
			return []Body{TimelineSet{Cause: CauseMedia, Rate: 1, Playing: true, At: s.at(startLead + startSeekLead)}}
		}},
		{"while it plays, to stand", true, Next{Play: new(false), Wait: true}, func(s *stage) []Body {
			return []Body{TimelineSet{Cause: CauseMedia, Rate: 1, At: s.now}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := queuedStage(t, 2)
			s.hints = Hints{Lead: startLead, SeekLead: startSeekLead}
			if c.playing {
				s.act("host", Play{})
				s.sleep(time.Minute)
			}
			c.next.After = s.room.MediaNumber
			first := s.item(1)
			want := append([]Body{Unqueued{Item: first, Reason: UnqueuedPlayed}, MediaSet{Media: film(1)}}, c.want(s)...)
			s.want("host", c.next, want...)
			s.queue(2)
			if !s.room.Media.Equal(film(1)) || s.room.MediaNumber <= first {
				t.Errorf("the room watches %+v of event %d", s.room.Media, s.room.MediaNumber)
			}
		})
	}
}

// Everybody says "go on" when the clip is over: it happens once, and a repeat,
// however late, changes nothing.
func TestNextHappensOnce(t *testing.T) {
	s := newStage(t, "host", "a", "b", "c")
	s.act("host", ChangeSettings{GuestControl: new(true)})
	for n := range 3 {
		s.act("host", Enqueue{Media: film(n + 1)})
	}
	s.act("host", Play{})
	after := s.room.MediaNumber
	for _, seat := range []string{"a", "b", "c", "host", "a"} {
		s.act(seat, Next{After: after, Wait: true})
		s.queue(2, 3)
	}
	s.act("b", Pause{}) // which is no other media
	s.act("b", Next{After: s.room.MediaNumber})
	s.queue(3)
	s.want("c", Next{After: after})
	s.want("c", Next{After: after, Item: s.item(3)})
	s.want("c", Next{After: after, Item: 1}) // gone long since: no error to those who come late
	s.act("host", SetMedia{Media: film(9)})
	s.want("a", Next{After: after})
	s.queue(3)
}

// The same film twice in a row begins anew, and is gone on from once each.
func TestNextToTheSameMedia(t *testing.T) {
	s := newStage(t, "host")
	for range 2 {
		s.act("host", Enqueue{Media: film(1)})
	}
	first := s.room.MediaNumber
	s.act("host", Next{After: first})
	second := s.room.MediaNumber
	s.act("host", Seek{Position: 50})
	if bodies := s.act("host", Next{After: second}); len(bodies) != 3 || s.room.Timeline.Position != 0 || s.room.MediaNumber == second {
		t.Errorf("going on to the same film: %+v at %v", bodies, s.room.Timeline)
	}
	s.want("host", Next{After: second})
	s.want("host", Next{After: s.room.MediaNumber}) // nothing is queued any more
}

func TestNextToAGivenItem(t *testing.T) {
	s := queuedStage(t, 3)
	s.act("host", Next{After: s.room.MediaNumber, Item: s.item(2)})
	s.queue(1, 3)
	if !s.room.Media.Equal(film(2)) {
		t.Errorf("the room watches %+v", s.room.Media)
	}
	s.refused("host", Next{After: s.room.MediaNumber, Item: 1}, protocol.CodeNotFound)
}

func TestRoomTitle(t *testing.T) {
	s := newStage(t, "host", "guest")
	s.want("host", ChangeSettings{Title: new("Film night")}, SettingsSet{Settings: Settings{Title: "Film night"}})
	s.want("host", ChangeSettings{Title: new("Film night")})
	s.act("host", ChangeSettings{GuestControl: new(true)})
	if got := s.room.Settings; got != (Settings{GuestControl: true, Title: "Film night"}) || s.room.Access != 0 {
		t.Errorf("the settings are %+v, access %d", got, s.room.Access)
	}
	s.refused("guest", ChangeSettings{Title: new("mine")}, protocol.CodeForbidden)
	s.act("host", ChangeSettings{Title: new("")})
	if s.room.Settings.Title != "" {
		t.Error("the title is still there")
	}
}

// Commands of clients from before there were titles and subtitles keep their
// fingerprints: their repeats must be recognised after an upgrade.
func TestSumsOfBefore(t *testing.T) {
	for want, c := range map[uint32]Command{
		4078315994: ChangeSettings{Locked: new(true)},
		265655686:  SetMedia{Media: Media{Kind: MediaURL, URL: "https://example.org/film.mp4", Title: "film", DurationMs: 60_000}},
	} {
		if got := Sum(c); got != want {
			t.Errorf("%#v has the sum %d, and had %d", c, got, want)
		}
	}
}
