package e2e

import (
	"encoding/json"
	"log/slog"
	"testing"

	"tandem.watch/tandem/core"
	sqlitelog "tandem.watch/tandem/core/roomlog/sqlite"
	"tandem.watch/tandem/protocol"
)

// check stops the program and compares what everybody was told with what it
// has kept.
func (s *storm) check() {
	s.t.Helper()
	s.settle() // all have their answers, and
	s.settle() // have read what that did to the others
	s.program.Stop()
	commands, events, overdue := 0, 0, 0
	for _, room := range s.rooms {
		log := readLog(s.t, database(s.program), room)
		var members []*stormer
		for _, m := range s.stormers {
			if m.room == room {
				members = append(members, m)
			}
		}
		checkSameEvents(s.t, members, log)
		for _, m := range members {
			checkCommands(s.t, m, log)
			commands += len(m.sent)
			overdue += m.overdue
		}
		events += len(log)
	}
	s.t.Logf("%d commands, %d events in %d rooms; %d had been done, and their answers lost", commands, events, len(s.rooms), overdue)
	if commands < stormRooms*stormMembers*ahead {
		s.t.Errorf("only %d commands: that was no storm", commands)
	}
}

// readLog reads a room's whole log, and checks that it is one.
func readLog(t *testing.T, path, room string) []core.Event {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := log.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var all []core.Event
	for {
		page, err := log.Read(t.Context(), room, uint64(len(all)), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	checkChain(t, room, all)
	return all
}

// checkChain checks that events are a whole log.
func checkChain(t *testing.T, room string, all []core.Event) {
	t.Helper()
	var before core.Event
	for i, e := range all {
		if e.Number != uint64(i)+1 || e.Prev != before.ID || e.At < before.At {
			t.Fatalf("room %s: event %d does not follow its predecessor: %+v, %+v", room, i+1, before, e)
		}
		before = e
	}
}

// checkSameEvents checks that the members of a room were told all its events
// since they came, each once, and all the same.
func checkSameEvents(t *testing.T, members []*stormer, log []core.Event) {
	t.Helper()
	told := map[uint64]string{}
	for _, m := range members {
		if m.number < uint64(len(log))-uint64(len(members)) {
			t.Errorf("%s in %s has read up to %d of %d", m.name, m.room, m.number, len(log))
		}
		at := 0
		for _, e := range log {
			if e.Number <= m.joined || e.Number > m.number || !concernsClients(e.Body) {
				continue
			}
			if at >= len(m.events) || m.events[at].Number != e.Number {
				t.Errorf("%s in %s was not told of event %d", m.name, m.room, e.Number)
				return
			}
			got := m.events[at]
			at++
			if got.By != e.By.Seat || got.Command != e.By.Command || got.At != e.At {
				t.Errorf("%s in %s was told %+v of event %+v", m.name, m.room, got, e)
			}
			text := encode(t, got)
			if other, ok := told[e.Number]; ok && other != text {
				t.Errorf("event %d of %s was told as %s and as %s", e.Number, m.room, other, text)
			}
			told[e.Number] = text
		}
		if at < len(m.events) {
			t.Errorf("%s in %s was told of event %d, which is not in the log there", m.name, m.room, m.events[at].Number)
		}
	}
}

func concernsClients(body core.Body) bool {
	switch body.(type) {
	case core.Created, core.Seated, core.Noted:
		return false
	default:
		return true
	}
}

func encode(t *testing.T, e protocol.Event) string {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkCommands checks that each command of a member was answered and done
// once, under the number that it was told.
func checkCommands(t *testing.T, m *stormer, log []core.Event) {
	t.Helper()
	done := map[uint64][]core.Event{}
	for _, e := range log {
		if e.By.Seat == m.member && e.By.Command != 0 {
			done[e.By.Command] = append(done[e.By.Command], e)
		}
	}
	for i, sent := range m.sent {
		id := uint64(i) + 1
		events, number := done[id], m.answers[id]
		delete(done, id)
		switch {
		case m.dropped[id]:
			if len(events) > 0 {
				t.Errorf("%s in %s: command %d was refused, and done: %+v", m.name, m.room, id, events)
			}
			continue
		case number == 0:
			t.Errorf("%s in %s: command %d has no answer", m.name, m.room, id)
			continue
		case len(events) == 0:
			t.Errorf("%s in %s: command %d was acknowledged as %d, and lost", m.name, m.room, id, number)
			continue
		}
		if last := events[len(events)-1]; last.Number != number {
			t.Errorf("%s in %s: command %d was acknowledged as %d, and is %d", m.name, m.room, id, number, last.Number)
		}
		if !fits(sent, events) {
			t.Errorf("%s in %s: command %d, %+v, did %+v", m.name, m.room, id, sent, events)
		}
	}
	if len(done) > 0 {
		t.Errorf("%s in %s: the log has commands that nobody sent: %v", m.name, m.room, done)
	}
}

// fits says whether the events are what a command does when it is done once.
func fits(sent protocol.CommandMessage, events []core.Event) bool {
	if _, nothing := events[0].Body.(core.Noted); nothing {
		switch sent.(type) {
		case *protocol.Play, *protocol.Pause:
			return len(events) == 1 // it changed nothing
		default:
			return false
		}
	}
	switch sent := sent.(type) {
	case *protocol.Say:
		said, ok := events[0].Body.(core.Said)
		return len(events) == 1 && ok && said.Text == sent.Text
	case *protocol.Rename:
		renamed, ok := events[0].Body.(core.Renamed)
		return len(events) == 1 && ok && renamed.Name == sent.Name
	case *protocol.Seek:
		set, ok := events[0].Body.(core.TimelineSet)
		return len(events) == 1 && ok && set.Cause == core.CauseSeek && set.Position == sent.Position
	case *protocol.Pause:
		set, ok := events[0].Body.(core.TimelineSet)
		return len(events) == 1 && ok && set.Cause == core.CausePause
	case *protocol.Play:
		set, ok := events[0].Body.(core.TimelineSet)
		if !ok || set.Cause != core.CausePlay {
			return false
		}
		if sent.Wait {
			_, gate := events[len(events)-1].Body.(core.GateOpened)
			return len(events) == 2 && gate
		}
		return len(events) == 1
	default:
		return false
	}
}
