// Package core holds rooms: what they are, how they change, and who is told.
//
// A room is an event-sourced state machine. [Decide] turns a command into
// events or a refusal, [Room.Apply] turns an event into the next state; both
// are deterministic, read no clock and do no I/O. Events are numbered from 1
// without gaps and kept by a [Log]; a command is acknowledged only after its
// events are there.
//
// The [Hub] holds the rooms that are in use. Each has one goroutine that owns
// its state: sessions post to it and it sends to their [Conn], which never
// blocks. What lasts goes through the log; presence, reactions, typing and
// signalling are told to who is there and forgotten.
//
// A Log that is also a [Feed] is shared by several gateways: each has its own copy
// of a room and follows what the others append. Seats name their gateway, and
// gateways have [Leases].
//
// core knows no transport and no dialect: a Conn encodes the [Message] values
// that it is given.
package core
