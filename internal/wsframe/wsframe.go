// Package wsframe makes WebSocket frames (RFC 6455, section 5.2) as a server
// sends them: unmasked, unfragmented.
package wsframe

import "encoding/binary"

// AppendText appends the header of a text frame whose payload, of length bytes,
// is to follow.
func AppendText(dst []byte, length int) []byte { return appendHeader(dst, 0x1, length) }

// AppendClose appends a close frame (section 5.5.1). reason has at most 123 bytes.
func AppendClose(dst []byte, code uint16, reason string) []byte {
	dst = appendHeader(dst, 0x8, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, code)
	return append(dst, reason...)
}

// AppendPing appends a ping (section 5.5.2). data has at most 125 bytes.
func AppendPing(dst []byte, data string) []byte {
	return append(appendHeader(dst, 0x9, len(data)), data...)
}

// AppendPong appends a pong (section 5.5.3). data is the ping's.
func AppendPong(dst []byte, data string) []byte {
	return append(appendHeader(dst, 0xA, len(data)), data...)
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
