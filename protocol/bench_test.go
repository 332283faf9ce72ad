package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func BenchmarkDecodeClient(b *testing.B) {
	for _, bm := range []struct{ name, text string }{
		{"probe", `{"type":"probe","t1":123456789}`},
		{"seek", `{"type":"seek","id":7,"position":600.5,"play":true}`},
		{"chat", `{"type":"chat","id":8,"text":"` + strings.Repeat("hello ", 20) + `"}`},
		{"signal", `{"type":"signal","to":"m_0T5VW8YZ1C","data":{"sdp":"` + strings.Repeat("a=candidate ", 200) + `"}}`},
		{"refused", `{"type":"seek","id":7,"position":-1}`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			data := []byte(bm.text)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = DecodeClient(data)
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	members := make([]Member, MembersPage)
	for i := range members {
		members[i] = Member{ID: fmt.Sprintf("m_%010d", i), Name: fmt.Sprintf("Member %d", i), Role: RoleGuest, JoinedAt: 1767225600000000}
	}
	change := &Change{Timeline: Timeline{Position: 600.5, Rate: 1, Playing: true, At: 1767225600150000, Number: 14}, Cause: CausePlay}
	for _, bm := range []struct {
		name string
		m    ServerMessage
	}{
		{"ack", &Ack{ID: 12, Number: 14}},
		{"clock", &Clock{T1: 123456789, T2: 1767225600000001, T3: 1767225600000057}},
		{"event", &Events{Epoch: 1, First: 14, Last: 14, Events: []Event{
			{Number: 14, Type: EventTimeline, At: 1767225600000000, By: "m_7Q2K9XHF3B", Command: 12, Timeline: change},
		}}},
		{"signal", &Signalled{From: "m_0T5VW8YZ1C", Data: json.RawMessage(`{"sdp":"` + strings.Repeat("a=candidate ", 200) + `"}`)}},
		{"welcome of 100", &Welcome{Member: "m_0000000000", Seat: "q83vEjRWeJCrze8SNFZ4kA", Epoch: 1, Number: 101, Room: &Room{
			ID: "7Q2K9XHF3BTW", Host: "m_0000000000", Media: Media{Kind: MediaClip}, Members: members, MemberCount: len(members),
		}}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			buf, err := Append(nil, bm.m)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = Append(buf[:0], bm.m)
			}
		})
	}
}
