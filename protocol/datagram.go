package protocol

import (
	"encoding/binary"
	"math"
)

// MaxDatagram is the largest datagram in bytes: it fits into one QUIC packet on
// every path (RFC 9000, section 14.1, with room for the headers of HTTP/3).
const MaxDatagram = 1100

// DatagramType is a datagram's first byte. All numbers in datagrams are
// big-endian; times are microseconds.
type DatagramType uint8

// Every type of datagram. Datagrams may be lost, repeated and reordered.
const (
	// DatagramProbe is a client's probe: t1 as int64. 9 bytes.
	DatagramProbe DatagramType = 1
	// DatagramClock answers it: t1, t2, t3 as int64. 25 bytes.
	DatagramClock DatagramType = 2
	// DatagramTimeline is a gateway's newest timeline: epoch and number as
	// uint64, flags as one byte (bit 0: playing), position and rate as IEEE 754
	// binary64, at as int64. 42 bytes.
	DatagramTimeline DatagramType = 3
)

const (
	probeSize    = 1 + 8
	clockSize    = 1 + 3*8
	timelineSize = 1 + 8 + 8 + 1 + 8 + 8 + 8
)

// AppendProbe appends a probe's datagram.
func AppendProbe(dst []byte, p Probe) []byte {
	return appendInt64(append(dst, byte(DatagramProbe)), p.T1)
}

// DecodeProbe reads a client's datagram: the only one is a probe. Its errors
// are of type *Error.
func DecodeProbe(b []byte) (Probe, error) {
	if len(b) != probeSize || DatagramType(b[0]) != DatagramProbe {
		return Probe{}, Errorf(CodeMalformed, "a client's datagram is a probe of %d bytes", probeSize)
	}
	return Probe{T1: readInt64(b[1:])}, nil
}

// AppendClock appends a clock's datagram.
func AppendClock(dst []byte, c Clock) []byte {
	dst = append(dst, byte(DatagramClock))
	return appendInt64(appendInt64(appendInt64(dst, c.T1), c.T2), c.T3)
}

// DatagramEvent is a timeline as a datagram carries it: the same that an events
// message carries, perhaps before or after it. The greater number holds.
type DatagramEvent struct {
	Epoch    uint64
	Timeline Timeline
}

// AppendTimeline appends a timeline's datagram.
func AppendTimeline(dst []byte, e DatagramEvent) []byte {
	dst = append(dst, byte(DatagramTimeline))
	dst = binary.BigEndian.AppendUint64(dst, e.Epoch)
	dst = binary.BigEndian.AppendUint64(dst, e.Timeline.Number)
	var flags byte
	if e.Timeline.Playing {
		flags |= 1
	}
	dst = append(dst, flags)
	dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(e.Timeline.Position))
	dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(e.Timeline.Rate))
	return appendInt64(dst, e.Timeline.At)
}

// DecodeServerDatagram reads a gateway's datagram: a Clock or a DatagramEvent.
// Its errors are of type *Error.
func DecodeServerDatagram(b []byte) (any, error) {
	switch {
	case len(b) == clockSize && DatagramType(b[0]) == DatagramClock:
		return Clock{T1: readInt64(b[1:]), T2: readInt64(b[9:]), T3: readInt64(b[17:])}, nil
	case len(b) == timelineSize && DatagramType(b[0]) == DatagramTimeline:
		e := DatagramEvent{
			Epoch: binary.BigEndian.Uint64(b[1:]),
			Timeline: Timeline{
				Number: binary.BigEndian.Uint64(b[9:]), Playing: b[17]&1 != 0,
				Position: math.Float64frombits(binary.BigEndian.Uint64(b[18:])),
				Rate:     math.Float64frombits(binary.BigEndian.Uint64(b[26:])), At: readInt64(b[34:]),
			},
		}
		if err := checkPosition(e.Timeline.Position); err != nil {
			return nil, err
		}
		if !(e.Timeline.Rate >= MinRate && e.Timeline.Rate <= MaxRate) {
			return nil, invalid("rate", "must be from %g to %g", MinRate, MaxRate)
		}
		return e, nil
	default:
		return nil, Errorf(CodeMalformed, "no datagram of a gateway")
	}
}

func appendInt64(dst []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(v)) //nolint:gosec // two's complement on the wire
}

func readInt64(b []byte) int64 {
	return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // two's complement on the wire
}
