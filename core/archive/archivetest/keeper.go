package archivetest

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
)

func testRooms(t *testing.T, s Store) {
	ids := []string{"B", "a", "é", "日本"}
	for i, id := range ids {
		events := room(id)
		for j := range events {
			events[j].At += int64(len(ids)-i) * 100_000_000
		}
		store(t, s, core.Piece{Room: id, Events: events})
	}
	var got []string
	for after := ""; ; {
		page, err := s.Rooms(t.Context(), after, 3)
		noError(t, err)
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			got, after = append(got, r.ID), r.ID
			if r.Head.Number != 10 || r.Forgotten || r.Created >= r.At || r.Created < start {
				t.Errorf("room %+v", r)
			}
		}
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Error(diff)
	}
	idle, err := s.Idle(t.Context(), math.MaxInt64, 3)
	noError(t, err)
	if diff := cmp.Diff([]string{"日本", "é", "a"}, idle); diff != "" {
		t.Error(diff)
	}
	if idle, err = s.Idle(t.Context(), start, 3); err != nil || len(idle) > 0 {
		t.Errorf("idle %v, %v", idle, err)
	}
}

func testDelete(t *testing.T, s Store) {
	long := History(core.Head{}, append([]core.Body{core.Created{Room: "a"}}, Say(4999)...)...)
	b := room("b")
	store(t, s, core.Piece{Room: "a", Events: long}, core.Piece{Room: "b", Events: b})
	noError(t, s.Delete(t.Context(), "a"))
	check(t, s, "a", nil)
	check(t, s, "b", b)
	a := room("a")
	store(t, s, core.Piece{Room: "a", Events: a})
	check(t, s, "a", a)
}

func testForgetMember(t *testing.T, s Store) {
	a := room("a")
	store(t, s, core.Piece{Room: "a", Events: a, Snapshot: replay(t, "a", a)})
	noError(t, s.Forget(t.Context(), "a", "m_2"))
	want := slices.Clone(a)
	want[3].Body, want[4].Body = core.Joined{Member: "m_2"}, core.Said{Member: "m_2"}
	check(t, s, "a", want)
	stored, err := s.Load(t.Context(), "a")
	noError(t, err)
	if m := stored.Room.Member("m_2"); m == nil || m.Name != "" || stored.Room.Chat[0].Text != "" || stored.Room.Chat[1].Text == "" {
		t.Errorf("the snapshot says %+v, %+v", m, stored.Room.Chat)
	}
	store(t, s, core.Piece{Room: "a", Events: a}) // the log's copy does not bring it back
	check(t, s, "a", want)
}

func testForgetRoom(t *testing.T, s Store) {
	a := History(core.Head{}, append([]core.Body{core.Created{Room: "a", Settings: core.Settings{Title: "x"}, Media: core.Media{Kind: core.MediaURL, URL: "y"}}}, Say(4500)...)...)
	store(t, s, core.Piece{Room: "a", Events: a})
	store(t, s, core.Piece{Room: "a", Snapshot: replay(t, "a", a)})
	noError(t, s.Forget(t.Context(), "a", ""))
	if _, err := s.Load(t.Context(), "a"); !errors.Is(err, core.ErrNoRoom) {
		t.Errorf("load: %v", err)
	}
	blank := func(events []core.Event) []core.Event {
		events = slices.Clone(events)
		for i := range events {
			events[i] = core.ForgetMember(events[i], "")
		}
		return events
	}
	check(t, s, "a", blank(a))
	more := History(HeadOf(a[len(a)-1]), Say(1)...) // what was on its way
	store(t, s, core.Piece{Room: "a", Events: more, Snapshot: replay(t, "a", append(a, more...))})
	check(t, s, "a", blank(append(a, more...)))
	if _, err := s.Load(t.Context(), "a"); !errors.Is(err, core.ErrNoRoom) {
		t.Errorf("load: %v", err)
	}
	lines, err := s.Chat(t.Context(), "a", 0, 10)
	noError(t, err)
	for _, l := range lines {
		if l.Text != "" || l.Name != "" {
			t.Errorf("line %+v", l)
		}
	}
}

func testChat(t *testing.T, s Store) {
	a := room("a")
	store(t, s, core.Piece{Room: "a", Events: a})
	lines, err := s.Chat(t.Context(), "a", 0, 2)
	noError(t, err)
	if len(lines) != 2 || lines[1].Number != 10 || lines[1].Text != "line 4" || lines[1].At != a[9].At {
		t.Errorf("newest %+v", lines)
	}
	lines, err = s.Chat(t.Context(), "a", lines[0].Number, 100)
	noError(t, err)
	if len(lines) != 4 || lines[0].Text != "from Bob" || lines[3].Number != 8 {
		t.Errorf("before %+v", lines)
	}
}
