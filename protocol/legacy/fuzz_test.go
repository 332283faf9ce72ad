package legacy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"tandem.watch/tandem/protocol"
)

// Whatever arrives is decoded to something that is within the limits, or
// refused in words; what is passed on is JSON of the type that it had.
func FuzzDecode(f *testing.F) {
	v := loadVectors(f)
	for _, c := range v.Client {
		f.Add([]byte(c.JSON))
	}
	for _, c := range v.Refused {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			var refusal *protocol.Error
			if m != nil || !errors.As(err, &refusal) || refusal.Message == "" || len(refusal.Message) > 300 || !utf8.ValidString(refusal.Message) {
				t.Fatalf("%q: %v beside %+v", data, err, m)
			}
			return
		}
		checkMessage(t, m)
		if o, ok := m.(*Other); ok {
			relay(t, Relayed{Kind: o.Kind, UserID: "u", NodeID: "n", Timestamp: 5, Fields: o.Fields})
		}
		if s, ok := m.(*Signal); ok {
			relay(t, Signalled{Kind: s.Kind, From: "u", To: s.To, Data: s.Data})
		}
	})
}

func checkMessage(t *testing.T, m ClientMessage) {
	t.Helper()
	for _, p := range positions(m) {
		if p != nil && !(*p >= 0 && *p <= protocol.MaxPosition) {
			t.Errorf("%+v has the position %v", m, *p)
		}
	}
	switch m := m.(type) {
	case *Join:
		if m.RoomID == "" || m.UserID == "" || m.UserID == Server || utf8.RuneCountInString(m.RoomID+m.UserID+m.Username) > 3*MaxID {
			t.Errorf("%+v", m)
		}
	case *URLChange:
		if !strings.HasPrefix(m.URL, "https://") {
			t.Errorf("%+v", m)
		}
	case *SyncResponse:
		if m.URL != "" && !strings.HasPrefix(m.URL, watchSite) {
			t.Errorf("%+v", m)
		}
	}
}

func positions(m ClientMessage) []*float64 {
	switch m := m.(type) {
	case *PlayPause:
		return []*float64{m.CurrentTime}
	case *Seek:
		return []*float64{m.CurrentTime}
	case *Ready:
		return []*float64{m.TargetTime}
	case *HostHeartbeat:
		return []*float64{m.CurrentTime}
	case *PositionUpdate:
		return []*float64{m.CurrentTime}
	case *URLChange:
		return []*float64{m.CurrentTime}
	default:
		return nil
	}
}

func relay(t *testing.T, m ServerMessage) {
	t.Helper()
	out, _, err := Append(nil, m)
	if err != nil {
		t.Fatalf("%+v: %v", m, err)
	}
	var head struct{ Type, UserID, From string }
	if err := json.Unmarshal(out, &head); err != nil || head.Type != m.Type() || head.UserID+head.From != "u" {
		t.Fatalf("%+v is passed on as %s: %v", m, out, err)
	}
}
