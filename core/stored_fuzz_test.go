package core

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tandem.watch/tandem/protocol"
)

// FuzzDecodeEvent: what decodes comes back the same, and the rest is refused.
func FuzzDecodeEvent(f *testing.F) {
	for _, example := range examples(f, "events") {
		f.Add(example.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := DecodeEvent(data)
		if err != nil {
			return
		}
		stored, err := EncodeEvent(e)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeEvent(stored)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzDecodeRoom: what decodes comes back the same and is a room to work with,
// whatever events, a line each, follow.
func FuzzDecodeRoom(f *testing.F) {
	var events [][]byte
	for _, example := range examples(f, "events") {
		events = append(events, bytes.ReplaceAll(example.data, []byte("\n"), nil))
	}
	lines := bytes.Join(events, []byte("\n"))
	for _, example := range examples(f, "snapshots") {
		f.Add(example.data, lines)
		f.Add(example.data, []byte(nil))
	}
	f.Fuzz(func(t *testing.T, snapshot, lines []byte) {
		r, err := DecodeRoom(snapshot)
		if err != nil {
			return
		}
		stored, err := EncodeRoom(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeRoom(stored)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again, sameRoom); diff != "" {
			t.Fatal(diff)
		}
		for line := range bytes.Lines(lines) {
			e, err := DecodeEvent(line)
			if err != nil {
				continue
			}
			e.Number, e.Prev = r.Number+1, r.Head
			if err := r.Apply(e); err != nil && r.Number != math.MaxUint64 {
				t.Fatal(err)
			}
		}
		if _, err := EncodeRoom(r); err != nil {
			t.Fatal(err)
		}
		exercise(t, r)
	})
}

// exercise decides one of every command, and applies what is decided.
func exercise(t *testing.T, r *Room) {
	seats := []string{"", r.Host, "ghost"}
	for _, m := range r.Members() {
		seats = append(seats, m.ID)
	}
	seats = seats[:min(len(seats), 6)]
	gate := uint64(0)
	if r.Gate != nil {
		gate = r.Gate.Number
	}
	for _, seat := range seats {
		for _, c := range []Command{
			Join{Member: "new", Access: r.Access},
			Attach{Member: seat},
			Ready{Gate: gate},
			OpenGate{Gate: gate},
			Play{Wait: true},
			SetRate{Rate: 2},
			Pause{},
			Play{Position: new(1.0)},
			Seek{Position: protocol.MaxPosition, Play: new(true)},
			SetMedia{Media: Media{Kind: MediaFile}},
			Enqueue{Media: Media{Kind: MediaFile}, Next: true},
			Enqueue{Media: Media{Kind: MediaClip}},
			Move{Item: r.Number},
			Next{After: r.MediaNumber, Play: new(true), Wait: true},
			Unqueue{Item: r.Number},
			Say{Text: "x"},
			Rename{Name: "x"},
			ChangeSettings{PIN: new(true)},
			GiveRole{Member: "new", Role: RoleModerator},
			Transfer{Member: "new"},
			Remove{Member: "new", Ban: true},
			Unban{Member: "new"},
			Depart{Member: seat, Generation: 1},
			Leave{},
		} {
			copied := r.Clone()
			d, err := Decide(copied, Ref{Seat: seat, Command: 1 << 40, Sum: Sum(c)}, c, r.At, Hints{})
			if err != nil {
				continue
			}
			for _, e := range chain(copied, Ref{Seat: seat, Command: 1 << 40, Sum: Sum(c)}, d.Bodies, r.At) {
				if err := copied.Apply(e); err != nil && r.Number < math.MaxUint64-9 {
					t.Fatal(err)
				}
			}
		}
	}
}
