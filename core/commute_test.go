package core

import (
	"slices"
	"testing"
)

func TestPastKinds(t *testing.T) {
	for name, c := range map[string]struct {
		bodies  []Body
		passes  []string
		blocked []string
	}{
		"a word":          {[]Body{Said{}}, []string{"chat", "joined", "timeline", "hosted"}, []string{"left", "settings", "unbanned"}},
		"a join":          {[]Body{Joined{}}, []string{"chat", "joined", "timeline"}, []string{"left", "settings", "unbanned", "hosted"}},
		"a return":        {[]Body{Seated{}}, []string{"chat", "joined"}, []string{"left", "seated"}},
		"a departure":     {[]Body{Left{}}, []string{"chat"}, []string{"left", "joined", "seated", "hosted", "role", "gate", "ready"}},
		"the last ready":  {[]Body{GateReady{}}, []string{"chat", "joined"}, []string{"ready", "left", "gate", "timeline"}},
		"a seek":          {[]Body{TimelineSet{}}, []string{"chat", "joined", "seated"}, []string{"timeline", "gate", "ready", "role", "hosted", "settings", "left", "media"}},
		"nothing":         {[]Body{Noted{}}, []string{"chat"}, []string{"timeline"}},
		"a new host":      {[]Body{Left{}, Hosted{}}, nil, []string{"chat"}},
		"settings":        {[]Body{SettingsSet{}}, nil, []string{"chat"}},
		"a gate":          {[]Body{TimelineSet{}, GateOpened{}}, []string{"chat"}, []string{"joined", "left", "gate"}},
		"words and joins": {[]Body{Said{}, Joined{}}, []string{"chat", "joined"}, []string{"hosted", "left"}},
		"an item":         {[]Body{Queued{}}, nil, []string{"chat"}},
	} {
		var b Batch
		for _, body := range c.bodies {
			b.Events = append(b.Events, Event{Body: body})
		}
		past := b.PastKinds()
		for _, kind := range c.passes {
			if !slices.Contains(past, kind) {
				t.Errorf("%s does not pass %s", name, kind)
			}
		}
		for _, kind := range c.blocked {
			if slices.Contains(past, kind) {
				t.Errorf("%s passes %s", name, kind)
			}
		}
	}
}

func TestRanked(t *testing.T) {
	gateways := []string{"a", "b", "c", "d"}
	first := map[string]int{}
	for range 4000 {
		room := NewRoomID()
		order := ranked(room, gateways)
		first[order[0]]++
		reversed := slices.Clone(gateways)
		slices.Reverse(reversed)
		if !slices.Equal(order, ranked(room, reversed)) {
			t.Fatal("two gateways order the same ones differently")
		}
		// Who goes takes only its own place with it.
		without := slices.DeleteFunc(slices.Clone(order), func(g string) bool { return g == "b" })
		if !slices.Equal(without, ranked(room, []string{"a", "c", "d"})) {
			t.Fatal("the others' order changes when one goes")
		}
	}
	for _, g := range gateways {
		if n := first[g]; n < 800 || n > 1200 {
			t.Errorf("%s is first in %d of 4000 rooms", g, n)
		}
	}
}
