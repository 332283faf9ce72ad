package logtest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
)

// testReopen: everything outlives an orderly end. Stores that are in memory
// only have nothing to show.
func testReopen(t *testing.T, s Store) {
	reopener, ok := s.(Reopener)
	if !ok {
		return
	}
	var rooms []*room
	for i := range 5 {
		r := create(t, s, fmt.Sprint("room ", i))
		for n := range 10 {
			r.add(t, s, i, say(fmt.Sprint(n)))
		}
		rooms = append(rooms, r)
	}
	secret := core.Secret{Name: "pin", Value: []byte{1, 2}}
	b := rooms[1].batch(1, core.Noted{})
	b.Secrets = []core.Secret{secret}
	noError(t, s.Append(t.Context(), rooms[1].id, rooms[1].head, b))
	rooms[1].appended(b)
	noError(t, s.SaveSnapshot(t.Context(), rooms[2].state(t, 7)))

	for range 3 {
		s = reopener.Reopen(t)
		reopener = s.(Reopener)
		for _, r := range rooms {
			r.check(t, s)
			r.add(t, s, len(r.id), say("after the start"))
		}
		checkLoad(t, s, rooms[1], 0, 3)
		checkLoad(t, s, rooms[2], 7, 3)
		checkSecret(t, s, rooms[1].id, "pin", &secret)
		occupied, err := s.Occupied(t.Context())
		noError(t, err)
		if diff := cmp.Diff([]string{"room 0", "room 1", "room 2", "room 3", "room 4"}, occupied); diff != "" {
			t.Error(diff)
		}
		at, err := s.LatestTime(t.Context())
		noError(t, err)
		if at != rooms[1].at {
			t.Errorf("the latest time is %d, want %d", at, rooms[1].at)
		}
	}
}
