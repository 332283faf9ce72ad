package legacy

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
	wire "tandem.watch/tandem/protocol/legacy"
)

// Whatever goes into a record comes out of it.
func TestRecords(t *testing.T) {
	want := []record{
		{frame: []byte("abc")},
		{to: toOnly, member: "user_ann0001", timeline: true, due: 1_700_000_000_000_000, instant: -5, hole: 7, frame: bytes.Repeat([]byte("x"), 70_000)},
		{to: toOthers, member: "m_äö", timeline: true},
	}
	var b []byte
	for _, r := range want {
		var err error
		if b, err = appendRecord(b, r, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range want {
		var got record
		got, b = nextRecord(b)
		if diff := cmp.Diff(w, got, cmp.AllowUnexported(record{}), cmp.Comparer(bytes.Equal)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if len(b) != 0 {
		t.Errorf("%d bytes are left", len(b))
	}
}

// A play is encoded once however many hear it: they share its bytes, and differ
// in the instant only.
func TestEncodedOnce(t *testing.T) {
	room := core.NewRoom("room")
	e := core.Event{ID: 1, Number: 1, At: 1_700_000_000_000_000, Body: core.Created{Room: "room"}}
	if err := room.Apply(e); err != nil {
		t.Fatal(err)
	}
	play := core.Event{ID: 2, Number: 2, At: e.At, By: core.Ref{Seat: "ann"}, Body: core.TimelineSet{Cause: core.CausePlay, Rate: 1, Playing: true, At: e.At}}
	f := &core.Frame{Message: core.Happened{Epoch: 1, First: 2, Last: 2, Events: []core.Event{play}, Room: room}}
	enc := &encoding{node: "n"}
	var shared *byte
	for range 100 {
		b, err := f.Encode(enc)
		if err != nil {
			t.Fatal(err)
		}
		r, rest := nextRecord(b)
		if len(rest) != 0 || r.hole == 0 || r.instant != e.At {
			t.Fatalf("%+v", r)
		}
		if shared == nil {
			shared = &r.frame[0]
		}
		if shared != &r.frame[0] {
			t.Fatal("another copy")
		}
	}
}

func BenchmarkCrowd(b *testing.B) {
	room := core.NewRoom("room")
	if err := room.Apply(core.Event{ID: 1, Number: 1, At: 1, Body: core.Created{Room: "room"}}); err != nil {
		b.Fatal(err)
	}
	play := core.Event{ID: 2, Number: 2, At: 1, Body: core.TimelineSet{Cause: core.CausePlay, Rate: 1, Playing: true, At: 1}}
	enc, c := &encoding{node: "n"}, &clock{}
	b.ReportAllocs()
	for b.Loop() { // a play to a hundred members
		f := &core.Frame{Message: core.Happened{Events: []core.Event{play}, Room: room}}
		for range 100 {
			bytes, err := f.Encode(enc)
			if err != nil {
				b.Fatal(err)
			}
			r, _ := nextRecord(bytes)
			own := wire.AppendInstant(make([]byte, 0, wire.InstantWidth), c.shows(r.instant))
			_ = own
		}
	}
}
