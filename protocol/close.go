package protocol

import "maps"

// CloseCode says why a session ended. It is a WebSocket application close code
// (RFC 6455, section 7.4.2) on every transport, and its range is the client's
// retry policy: 4000 to 4499 connect again, 4500 to 4999 do not.
type CloseCode uint16

// Every close code of version 1.
const (
	CloseNormal CloseCode = 1000 // the client left

	CloseRestart      CloseCode = 4000 // the gateway is stopping; come back after bye's afterMs
	CloseOverflow     CloseCode = 4001 // the client read too slowly; resume to get what was missed
	CloseSilent       CloseCode = 4002 // nothing came from the client for SilenceLimit
	CloseHelloTimeout CloseCode = 4003 // no hello in time
	CloseUnavailable  CloseCode = 4004 // the room cannot be served now
	CloseRateLimited  CloseCode = 4005 // too many messages, after warnings
	CloseInternal     CloseCode = 4006 // a fault of the gateway

	CloseProtocol CloseCode = 4500 // too many messages that are no messages
	CloseTooLarge CloseCode = 4501 // a message over MaxMessage
	CloseVersion  CloseCode = 4502 // the gateway does not speak the client's version
	CloseReplaced CloseCode = 4503 // another connection took over this seat
	CloseRemoved  CloseCode = 4504 // a host or moderator removed the member
	CloseBanned   CloseCode = 4505 // a host or moderator banned the member
	CloseRefused  CloseCode = 4506 // too many refused hellos
	CloseExpired  CloseCode = 4507 // the seat is gone: say hello anew, without resume
)

var closeReasons = map[CloseCode]string{
	CloseNormal:       "left",
	CloseRestart:      "restart",
	CloseOverflow:     "overflow",
	CloseSilent:       "silent",
	CloseHelloTimeout: "hello_timeout",
	CloseUnavailable:  "unavailable",
	CloseRateLimited:  "rate_limited",
	CloseInternal:     "internal",
	CloseProtocol:     "protocol",
	CloseTooLarge:     "too_large",
	CloseVersion:      "unsupported_version",
	CloseReplaced:     "replaced",
	CloseRemoved:      "removed",
	CloseBanned:       "banned",
	CloseRefused:      "refused",
	CloseExpired:      "expired",
}

// CloseCodes lists every close code with its reason, for metrics and tools.
func CloseCodes() map[CloseCode]string {
	return maps.Clone(closeReasons)
}

// String returns the code's reason: one word that metrics and bye use.
func (c CloseCode) String() string {
	if r, ok := closeReasons[c]; ok {
		return r
	}
	return "unknown"
}

// Retry says whether a client that was closed with c should connect again.
func (c CloseCode) Retry() bool { return c >= 4000 && c < 4500 }
