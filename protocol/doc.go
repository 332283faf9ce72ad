// Package protocol is tandem's wire, version 1: the messages that a client and
// a gateway exchange, their limits, error codes and close codes.
//
// README.md in this folder is the same written for somebody who implements a
// client in another language; testdata/vectors.json holds golden messages that
// the Go and the TypeScript tests both read. The package imports the standard
// library only, so that tools and load tests can use it by itself.
//
// A message is one JSON object with a "type". [DecodeClient] and [DecodeServer]
// turn bytes into a checked message, [Append] turns a message into bytes. The
// marker methods of [ClientMessage] and [ServerMessage] make the direction a
// type: a gateway cannot send what only a client may say.
package protocol
