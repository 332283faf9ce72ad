package v1

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

// What a client makes of the events is what a newcomer is told: the rules of
// protocol/README.md ("Applying events") say the same as core.Apply, through
// the bytes of both messages.
func TestClientsReachTheSameRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := core.NewRoom("room")
		now := int64(1_700_000_000_000_000)
		commit := func(by core.Ref, c core.Command) []core.Event {
			d, err := core.Decide(room, by, c, now, core.Hints{Lead: 100 * time.Millisecond, Connected: func(m string) bool { return m != "m2" }})
			if err != nil {
				return nil
			}
			var events []core.Event
			for _, b := range d.Bodies {
				e := core.Event{ID: core.NewEventID(), Prev: room.Head, Epoch: 1, Number: room.Number + 1, At: now, By: by, Body: b}
				if err := room.Apply(e); err != nil {
					t.Fatal(err)
				}
				events = append(events, e)
			}
			return events
		}
		commit(core.Ref{}, core.Create{Member: "m0", Name: "Ann", Settings: core.Settings{GuestControl: true}, Media: core.Media{Kind: core.MediaClip}})
		view := newcomer(t, room)
		for i := range rapid.IntRange(1, 40).Draw(t, "commands") {
			now += rapid.Int64Range(0, 4_000_000).Draw(t, "time")
			by, c := drawCommand(t, room, uint64(i+1))
			events := commit(by, c)
			if len(events) == 0 {
				continue
			}
			read(t, view, core.Happened{Epoch: 1, First: events[0].Number, Last: room.Number, Events: events})
			if diff := cmp.Diff(newcomer(t, room).Room, view.Room, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("after %T %+v (-newcomer +client):\n%s", c, c, diff)
			}
		}
	})
}

func newcomer(t *rapid.T, room *core.Room) *testclient.View {
	v := new(testclient.View)
	read(t, v, core.Welcomed{Member: "m0", Seat: "seat", Room: room, Listed: len(room.Members())})
	return v
}

// read passes a message on to a view as bytes.
func read(t *rapid.T, v *testclient.View, m core.Message) {
	data, err := new(JSON).Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	out, err := protocol.DecodeServer(data)
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	if err := v.Read(out); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

func drawCommand(t *rapid.T, room *core.Room, id uint64) (core.Ref, core.Command) {
	member := func(label string) string { return fmt.Sprint("m", rapid.IntRange(0, 5).Draw(t, label)) }
	yes := func(label string) *bool { return new(rapid.Bool().Draw(t, label)) }
	sender := member("sender")
	here := float64(rapid.IntRange(0, 100).Draw(t, "position"))
	gate := uint64(1)
	if room.Gate != nil {
		gate = room.Gate.Number
	}
	switch rapid.IntRange(0, 17).Draw(t, "command") {
	case 0, 1, 2:
		return core.Ref{}, core.Join{Member: sender, Name: "name of " + sender, Access: room.Access}
	case 3:
		return core.Ref{}, core.Depart{Member: sender, Generation: 1}
	case 4:
		return core.Ref{}, core.OpenGate{Gate: gate}
	case 5:
		return core.Ref{}, core.Attach{Member: sender}
	default:
	}
	by := core.Ref{Seat: sender, Command: id}
	item := func(label string) uint64 {
		if len(room.Queue) == 0 {
			return 0
		}
		return append([]core.QueueItem{{}}, room.Queue...)[rapid.IntRange(0, len(room.Queue)).Draw(t, label)].ID
	}
	switch rapid.IntRange(0, 20).Draw(t, "own command") {
	case 0, 1:
		return by, core.Play{Position: &here, Wait: *yes("wait")}
	case 2:
		return by, core.Pause{}
	case 3:
		return by, core.Seek{Position: here, Play: yes("play"), Wait: *yes("wait")}
	case 4:
		return by, core.SetRate{Rate: 0.5 + here/50}
	case 5:
		return by, core.SetMedia{Media: core.Media{Kind: core.MediaURL, URL: fmt.Sprint("https://site.example/", here)}}
	case 6, 7:
		return by, core.Ready{Gate: gate}
	case 8:
		return by, core.Say{Text: "hello"}
	case 9:
		return by, core.Rename{Name: fmt.Sprint("name ", here)}
	case 10:
		return by, core.ChangeSettings{GuestControl: yes("control"), Locked: yes("locked"), Title: new(fmt.Sprint("title ", here))}
	case 11:
		return core.Ref{Seat: room.Host, Command: id}, core.Transfer{Member: member("to")}
	case 12:
		return core.Ref{Seat: room.Host, Command: id}, core.GiveRole{Member: member("to"), Role: core.RoleModerator}
	case 14, 15, 16:
		queued := core.Media{Kind: core.MediaURL, URL: "https://site.example/queued", Subtitles: []core.Subtitle{{URL: fmt.Sprint("https://site.example/", here, ".vtt"), Lang: "en"}}}
		return core.Ref{Seat: room.Host, Command: id}, core.Enqueue{Media: queued, Next: *yes("front")}
	case 17:
		return core.Ref{Seat: room.Host, Command: id}, core.Move{Item: item("item"), Before: item("before")}
	case 18:
		return core.Ref{Seat: room.Host, Command: id}, core.Unqueue{Item: item("item")}
	case 19:
		return core.Ref{Seat: room.Host, Command: id}, core.Next{After: room.MediaNumber, Item: item("item"), Play: yes("play"), Wait: *yes("wait")}
	case 13:
		return core.Ref{Seat: room.Host, Command: id}, core.Remove{Member: member("to"), Ban: *yes("ban")}
	default:
		return core.Ref{Seat: room.Host, Command: id}, core.Unban{Member: member("to")}
	}
}
