package logtest

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"tandem.watch/tandem/core"
)

func testCreate(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	r.check(t, s)
	// An id is any text.
	for _, id := range []string{"x", "Ünïcode ☃ 'quoted' \"twice\"; --", "a/b?c#d%41", "0123456789012345678901234567890123456789012345678"} {
		create(t, s, id).check(t, s)
	}
	r.check(t, s)
}

func testUnknownRoom(t *testing.T, s Store) {
	create(t, s, "other")
	if _, err := s.Load(t.Context(), "nowhere", 10); !errors.Is(err, core.ErrNoRoom) {
		t.Errorf("load: got %v, want ErrNoRoom", err)
	}
	if events, err := s.Read(t.Context(), "nowhere", 0, 10); err != nil || len(events) != 0 {
		t.Errorf("read: got %v, %v", events, err)
	}
	if secret, err := s.Secret(t.Context(), "nowhere", "seat"); err != nil || secret != nil {
		t.Errorf("secret: got %v, %v", secret, err)
	}
	snapshot := newRoom("nowhere")
	snapshot.appended(snapshot.batch(1, core.Created{Room: "nowhere"}))
	if err := s.SaveSnapshot(t.Context(), snapshot.state(t, 1)); !errors.Is(err, core.ErrNoRoom) {
		t.Errorf("snapshot: got %v, want ErrNoRoom", err)
	}
	r := newRoom("nowhere")
	r.head = core.Head{Epoch: 1, Number: 7, ID: 77}
	if c := conflict(t, s, r.id, r.head, r.batch(1, say("hi"))); c.Missed != nil {
		t.Errorf("conflict: missed %v", c.Missed)
	}
	if _, err := s.Load(t.Context(), "nowhere", 10); !errors.Is(err, core.ErrNoRoom) {
		t.Errorf("load after all that: got %v, want ErrNoRoom", err)
	}
}

func testAppendAndRead(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	for i := range 20 {
		r.add(t, s, 1, say(fmt.Sprint(i)))
		r.add(t, s, 1, say("two"), say("at once"))
	}
	r.check(t, s)
	n := uint64(len(r.events))
	for _, test := range []struct {
		after uint64
		limit int
		want  []core.Event
	}{
		{0, 1, r.events[:1]},
		{5, 10, r.events[5:15]},
		{n - 1, 10, r.events[n-1:]},
		{n, 10, nil},
		{n + 100, 10, nil},
		{math.MaxUint64, 10, nil},
		{0, 0, nil},
		{0, -1, nil},
	} {
		got, err := s.Read(t.Context(), r.id, test.after, test.limit)
		noError(t, err)
		sameEvents(t, got, test.want)
	}
}

// testEveryKind keeps each kind of event and every field.
func testEveryKind(t *testing.T, s Store) {
	r := newRoom("kinds")
	b := r.batch(
		2,
		core.Created{
			Room: "kinds", Settings: core.Settings{GuestControl: true, Locked: true, PIN: true, Title: "<Ä> & \u2028"},
			Media: core.Media{
				Kind: core.MediaURL, URL: "https://example.com/a?b=<&>", Title: "Ä \u2028 \x00", DurationMs: 5,
				Subtitles: []core.Subtitle{{URL: "https://example.com/a.vtt?b=<&>", Label: "\"Ä\"", Lang: "de"}, {URL: "https://example.com/b.vtt"}},
			},
		},
		core.Joined{Member: "m_1", Name: "Ann", Slow: true}, core.Seated{Member: "m_1", Generation: 1 << 60},
		core.Left{Member: "m_2", Reason: core.LeftBanned}, core.Hosted{Member: "m_1"},
		core.RoleSet{Member: "m_3", Role: core.RoleModerator}, core.Renamed{Member: "m_1", Name: "Bo"},
		core.TimelineSet{Cause: core.CauseSeek, Position: 1.0 / 3, Rate: 1.25, Playing: true, At: math.MaxInt64},
		core.MediaSet{Media: core.Media{Kind: core.MediaClip}},
		core.Queued{Media: core.Media{Kind: core.MediaFile}, Member: "m_1", Name: "Bo", Index: 1},
		core.Unqueued{Item: 1 << 60, Reason: core.UnqueuedPlayed}, core.Moved{Item: 7, Index: 99},
		core.GateOpened{Waiting: []string{"m_1", "m_3"}, Deadline: 1}, core.GateReady{Member: "m_1", Gate: 10},
		say("words"), core.SettingsSet{Access: true}, core.Unbanned{Member: "m_2"}, core.Noted{},
	)
	for i := range b.Events {
		b.Events[i].By = core.Ref{Seat: "m_1", Command: math.MaxUint64 - uint64(i), Sum: math.MaxUint32}
	}
	b.Events[len(b.Events)-1].Epoch = 9
	noError(t, s.Append(t.Context(), r.id, r.head, b))
	r.appended(b)
	r.check(t, s)
	r.add(t, s, 2, say("in the new epoch"))
	r.check(t, s)
}

// testIndependence changes what was handed in and out.
func testIndependence(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	value := []byte{1, 2, 3}
	b := r.batch(1, core.GateOpened{Waiting: []string{"m_1"}, Deadline: 5})
	want := r.batch(1, core.GateOpened{Waiting: []string{"m_1"}, Deadline: 5})
	want.Events[0].ID = b.Events[0].ID
	b.Secrets = []core.Secret{{Name: "pin", Value: value}}
	noError(t, s.Append(t.Context(), r.id, r.head, b))
	r.appended(want)
	b.Events[0].Body.(core.GateOpened).Waiting[0] = "changed"
	value[0] = 99
	r.check(t, s)

	got, err := s.Read(t.Context(), r.id, 3, 1)
	noError(t, err)
	got[0].Body.(core.GateOpened).Waiting[0] = "changed"
	r.check(t, s)

	for range 2 {
		secret, err := s.Secret(t.Context(), r.id, "pin")
		noError(t, err)
		if secret.Value[0] != 1 {
			t.Fatalf("the secret is %v", secret.Value)
		}
		secret.Value[0] = 99
	}

	state := r.state(t, 4)
	noError(t, s.SaveSnapshot(t.Context(), state))
	state.Gate.Waiting[0] = "changed"
	for range 2 {
		stored, err := s.Load(t.Context(), r.id, 0)
		noError(t, err)
		if got := stored.Room.Gate.Waiting[0]; got != "m_1" {
			t.Fatalf("the snapshot waits for %s", got)
		}
		stored.Room.Gate.Waiting[0] = "changed"
	}
}

// testMalformed appends what no log may have: an error of its own kind, and
// nothing is there.
func testMalformed(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	hole := r.batch(1, say("a"), say("b"), say("c"))
	hole.Events = append(hole.Events[:1], hole.Events[2])
	late := r.batch(1, say("a"))
	late.Events[0].Number++
	prev := r.batch(1, say("a"), say("b"))
	prev.Events[1].Prev++
	first := r.batch(1, say("a"))
	first.Events[0].Prev++
	nameless := r.batch(1, say("a"))
	nameless.Events[0].ID = 0
	epoch := r.batch(1, say("a"))
	epoch.Events[0].Epoch = 0
	empty := r.batch(1)
	bodiless := r.batch(1, core.Body(nil))
	negative := r.batch(-1, say("a"))
	for name, b := range map[string]core.Batch{
		"a hole": hole, "a hole after the head": late, "another predecessor": prev, "another head": first,
		"no id": nameless, "an older epoch": epoch, "no events": empty, "no body": bodiless, "minus one member": negative,
	} {
		b.Secrets = []core.Secret{{Name: "pin", Value: []byte{1}}}
		err := s.Append(t.Context(), r.id, r.head, b)
		var c *core.Conflict
		if err == nil || errors.As(err, &c) || errors.Is(err, core.ErrUnavailable) || errors.Is(err, core.ErrUnknown) {
			t.Errorf("%s: got %v, want an error of its own", name, err)
		}
	}
	n := newRoom("")
	if err := s.Append(t.Context(), "", core.Head{}, n.batch(1, core.Created{})); err == nil {
		t.Errorf("no room: no error")
	}
	r.check(t, s)
	if secret, err := s.Secret(t.Context(), r.id, "pin"); err != nil || secret != nil {
		t.Errorf("the secret of a refused batch: %v, %v", secret, err)
	}
	r.add(t, s, 1, say("and on"))
	r.check(t, s)
}
