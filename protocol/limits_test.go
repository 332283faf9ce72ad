package protocol

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

const helloPrefix = `{"type":"hello","version":1,"room":"r","name":"n",`

// TestTextLimits checks that a text may be as long as its limit and no longer,
// in code points or bytes as documented.
func TestTextLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		format string
		unit   string
		most   int
	}{
		{"room", `{"type":"hello","version":1,"name":"n","room":"%s"}`, "🎬", MaxRoomID},
		{"name", `{"type":"hello","version":1,"room":"r","name":"%s"}`, "🎬", MaxName},
		{"PIN", helloPrefix + `"pin":"%s"}`, "é", MaxPIN},
		{"seat", helloPrefix + `"resume":{"seat":"%s"}}`, "s", 64},
		{"rename", `{"type":"rename","id":1,"name":"%s"}`, "日", MaxName},
		{"chat", `{"type":"chat","id":1,"text":"%s"}`, "🎬", MaxChat},
		{"escaped chat", `{"type":"chat","id":1,"text":"%s"}`, `\ud83c\udfac`, MaxChat},
		{"reaction", `{"type":"react","reaction":"%s"}`, "🎬", MaxReaction},
		{"setting of the PIN", `{"type":"settings","id":1,"pin":"%s"}`, "é", MaxPIN},
		{"member", `{"type":"transfer","id":1,"member":"%s"}`, "é", MaxName},
		{"title", `{"type":"media","id":1,"media":{"kind":"clip","title":"%s"}}`, "é", MaxTitle},
		{"URL", `{"type":"media","id":1,"media":{"kind":"url","url":"https://media.example/%s"}}`, "x", MaxURL - len("https://media.example/")},
		{"room title", `{"type":"settings","id":1,"title":"%s"}`, "🎬", MaxRoomTitle},
		{"subtitle URL", `{"type":"enqueue","id":1,"media":{"kind":"clip","subtitles":[{"url":"https://media.example/%s"}]}}`, "x", MaxURL - len("https://media.example/")},
		{"subtitle label", `{"type":"media","id":1,"media":{"kind":"clip","subtitles":[{"url":"https://a.example","label":"%s"}]}}`, "日", MaxLabel},
		{"signal", `{"type":"signal","to":"m","data":"%s"}`, "x", MaxSignal - len(`""`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := DecodeClient(fmt.Appendf(nil, tt.format, strings.Repeat(tt.unit, tt.most))); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			_, err := DecodeClient(fmt.Appendf(nil, tt.format, strings.Repeat(tt.unit, tt.most+1)))
			wantCode(t, err, CodeInvalid)
		})
	}
}

// TestNumberLimits checks both ends of every range.
func TestNumberLimits(t *testing.T) {
	for _, tt := range []struct {
		name    string
		format  string
		in, out []string
	}{
		{
			"position of seek", `{"type":"seek","id":1,"position":%s}`,
			[]string{"0", "-0", "1e7", "9999999.999999", "5e-324", "1e-999"},
			[]string{"-1e-9", "10000000.01", "1e308", "1e309", "-1e309", "null", "true", `"0"`, "[]"},
		},
		{"position of play", `{"type":"play","id":1,"position":%s}`, []string{"null", "0", "1e7"}, []string{"-1e-9", "10000000.01", "1e309"}},
		{"position of pause", `{"type":"pause","id":1,"position":%s}`, []string{"null", "0", "1e7"}, []string{"-1e-9", "10000000.01", "1e309"}},
		{"rate", `{"type":"rate","id":1,"rate":%s}`, []string{"0.25", "4", "1"}, []string{"0.24999", "4.00001", "0", "-1", "1e309", "null"}},
		{"id", `{"type":"leave","id":%s}`, []string{"1", "9007199254740991"}, []string{"0", "-1", "9007199254740992", "1.0", "1e3", "18446744073709551616", "null"}},
		{"item of unqueue", `{"type":"unqueue","id":1,"item":%s}`, []string{"1", "18446744073709551615"}, []string{"0", "-1", "1.5", "null", `"1"`}},
		{"item of move", `{"type":"move","id":1,"item":%s}`, []string{"1"}, []string{"0", "-1", "null"}},
		{"after of next", `{"type":"next","id":1,"after":%s}`, []string{"0", "9007199254740991"}, []string{"-1", "9007199254740992", "1.0", "null"}},
		{"gate", `{"type":"ready","id":1,"gate":%s}`, []string{"0", "1"}, []string{"-1", "0.5"}},
		{"limit of history", `{"type":"history","limit":%s}`, []string{"0", "1", "100"}, []string{"-1", "101", "1.5", "99999999999999999999"}},
		{"duration", `{"type":"media","id":1,"media":{"kind":"clip","durationMs":%s}}`, []string{"0", "10000000000"}, []string{"-1", "10000000001", "1.5"}},
		{"round trip", `{"type":"status","rttMs":%s}`, []string{"0", "60000"}, []string{"-1", "60000.1", "1e309"}},
		{"play latency", `{"type":"status","playLatencyMs":%s}`, []string{"0", "60000"}, []string{"-1", "60000.1"}},
		{"seek latency", `{"type":"status","seekLatencyMs":%s}`, []string{"0", "60000"}, []string{"-1", "60000.1"}},
		{"offset", `{"type":"status","offsetMs":%s}`, []string{"null", "-1e10", "1e10"}, []string{"-1.1e10", "1.1e10", "1e309"}},
		{"probe", `{"type":"probe","t1":%s}`, []string{"-9223372036854775808", "9223372036854775807"}, []string{"9223372036854775808", "0.5"}},
		{"epoch", helloPrefix + `"resume":{"seat":"s","epoch":%s}}`, []string{"0", "18446744073709551615"}, []string{"-1", "0.5"}},
	} {
		for _, n := range tt.in {
			if _, err := DecodeClient(fmt.Appendf(nil, tt.format, n)); err != nil {
				t.Errorf("%s %s: %v", tt.name, n, err)
			}
		}
		for _, n := range tt.out {
			t.Run(tt.name+" "+n, func(t *testing.T) {
				_, err := DecodeClient(fmt.Appendf(nil, tt.format, n))
				wantCode(t, err, CodeInvalid)
			})
		}
	}
}

// TestMediaLimit checks the bytes of media as a whole, at the limit and one
// beyond it, with characters that JSON escapes.
func TestMediaLimit(t *testing.T) {
	long := func(bytes int) Media {
		m := Media{Kind: MediaClip, Title: strings.Repeat(`"\`, MaxTitle/2)}
		for range 4 {
			m.Subtitles = append(m.Subtitles, Subtitle{URL: "https://media.example/"})
		}
		for i := range m.Subtitles {
			if missing := bytes - JSONSize(m); missing > 0 {
				m.Subtitles[i].URL += strings.Repeat("x", min(missing, MaxURL-len(m.Subtitles[i].URL)))
			}
		}
		return m
	}
	if size := JSONSize(long(MaxMedia)); size != MaxMedia {
		t.Fatalf("the media have %d bytes", size)
	}
	if err := long(MaxMedia).Check(); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	wantCode(t, long(MaxMedia+1).Check(), CodeInvalid)
	// Whatever was valid without subtitles still is.
	old := Media{Kind: MediaURL, URL: "https://media.example/" + strings.Repeat("\u2028", 675), Title: strings.Repeat("🎬", MaxTitle), DurationMs: 1e10}
	if err := old.Check(); err != nil {
		t.Error(err)
	}
}

func TestMessageLimit(t *testing.T) {
	message := []byte(`{"type":"play","id":1}`)
	pad := func(size int) []byte {
		return append([]byte(strings.Repeat(" ", size-len(message))), message...)
	}
	if _, err := DecodeClient(pad(MaxMessage)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	_, err := DecodeClient(pad(MaxMessage + 1))
	wantCode(t, err, CodeTooLarge)
	_, err = DecodeServer(pad(MaxMessage + 1))
	wantCode(t, err, CodeTooLarge)
}

func TestMalformedBytes(t *testing.T) {
	for name, data := range map[string][]byte{
		"nil":            nil,
		"invalid UTF-8":  []byte("{\"type\":\"chat\",\"id\":1,\"text\":\"a\xff\"}"),
		"half a rune":    []byte("{\"type\":\"chat\",\"id\":1,\"text\":\"\xf0\x9f\"}"),
		"UTF-16":         {'{', 0, '}', 0},
		"a deep array":   []byte(`{"type":"signal","to":"m","data":` + strings.Repeat("[", 15000) + strings.Repeat("]", 15000) + "}"),
		"a deep nothing": []byte(strings.Repeat(`{"type":`, 8000)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeClient(data)
			wantCode(t, err, CodeMalformed)
			_, err = DecodeServer(data)
			wantCode(t, err, CodeMalformed)
		})
	}
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	m, err := DecodeClient([]byte(`{"later":{"a":[1]},"type":"play","id":3,"speed":null}`))
	if p, ok := m.(*Play); err != nil || !ok || p.ID != 3 {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestErrorNamesTheFieldOfTheMessage(t *testing.T) {
	for text, field := range map[string]string{
		`{"type":"play","id":"1"}`:                                  "id ",
		`{"type":"seek","id":1,"position":"x"}`:                     "position ",
		`{"type":"media","id":1,"media":{"kind":7}}`:                "media.kind ",
		`{"type":"media","id":1,"media":{"kind":"clip","title":7}}`: "media.title ",
		helloPrefix + `"resume":{"seat":7}}`:                        "resume.seat ",
	} {
		_, err := DecodeClient([]byte(text))
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Message, field) {
			t.Errorf("%s: %v does not begin with %q", text, err, field)
		}
	}
}

func TestAppendRefusesWhatJSONCannotHold(t *testing.T) {
	for _, p := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		const before = "before"
		got, err := Append([]byte(before), &Seek{Command: Command{ID: 1}, Position: p})
		if err == nil || string(got) != before {
			t.Errorf("%v: got %s, %v", p, got, err)
		}
	}
}

func TestFormatRoomCodeLeavesLegacyIDs(t *testing.T) {
	for _, id := range []string{"", "lounge", "日日日日", "abcdefghjkmn", "0123-4567-89AB", "MOVIENIGHT12"} {
		if got := FormatRoomCode(id); got != id {
			t.Errorf("%q is shown as %q", id, got)
		}
	}
}

func TestRoomCodeIsACode(t *testing.T) {
	for _, random := range []uint64{0, 1, 31, 32, 1<<60 - 1, math.MaxUint64, 0x0123456789ABCDEF} {
		id := RoomCode(random)
		if got, ok := ParseRoomCode(FormatRoomCode(id)); got != id || !ok {
			t.Errorf("%d makes %q, which is read as %q, %t", random, id, got, ok)
		}
	}
}

func TestCloseCodes(t *testing.T) {
	reasons := map[string]CloseCode{}
	for code, reason := range CloseCodes() {
		if other, taken := reasons[reason]; taken {
			t.Errorf("%d and %d have the same reason %q", code, other, reason)
		}
		reasons[reason] = code
		if code.String() != reason {
			t.Errorf("%d is %q and %q", code, code, reason)
		}
		if code != CloseNormal && (code < 4000 || code > 4999) {
			t.Errorf("%d is no application's code", code)
		}
	}
	for code, retry := range map[CloseCode]bool{1000: false, 3999: false, 4000: true, 4499: true, 4500: false, 4999: false} {
		if code.Retry() != retry {
			t.Errorf("%d: retry is %t", code, code.Retry())
		}
	}
	if got := CloseCode(4999).String(); got != "unknown" {
		t.Errorf("a code of no meaning is %q", got)
	}
}

func wantCode(t *testing.T, err error, code ErrorCode) {
	t.Helper()
	if !errors.Is(err, &Error{Code: code}) {
		t.Errorf("got %v, want %s", err, code)
	}
}
