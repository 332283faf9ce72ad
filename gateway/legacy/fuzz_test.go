package legacy

import (
	"encoding/json"
	"strings"
	"testing"

	"tandem.watch/tandem/core"
	wire "tandem.watch/tandem/protocol/legacy"
)

// Whatever a member of version 1 signals, the extension is told an offer, an
// answer or a candidate in JSON, or nothing.
func FuzzSignalled(f *testing.F) {
	for _, seed := range []string{
		`{"description":{"type":"offer","sdp":"v=0"}}`, `{"kind":"ANSWER","description":"opaque"}`, `{"candidate":null}`,
		`{"kind":"ICE_CANDIDATE","candidate":{"candidate":"c"}}`, `{"kind":"ROOM_STATE","description":{}}`, `[]`, `"x"`, `{"description":{"type":7}}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := (&core.Frame{Message: core.Signalled{From: "m_1", To: "user_1", Data: data}}).Encode(&encoding{node: "n"})
		if err != nil {
			if json.Valid(data) {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		for len(b) > 0 {
			var r record
			r, b = nextRecord(b)
			var m struct{ Type, From, To string }
			text := r.frame[strings.IndexByte(string(r.frame), '{'):]
			if err := json.Unmarshal(text, &m); err != nil || m.From != "m_1" || m.Type != wire.Offer && m.Type != wire.Answer && m.Type != wire.ICECandidate {
				t.Fatalf("%q is told as %q: %v", data, text, err)
			}
		}
	})
}

const secret = "s3cr3t-0815"

func TestMask(t *testing.T) {
	for _, text := range []string{
		`{"type":"JOIN","pin":"%s"}`, `{"data":{"list":[{"seatToken":"%s"}]}}`, `{"url":"https://x/?a=1&pin=%s"}`,
		`{"urls":["https://x/?pin=%s&b=1"]}`, `{"offer":{"sdp":"%s"}}`, `{"pin":"%s"`,
		`{"data":{"pin":"%s"}}`, `{"url":"https://h/room/abcdefg/%s"}`, `{"url":"https://x/?to=https%3A%2F%2Fh%2F%3Fa%3D1%26pin%3D%s"}`,
		`{"url":"https://x/?to=https%3A%2F%2Fh%2Froom%2Fabcdefg%2F%s"}`,
	} {
		if out := mask([]byte(strings.ReplaceAll(text, "%s", secret))); strings.Contains(out, secret) {
			t.Errorf("%s is logged as %s", text, out)
		}
	}
	if out := mask([]byte(`{"type":"SEEK","currentTime":5.5,"pin":null,"timestamp":1700000000000}`)); out != `{"currentTime":5.5,"pin":null,"timestamp":1700000000000,"type":"SEEK"}` {
		t.Errorf("a seek is logged as %s", out)
	}
}

// What lets one in is not in the transcript, wherever in a message it is.
func FuzzMask(f *testing.F) {
	for _, seed := range []string{
		`{"type":"JOIN","pin":"%s"}`, `{"type":"X","data":{"list":[{"seatToken":"%s"}]}}`, `{"type":"URL_CHANGE","url":"https://x/?a=1&pin=%s"}`,
		`{"type":"OFFER","offer":{"sdp":"%s"}}`, `{"PIN":"%s"`, `%s`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		known := strings.Contains(text, `"pin":"%s"`) && json.Valid([]byte(text)) && strings.Count(text, "%s") == 1
		out := mask([]byte(strings.ReplaceAll(text, "%s", secret)))
		if out == "" || known && strings.Contains(out, secret) {
			t.Fatalf("%s is logged as %s", text, out)
		}
	})
}
