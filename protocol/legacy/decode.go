package legacy

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"tandem.watch/tandem/protocol"
)

// Limits of the dialect. Lengths of texts count Unicode code points.
const (
	// MaxMessage is the largest message of a client in bytes.
	MaxMessage = protocol.MaxMessage
	// MaxID is the longest id of a room or a user.
	MaxID = protocol.MaxRoomID
	// MaxName is the longest name.
	MaxName = protocol.MaxName
	// MaxSignal is the largest offer, answer or candidate in bytes.
	MaxSignal = protocol.MaxSignal - 64
	// MaxType is the longest type of a message that is passed on.
	MaxType = 50
	// MaxOther is the largest message that is passed on to everybody, in bytes.
	MaxOther = 8 << 10
)

// Server is the userId of what comes from the gateway itself.
const Server = "server"

// signalFields are the fields that hold what each kind of signal carries.
var signalFields = map[string]string{Offer: "offer", Answer: "answer", ICECandidate: "candidate"}

// serverTypes are the types that only a gateway sends, and that a client would
// obey whoever they came from.
var serverTypes = map[string]bool{
	"ROOM_STATE": true, "USER_JOINED": true, "USER_LEFT": true, "HOST_CHANGED": true, "GUEST_CONTROL": true,
	"USERNAME_UPDATED": true, "SEEK_PAUSE": true, "PONG": true, "ERROR": true,
}

// Decode decodes and checks one message of the extension. Its errors are of type
// *protocol.Error. What it returns shares nothing with data.
func Decode(data []byte) (ClientMessage, error) {
	if len(data) > MaxMessage {
		return nil, protocol.Errorf(protocol.CodeTooLarge, "a message has at most %d bytes", MaxMessage)
	}
	if !utf8.Valid(data) {
		return nil, malformed()
	}
	var head struct{ Type *string }
	if err := json.Unmarshal(data, &head); err != nil || head.Type == nil || *head.Type == "" {
		return nil, malformed()
	}
	m, err := decode(*head.Type, data)
	if err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

func malformed() error {
	return protocol.Errorf(protocol.CodeMalformed, `A message is one JSON object with a "type"`)
}

func decode(kind string, data []byte) (ClientMessage, error) {
	m := newMessage(kind)
	switch {
	case m != nil:
		return m, unmarshal(data, m)
	case signalFields[kind] != "":
		var fields map[string]json.RawMessage
		if err := unmarshal(data, &fields); err != nil {
			return nil, err
		}
		s := &Signal{Kind: kind, Data: fields[signalFields[kind]]}
		if to := fields["to"]; to != nil {
			if err := json.Unmarshal(to, &s.To); err != nil {
				return nil, protocol.Errorf(protocol.CodeInvalid, "to has the wrong type")
			}
		}
		return s, nil
	case serverTypes[kind]:
		return nil, protocol.Errorf(protocol.CodeUnknownType, "%s is for the server to send", kind)
	case !isType(kind):
		return nil, protocol.Errorf(protocol.CodeUnknownType, "a type is a word of at most %d letters, digits and _", MaxType)
	case len(data) > MaxOther:
		return nil, protocol.Errorf(protocol.CodeTooLarge, "a message for everybody has at most %d bytes", MaxOther)
	default:
		o := &Other{Kind: kind}
		return o, unmarshal(data, &o.Fields)
	}
}

// isType says whether a type may be passed on.
func isType(kind string) bool {
	return len(kind) <= MaxType && !strings.ContainsFunc(kind, func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && r != ':' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func newMessage(kind string) ClientMessage {
	switch kind {
	case "JOIN":
		return new(Join)
	case "PING":
		return new(Ping)
	case "UPDATE_USERNAME":
		return new(UpdateUsername)
	case "TOGGLE_GUEST_CONTROL":
		return new(ToggleGuestControl)
	case "TRANSFER_HOST":
		return new(TransferHost)
	case "PLAY_PAUSE":
		return new(PlayPause)
	case "SEEK":
		return new(Seek)
	case "READY":
		return new(Ready)
	case "HOST_HEARTBEAT":
		return new(HostHeartbeat)
	case "POSITION_UPDATE":
		return new(PositionUpdate)
	case "URL_CHANGE":
		return new(URLChange)
	case "REQUEST_SYNC":
		return new(RequestSync)
	case "SYNC_RESPONSE":
		return new(SyncResponse)
	case "LEAVE":
		return new(Leave)
	default:
		return nil
	}
}

func unmarshal(data []byte, m any) error {
	err := json.Unmarshal(data, m)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return protocol.Errorf(protocol.CodeInvalid, "%s has the wrong type or range", wrong.Field)
	default:
		return malformed()
	}
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func missing(field string) error {
	return protocol.Errorf(protocol.CodeInvalid, "%s is missing", field)
}

func needID(field, id string) error {
	if id == "" {
		return missing(field)
	}
	return checkID(field, id)
}

func checkID(field, id string) error {
	if utf8.RuneCountInString(id) > MaxID {
		return protocol.Errorf(protocol.CodeInvalid, "%s has more than %d characters", field, MaxID)
	}
	if strings.ContainsFunc(id, unprintable) {
		return protocol.Errorf(protocol.CodeInvalid, "%s has a control character", field)
	}
	return nil
}

// checkName takes out what would rewrite the text beside a name.
func checkName(name *string) error {
	clean := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unprintable(r) {
			return -1
		}
		return r
	}, *name))
	if utf8.RuneCountInString(clean) > MaxName {
		return protocol.Errorf(protocol.CodeInvalid, "username has more than %d characters", MaxName)
	}
	*name = clean
	return nil
}

func unprintable(r rune) bool {
	return unicode.IsControl(r) || r >= 0x2028 && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

func checkPIN(pin string) error {
	if pin == "" {
		return nil
	}
	if err := protocol.CheckPIN(pin); err != nil {
		return protocol.Errorf(protocol.CodePINInvalid, "Invalid or missing PIN")
	}
	return nil
}

func needPosition(field string, p *float64) error {
	if p == nil {
		return missing(field)
	}
	return checkPosition(field, p)
}

func checkPosition(field string, p *float64) error {
	if p != nil && (math.IsNaN(*p) || *p < 0 || *p > protocol.MaxPosition) {
		return protocol.Errorf(protocol.CodeInvalid, "%s must be from 0 to %g seconds", field, protocol.MaxPosition)
	}
	return nil
}

// maxInstant is the last instant that a client's clock may show, in
// milliseconds: the last that fits into InstantWidth with room to be translated.
const maxInstant = 1e14

// checkInstant takes an instant that no clock shows for none: a clock may be
// wrong, and its messages count all the same.
func checkInstant(_ string, ms **float64) error {
	if *ms != nil && (math.IsNaN(**ms) || **ms <= 0 || **ms > maxInstant) {
		*ms = nil
	}
	return nil
}

const watchSite = "https://www.netflix.com/"

// IsWatchPage says whether the extension may be sent to an address: it goes to
// whatever it is told, so it is told pages of its own site only.
func IsWatchPage(address string) bool {
	return strings.HasPrefix(address, watchSite) && CheckURL(address) == nil
}

// CheckURL refuses addresses that no room may be at: those that are not https.
func CheckURL(address string) error {
	if len(address) > protocol.MaxURL {
		return protocol.Errorf(protocol.CodeInvalid, "url has more than %d bytes", protocol.MaxURL)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || !strings.HasPrefix(address, "https://") ||
		strings.ContainsFunc(address, func(r rune) bool { return unprintable(r) || unicode.IsSpace(r) || r == '\\' }) {
		return protocol.Errorf(protocol.CodeInvalid, "url must be an https address")
	}
	return nil
}

// SameFilm says whether two watch pages show the same film: what follows its
// number tells how it was found, or in which language it is.
func SameFilm(a, b string) bool {
	film := filmOf(a)
	return film != "" && film == filmOf(b)
}

// filmOf is the number of the film that a watch page shows; "" when it shows none.
func filmOf(address string) string {
	rest, ok := strings.CutPrefix(address, watchSite+"watch/")
	if !ok || !IsWatchPage(address) {
		return ""
	}
	film, _, _ := strings.Cut(rest, "#")
	film, _, _ = strings.Cut(film, "?")
	return strings.TrimSuffix(film, "/")
}
