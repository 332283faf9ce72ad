package v1

import (
	"encoding/binary"
	"slices"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
)

// StreamHeader is the length in bytes of what precedes each message on a
// WebTransport stream: the message's own length, big-endian.
const StreamHeader = 4

// Stream encodes core's messages for a WebTransport stream.
type Stream struct{ JSON *JSON }

// Slot implements core.Encoding.
func (*Stream) Slot() int { return SlotStream }

// Append implements core.Encoding.
func (s *Stream) Append(dst []byte, m core.Message) ([]byte, error) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	out, err := s.JSON.Append(dst, m)
	if err != nil || len(out) == start+StreamHeader {
		return dst[:start], err
	}
	binary.BigEndian.PutUint32(out[start:], uint32(len(out)-start-StreamHeader)) //nolint:gosec // below 4 GiB
	return out, nil
}

// Datagram encodes what a WebTransport datagram can carry: the clock, and the
// newest timeline of some events. Nothing else has a datagram.
type Datagram struct{}

// Slot implements core.Encoding.
func (Datagram) Slot() int { return SlotDatagram }

// Append implements core.Encoding.
func (Datagram) Append(dst []byte, m core.Message) ([]byte, error) {
	switch m := m.(type) {
	case core.ClockRead:
		return protocol.AppendClock(dst, protocol.Clock{T1: m.T1, T2: m.T2, T3: m.T3}), nil
	case core.Happened:
		for _, e := range slices.Backward(m.Events) {
			if t, ok := e.Body.(core.TimelineSet); ok {
				return protocol.AppendTimeline(dst, protocol.DatagramEvent{Epoch: e.Epoch, Timeline: timeline(t, e.Number)}), nil
			}
		}
	}
	return dst, nil
}
