package core

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"tandem.watch/tandem/protocol"
)

// EventID is a random number that names an event. Zero names none.
type EventID uint64

// NewEventID returns a random id. It never fails (crypto/rand does not).
func NewEventID() EventID {
	for {
		if id := EventID(randomUint64()); id != 0 {
			return id
		}
	}
}

// MarshalText writes the id as 16 hexadecimal digits.
func (id EventID) MarshalText() ([]byte, error) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(id))
	return hex.AppendEncode(nil, b[:]), nil
}

// UnmarshalText reads what MarshalText writes.
func (id *EventID) UnmarshalText(text []byte) error {
	var b [8]byte
	if len(text) != hex.EncodedLen(len(b)) {
		return fmt.Errorf("core: %q is no event id", text)
	}
	if _, err := hex.Decode(b[:], text); err != nil {
		return fmt.Errorf("core: %q is no event id", text)
	}
	*id = EventID(binary.BigEndian.Uint64(b[:]))
	return nil
}

// NewRoomID returns a random room id: 60 bits as 12 characters.
func NewRoomID() string { return protocol.RoomCode(randomUint64()) }

// memberPrefix begins every member id that a gateway makes, and no other.
const memberPrefix = "m_"

// newMemberID returns a random member id: 50 bits as "m_" and 10 characters.
func newMemberID() string {
	return memberPrefix + strings.ToLower(protocol.RoomCode(randomUint64())[:10])
}

// newSeatToken returns 128 random bits in base64url.
func newSeatToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func randomUint64() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}
