package legacy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
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
	if i := bytes.IndexByte(frame, '{'); i >= 0 {
		t.log("sent", frame[i:])
	}
}

func (t *transcript) log(what string, data []byte) {
	t.logger.Debug("message", "number", t.number.Add(1), "was", what, "text", mask(data))
}

// secrets are the fields whose values let one in, opaque those that say where a
// member can be reached.
var (
	secrets   = regexp.MustCompile(`(?i)pin|token|secret|passw|seat|auth|credential`)
	opaque    = map[string]bool{"offer": true, "answer": true, "candidate": true}
	pinInLink = regexp.MustCompile(`(?i)([?&](?:pin|token)=)[^&#"\\]*`)
)

// mask returns a message as it may be logged.
func mask(data []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return fmt.Sprintf("(%d bytes that are no message)", len(data))
	}
	for name, value := range fields {
		switch {
		case opaque[name]:
			fields[name] = json.RawMessage(strconv.Quote(fmt.Sprintf("(%d bytes)", len(value))))
		case secrets.MatchString(name) && string(value) != "null":
			fields[name] = json.RawMessage(`"***"`)
		}
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return fmt.Sprintf("(%d bytes)", len(data))
	}
	text := strings.ReplaceAll(string(out), `\u0026`, "&")
	return pinInLink.ReplaceAllString(text, "${1}***")
}
