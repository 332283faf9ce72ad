package v1

import (
	"encoding/binary"

	"tandem.watch/tandem/core"
)

// WebSocket encodes core's messages as WebSocket text frames (RFC 6455,
// section 5.2), header included, as a server sends them: unmasked, unfragmented.
type WebSocket struct{ JSON *JSON }

// Slot implements core.Encoding.
func (*WebSocket) Slot() int { return SlotWebSocket }

// Append implements core.Encoding.
func (w *WebSocket) Append(dst []byte, m core.Message) ([]byte, error) {
	payload, err := w.JSON.Append(nil, m)
	if err != nil || len(payload) == 0 {
		return dst, err
	}
	return append(appendHeader(dst, 0x1, len(payload)), payload...), nil
}

// AppendClose appends a WebSocket close frame (RFC 6455, section 5.5.1).
func AppendClose(dst []byte, code uint16, reason string) []byte {
	dst = appendHeader(dst, 0x8, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, code)
	return append(dst, reason...)
}

func appendHeader(dst []byte, opcode byte, length int) []byte {
	const fin = 0x80
	dst = append(dst, fin|opcode)
	switch {
	case length < 126:
		return append(dst, byte(length))
	case length <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(length)) //nolint:gosec // checked
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(length)) //nolint:gosec // not negative
	}
}

// AppendPong appends a WebSocket pong frame (RFC 6455, section 5.5.3). data is
// the ping's, at most 125 bytes.
func AppendPong(dst []byte, data string) []byte {
	return append(appendHeader(dst, 0xA, len(data)), data...)
}
