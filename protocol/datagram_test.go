package protocol

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"testing"
)

type datagramVector struct {
	Name, Direction, Hex string
	// Message is absent of what is no datagram of that direction.
	Message json.RawMessage
}

func (v datagramVector) bytes(tb testing.TB) []byte {
	tb.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// decodeDatagram decodes a datagram of either side.
func decodeDatagram(direction string, b []byte) (any, error) {
	if direction == "client" {
		return DecodeProbe(b)
	}
	return DecodeServerDatagram(b)
}

func appendDatagram(tb testing.TB, dst []byte, m any) []byte {
	tb.Helper()
	switch m := m.(type) {
	case Probe:
		return AppendProbe(dst, m)
	case Clock:
		return AppendClock(dst, m)
	case DatagramEvent:
		return AppendTimeline(dst, m)
	default:
		tb.Fatalf("%T has no datagram", m)
		return nil
	}
}

// datagramMessage is the message as the vectors write it.
func datagramMessage(m any) any {
	switch m := m.(type) {
	case Probe:
		return map[string]any{"type": "probe", "t1": m.T1}
	case Clock:
		return map[string]any{"type": "clock", "t1": m.T1, "t2": m.T2, "t3": m.T3}
	case DatagramEvent:
		return map[string]any{"type": "timeline", "epoch": m.Epoch, "timeline": m.Timeline}
	default:
		return m
	}
}

func TestVectorsDatagrams(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range loadVectors(t).Datagrams {
		t.Run(v.Name, func(t *testing.T) {
			b := v.bytes(t)
			m, err := decodeDatagram(v.Direction, b)
			if v.Message == nil {
				if err == nil {
					t.Fatalf("accepted as %+v", m)
				}
				checkRefusal(t, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			seen[reflect.TypeOf(m).Name()] = true
			got, err := json.Marshal(datagramMessage(m))
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, got, v.Message)
			checkDatagram(t, m, b)
		})
	}
	for _, m := range []any{Probe{}, Clock{}, DatagramEvent{}} {
		if name := reflect.TypeOf(m).Name(); !seen[name] {
			t.Errorf("no vector of the datagram of %s", name)
		}
	}
}

// checkDatagram checks that m encodes to b, bar the flags of later versions.
func checkDatagram(t *testing.T, m any, b []byte) {
	t.Helper()
	const before = "before"
	got := appendDatagram(t, []byte(before), m)
	if !bytes.HasPrefix(got, []byte(before)) {
		t.Fatalf("the encoder changed what was there: %q", got)
	}
	want := bytes.Clone(b)
	if DatagramType(want[0]) == DatagramTimeline {
		want[17] &= 1
	}
	if got = got[len(before):]; !bytes.Equal(got, want) {
		t.Errorf("\n got %x\nwant %x", got, want)
	}
	if len(got) > MaxDatagram {
		t.Errorf("a datagram of %d bytes", len(got))
	}
}

func FuzzDecodeProbe(f *testing.F) { fuzzDatagrams(f, "client") }

func FuzzDecodeServerDatagram(f *testing.F) { fuzzDatagrams(f, "server") }

func fuzzDatagrams(f *testing.F, direction string) {
	for _, v := range loadVectors(f).Datagrams {
		f.Add(v.bytes(f)) // those of the other side too
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeDatagram(direction, data)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if e, ok := m.(DatagramEvent); ok && checkPosition(e.Timeline.Position) != nil {
			t.Errorf("accepted the position %v", e.Timeline.Position)
		}
		checkDatagram(t, m, data)
	})
}
