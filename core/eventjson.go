package core

import (
	"encoding/json"
	"fmt"
)

// bodyVersion is the version that EncodeEvent writes for every kind. When a
// kind's meaning changes it gets a version of its own here, decodeBody learns
// to read both, and testdata/events gets an example: stored events decode for
// ever.
const bodyVersion = 1

// storedEvent is an event as logs keep it.
type storedEvent struct {
	ID      EventID         `json:"id"`
	Prev    EventID         `json:"prev"`
	Type    string          `json:"type"`
	V       int             `json:"v"`
	Epoch   uint64          `json:"epoch"`
	Number  uint64          `json:"number"`
	At      int64           `json:"at"`
	Seat    string          `json:"seat,omitempty"`
	Command uint64          `json:"command,omitempty"`
	Sum     uint32          `json:"sum,omitempty"`
	Body    json.RawMessage `json:"body"`
}

// EncodeEvent returns e as logs keep it.
func EncodeEvent(e Event) ([]byte, error) {
	body, err := json.Marshal(e.Body)
	if err != nil {
		return nil, fmt.Errorf("core: event %d: %w", e.Number, err)
	}
	return json.Marshal(storedEvent{
		ID: e.ID, Prev: e.Prev, Type: e.Body.kind(), V: bodyVersion, Epoch: e.Epoch, Number: e.Number, At: e.At,
		Seat: e.By.Seat, Command: e.By.Command, Sum: e.By.Sum, Body: body,
	})
}

// DecodeEvent reads what EncodeEvent of this or any earlier release wrote.
func DecodeEvent(data []byte) (Event, error) {
	var s storedEvent
	if err := json.Unmarshal(data, &s); err != nil {
		return Event{}, fmt.Errorf("core: stored event: %w", err)
	}
	if s.V != bodyVersion {
		return Event{}, fmt.Errorf("core: event %d: version %d of %q is newer than this release", s.Number, s.V, s.Type)
	}
	body, err := decodeBody(s.Type, s.Body)
	if err != nil {
		return Event{}, fmt.Errorf("core: event %d: %w", s.Number, err)
	}
	return Event{
		ID: s.ID, Prev: s.Prev, Epoch: s.Epoch, Number: s.Number, At: s.At,
		By: Ref{Seat: s.Seat, Command: s.Command, Sum: s.Sum}, Body: body,
	}, nil
}

func decodeBody(kind string, data []byte) (Body, error) {
	switch kind {
	case Created{}.kind():
		return decodeAs[Created](data)
	case Joined{}.kind():
		return decodeAs[Joined](data)
	case Seated{}.kind():
		return decodeAs[Seated](data)
	case Left{}.kind():
		return decodeAs[Left](data)
	case Hosted{}.kind():
		return decodeAs[Hosted](data)
	case RoleSet{}.kind():
		return decodeAs[RoleSet](data)
	case Renamed{}.kind():
		return decodeAs[Renamed](data)
	case TimelineSet{}.kind():
		return decodeAs[TimelineSet](data)
	case MediaSet{}.kind():
		return decodeAs[MediaSet](data)
	case Queued{}.kind():
		return decodeAs[Queued](data)
	case Unqueued{}.kind():
		return decodeAs[Unqueued](data)
	case Moved{}.kind():
		return decodeAs[Moved](data)
	case GateOpened{}.kind():
		return decodeAs[GateOpened](data)
	case GateReady{}.kind():
		return decodeAs[GateReady](data)
	case Said{}.kind():
		return decodeAs[Said](data)
	case SettingsSet{}.kind():
		return decodeAs[SettingsSet](data)
	case Unbanned{}.kind():
		return decodeAs[Unbanned](data)
	case Noted{}.kind():
		return decodeAs[Noted](data)
	default:
		return nil, fmt.Errorf("unknown type %q", kind)
	}
}

func decodeAs[T Body](data []byte) (Body, error) {
	var b T
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, err
	}
	return b, nil
}

// Kind names what happened, as stored events do.
func Kind(b Body) string { return b.kind() }
