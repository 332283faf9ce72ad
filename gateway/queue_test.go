package gateway

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tandem.watch/tandem/protocol"
)

func titled(n int) protocol.Media {
	return protocol.Media{
		Kind: protocol.MediaURL, URL: fmt.Sprintf("https://site.example/%d.mp4", n), Title: fmt.Sprint("film ", n),
		Subtitles: []protocol.Subtitle{{URL: fmt.Sprintf("https://site.example/%d.vtt", n), Label: "English", Lang: "en"}},
	}
}

// When the clip is over, all send next in the same moment: the room goes on
// once, whoever was first, and all see the same.
func TestEverybodyGoesOnOnce(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		all := []*peer{ann}
		for i := range 5 {
			all = append(all, w.join(ann.room, fmt.Sprint("guest ", i), office))
		}
		for n := range 3 {
			ann.do(&protocol.Enqueue{Command: ann.id(), Media: titled(n)})
		}
		ann.do(&protocol.Play{Command: ann.id()})
		time.Sleep(20 * time.Second)
		for _, c := range all {
			c.settle()
			c.events()
		}
		again := map[*peer]*protocol.Next{}
		for _, c := range all {
			again[c] = &protocol.Next{Command: c.id(), After: c.view.Room.MediaNumber, Wait: true}
			_ = c.Send(again[c])
		}
		for _, c := range all {
			if _, ok := c.answer(again[c].ID).(*protocol.Ack); !ok {
				t.Errorf("%s was refused", c.name)
			}
			c.do(again[c]) // a repeat
			c.saw("unqueued played", "media url", "timeline media 0", "gate")
		}
		newcomer := w.join(ann.room, "late", cafe)
		got := newcomer.welcome.Room
		if !cmp.Equal(got.Media, titled(0)) || len(got.Queue) != 2 || !cmp.Equal(got.Queue[0].Media, titled(1)) || got.Queue[0].Name != "Ann" || got.Queue[0].Member != ann.member {
			t.Errorf("a newcomer finds %+v and the queue %+v", got.Media, got.Queue)
		}
		for _, c := range all {
			c.settle()
			if diff := cmp.Diff(*got, c.view.Room, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s keeps another room than a newcomer gets (-newcomer +%s):\n%s", c.name, c.name, diff)
			}
		}
	})
}

// The queue is there after a restart, for who comes back and who is new.
func TestQueueOutlivesTheGateway(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ann.do(&protocol.ChangeSettings{Command: ann.id(), Title: new("Film night")})
		for n := range 3 {
			ann.do(&protocol.Enqueue{Command: ann.id(), Media: titled(n), Next: n == 2})
		}
		first := ann.view.Room.Queue[0].ID
		ann.do(&protocol.Move{Command: ann.id(), Item: first})
		ann.do(&protocol.Unqueue{Command: ann.id(), Item: ann.view.Room.Queue[0].ID})
		before := ann.view.Room
		w.crash()
		ann = ann.resume()
		ben := w.join(ann.room, "Ben", office)
		ann.settle()
		if len(before.Queue) != 2 || before.Settings.Title == "" {
			t.Fatalf("before, the room was %+v", before)
		}
		for _, room := range []protocol.Room{ann.view.Room, *ben.welcome.Room} {
			if diff := cmp.Diff(before, room, cmpopts.IgnoreFields(protocol.Room{}, "Members", "MemberCount")); diff != "" {
				t.Errorf("the room after the restart (-before +after):\n%s", diff)
			}
		}
	})
}

func TestQueueIsForControllers(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ben.do(&protocol.Enqueue{Command: ben.id(), Media: titled(1)})
		ann.saw("joined Ben", "queued film 1 at 0")
		ann.do(&protocol.ChangeSettings{Command: ann.id(), GuestControl: new(false)})
		item := ann.view.Room.Queue[0].ID
		ben.refuse(&protocol.Enqueue{Command: ben.id(), Media: titled(2)}, protocol.CodeForbidden)
		ben.refuse(&protocol.Unqueue{Command: ben.id(), Item: item}, protocol.CodeForbidden)
		ben.refuse(&protocol.Move{Command: ben.id(), Item: item}, protocol.CodeForbidden)
		ben.refuse(&protocol.Next{Command: ben.id(), After: ann.view.Room.MediaNumber}, protocol.CodeForbidden)
		ann.do(&protocol.Unqueue{Command: ann.id(), Item: item})
		ann.refuse(&protocol.Unqueue{Command: ann.id(), Item: item}, protocol.CodeNotFound)
	})
}
