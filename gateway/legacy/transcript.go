package legacy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"sync/atomic"
)

// transcript logs the messages of one connection, so that somebody who debugs can
// read them in order. What lets one in is masked, and what says where a member
// can be reached is left out. Safe for use by several goroutines.
type transcript struct {
	logger *slog.Logger
	number atomic.Uint64
}

// connections numbers transcripts.
var connections atomic.Uint64

func newTranscript(l *slog.Logger) *transcript {
	return &transcript{logger: l.With("connection", connections.Add(1))}
}

func (t *transcript) in(data []byte) { t.log("received", data) }

func (t *transcript) out(segments ...[]byte) {
	frame := bytes.Join(segments, nil)
	t.log("sent", frame[header(frame):])
}

// header is how long a frame's header is (RFC 6455, section 5.2).
func header(frame []byte) int {
	n := 2
	if len(frame) > 1 {
		switch frame[1] {
		case 126:
			n = 4
		case 127:
			n = 10
		}
	}
	return min(n, len(frame))
}

func (t *transcript) log(what string, data []byte) {
	t.logger.Debug("message", "number", t.number.Add(1), "was", what, "text", mask(data))
}

// secrets are the fields whose values let one in, opaque those that say where a
// member can be reached.
var (
	secrets   = regexp.MustCompile(`(?i)pin|token|secret|passw|seat|auth|credential`)
	opaque    = map[string]bool{"offer": true, "answer": true, "candidate": true}
	pinInLink = regexp.MustCompile(`(?i)((?:^|[?&#]|%(?:25)*(?:3F|26|23))(?:pin|token)(?:=|%(?:25)*3D))[^&#\s]*`)
	pinInPath = regexp.MustCompile(`(?i)((?:/|%(?:25)*2F)room(?:/|%(?:25)*2F)[^/%?#\s]+(?:/|%(?:25)*2F))[^/?#&\s]+`)
)

// mask returns a message as it may be logged.
func mask(data []byte) string {
	var fields map[string]any
	if json.Unmarshal(data, &fields) != nil {
		return fmt.Sprintf("(%d bytes that are no message)", len(data))
	}
	out, err := json.Marshal(masked(fields))
	if err != nil {
		return fmt.Sprintf("(%d bytes)", len(data))
	}
	return string(out)
}

// masked returns a value of JSON without what must not be logged.
func masked(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			switch {
			case opaque[name] && value != nil:
				v[name] = "(left out)"
			case secrets.MatchString(name) && value != nil:
				v[name] = "***"
			default:
				v[name] = masked(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = masked(v[i])
		}
	case string:
		return pinInPath.ReplaceAllString(pinInLink.ReplaceAllString(v, "${1}***"), "${1}***")
	}
	return v
}
