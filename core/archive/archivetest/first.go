package archivetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
)

// first is what the archives in testdata/first.sql hold: written by the first
// release, they are upgraded for ever.
func first() (kept, lost, second []core.Event) {
	named := func(head core.Head, id core.EventID, bodies ...core.Body) []core.Event {
		events := History(head, bodies...)
		for i := range events {
			events[i].ID, events[i].Prev = id+core.EventID(i), head.ID
			head = HeadOf(events[i])
		}
		return events
	}
	kept = named(core.Head{}, 0x100, core.Created{Room: "first", Settings: core.Settings{Title: "Night"}},
		core.Joined{Member: "m_1", Name: "Ann"}, core.Hosted{Member: "m_1"}, core.Joined{Member: "m_2", Name: "Bob"},
		core.Said{Member: "m_2", Name: "Bob", Text: "hello \x00"}, core.Left{Member: "m_2", Reason: core.LeftSelf})
	lost = named(HeadOf(kept[5]), 0x200, core.Said{Member: "m_1", Name: "Ann", Text: "lost"}, core.Noted{})
	fork := HeadOf(kept[5])
	fork.Epoch = 2
	kept = append(kept, named(fork, 0x300, core.Said{Member: "m_1", Name: "Ann", Text: "the other way"}, core.Noted{}, core.Noted{})...)
	second = named(core.Head{}, 0x400, core.Created{Room: "second"}, core.Noted{})
	return kept, lost, second
}

// StoreFirst fills an empty archive with what testdata/first.sql holds.
func StoreFirst(t testing.TB, s core.Archive) {
	t.Helper()
	kept, lost, second := first()
	store(t, s, core.Piece{Room: "first", Events: kept[:6], Snapshot: replay(t, "first", kept[:4])})
	store(t, s, core.Piece{Room: "first", Events: lost}, core.Piece{Room: "second", Events: second})
	store(t, s, core.Piece{Room: "first", Events: kept[6:]})
}

// CheckFirst compares an archive with what StoreFirst stored.
func CheckFirst(t testing.TB, s core.Archive) {
	t.Helper()
	kept, _, second := first()
	check(t, s, "first", kept)
	check(t, s, "second", second)
	stored, err := s.Load(t.Context(), "first")
	noError(t, err)
	if stored.Room == nil || stored.Room.Number != 4 || cmp.Diff(kept[4:], stored.Events) != "" {
		t.Errorf("loaded %+v", stored)
	}
}
