package protocol

import "fmt"

// ErrorCode names why something was refused. Codes are stable; the message
// beside one is for people and may change.
type ErrorCode string

// Every error code of version 1.
const (
	// The message itself.
	CodeMalformed          ErrorCode = "malformed"           // not one JSON object with a type
	CodeTooLarge           ErrorCode = "too_large"           // over MaxMessage
	CodeUnknownType        ErrorCode = "unknown_type"        // no such type from a client
	CodeInvalid            ErrorCode = "invalid"             // a field is missing, of the wrong type or out of range
	CodeHelloExpected      ErrorCode = "hello_expected"      // something before hello
	CodeHelloRepeated      ErrorCode = "hello_repeated"      // hello after welcome
	CodeUnsupportedVersion ErrorCode = "unsupported_version" // this gateway does not speak it

	// Entering a room.
	CodeRoomNotFound ErrorCode = "room_not_found"
	CodeRoomFull     ErrorCode = "room_full"
	CodeRoomLocked   ErrorCode = "room_locked"
	CodePINRequired  ErrorCode = "pin_required"
	CodePINInvalid   ErrorCode = "pin_invalid"
	CodePINThrottled ErrorCode = "pin_throttled" // too many wrong tries; retryAfterMs says how long
	CodeBanned       ErrorCode = "banned"
	CodeSeatUnknown  ErrorCode = "seat_unknown" // no such seat token in this room, or the seat has expired

	// Commands.
	CodeForbidden     ErrorCode = "forbidden"      // the member's role does not allow it
	CodeNotFound      ErrorCode = "not_found"      // the member it names is not here
	CodeQueueFull     ErrorCode = "queue_full"     // the queue has all the items, or the bytes, that it may
	CodeCommandReused ErrorCode = "command_reused" // the id was used by another command
	CodeCommandStale  ErrorCode = "command_stale"  // the id is below one already done, and was not done itself

	// The gateway.
	CodeRateLimited ErrorCode = "rate_limited" // slow down; retryAfterMs says how long
	CodeUnavailable ErrorCode = "unavailable"  // not done; try again with the same id
	CodeUnknown     ErrorCode = "unknown"      // perhaps done; ask again with the same id
	CodeInternal    ErrorCode = "internal"     // a fault of the gateway
)

// ErrorCodes lists every code, for tests and for tools that make tables.
func ErrorCodes() []ErrorCode {
	return []ErrorCode{
		CodeMalformed, CodeTooLarge, CodeUnknownType, CodeInvalid, CodeHelloExpected, CodeHelloRepeated,
		CodeUnsupportedVersion, CodeRoomNotFound, CodeRoomFull, CodeRoomLocked, CodePINRequired, CodePINInvalid,
		CodePINThrottled, CodeBanned, CodeSeatUnknown, CodeForbidden, CodeNotFound, CodeQueueFull, CodeCommandReused,
		CodeCommandStale, CodeRateLimited, CodeUnavailable, CodeUnknown, CodeInternal,
	}
}

// Error answers something that was refused; it changed nothing. It is a
// message from the gateway and, in Go, an error.
type Error struct {
	// ID is the id of the refused command; 0 when it was no command.
	ID uint64 `json:"id,omitempty"`
	// Code says why, for programs.
	Code ErrorCode `json:"code"`
	// Message says why, for people, in English.
	Message string `json:"message"`
	// RetryAfterMs is how long to wait before trying again; 0 when there is no such time.
	RetryAfterMs int64 `json:"retryAfterMs,omitempty"`
}

// Error returns the code and the message.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Is makes errors.Is compare codes only.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Errorf makes an Error with a formatted message.
func Errorf(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) *Error {
	return Errorf(CodeInvalid, field+" "+format, args...)
}
