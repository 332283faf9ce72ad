package legacy

import (
	"encoding/binary"

	wire "tandem.watch/tandem/protocol/legacy"

	"tandem.watch/tandem/internal/wsframe"
)

// record is one WebSocket frame for all or some of the members, with what is to
// be known to send it. The encoding of one of core's messages is any number of
// records; their bytes are shared.
type record struct {
	// to says whom of the members named it is for.
	to     audience
	member string
	// timeline says that it replaces what was told of the timeline before: a
	// start that is still being held is off.
	timeline bool
	// due is when it is to arrive, in microseconds of cluster time; 0 is at once.
	due int64
	// instant is what eventTimestamp stands for, in microseconds of cluster time,
	// and hole where it goes; 0 when there is none.
	instant int64
	hole    int
	// frame is the WebSocket frame, header included. Empty when there is nothing
	// to be said.
	frame []byte
}

type audience uint8

const (
	toAll audience = iota
	toOnly
	toOthers
)

// appendRecord appends r, with m as its frame unless m is nil.
func appendRecord(dst []byte, r record, m wire.ServerMessage) ([]byte, error) {
	if m != nil {
		payload, hole, err := wire.Append(nil, m)
		if err != nil {
			return dst, err
		}
		r.frame = wsframe.AppendText(make([]byte, 0, len(payload)+10), len(payload))
		if r.hole = hole; hole != 0 {
			r.hole += len(r.frame)
		}
		r.frame = append(r.frame, payload...)
	}
	flags := byte(r.to)
	if r.timeline {
		flags |= 1 << 7
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(len(r.member)))
	dst = append(dst, r.member...)
	dst = binary.AppendVarint(dst, r.due)
	dst = binary.AppendVarint(dst, r.instant)
	dst = binary.AppendUvarint(dst, uint64(r.hole)) //nolint:gosec // not negative
	dst = binary.AppendUvarint(dst, uint64(len(r.frame)))
	return append(dst, r.frame...), nil
}

// nextRecord takes the first record off what appendRecord made.
func nextRecord(b []byte) (r record, rest []byte) {
	flags := b[0]
	r.to, r.timeline = audience(flags&^(1<<7)), flags>>7 == 1
	b = b[1:]
	take := func() int {
		v, n := binary.Uvarint(b)
		b = b[n:]
		return int(v) //nolint:gosec // a length
	}
	instant := func() int64 {
		v, n := binary.Varint(b)
		b = b[n:]
		return v
	}
	n := take()
	r.member, b = string(b[:n]), b[n:]
	r.due, r.instant, r.hole = instant(), instant(), take()
	n = take()
	r.frame = b[:n:n]
	return r, b[n:]
}

// isFor says whether a member is told.
func (r *record) isFor(member string) bool {
	switch r.to {
	case toOnly:
		return r.member == member
	case toOthers:
		return r.member != member
	default:
		return true
	}
}
