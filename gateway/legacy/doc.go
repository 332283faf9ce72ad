// Package legacy is the dialect of the browser extension that was there before
// protocol version 1, over the sockets of gateway/ws: it turns core's messages
// into the extension's and the extension's into core's commands, so that its
// users and those of version 1 are in the same room.
//
// What is told to many is encoded once. What differs per receiver, an instant
// on its own wall clock, is a segment of its own (see records.go), translated by
// what [clock] knows of that receiver.
//
// The extension reconnects after whatever close that it did not ask for, so that
// a member who was removed keeps its connection and is no longer in the room.
package legacy
