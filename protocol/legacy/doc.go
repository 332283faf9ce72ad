// Package legacy is the dialect of the browser extension that was there before
// protocol version 1: its messages, decoded, checked and encoded.
//
// The extension opens /ws and asks for no subprotocol. Each text frame holds one
// JSON object with a "type". Positions are seconds, as floating point; instants
// are milliseconds since 1970 on the wall clock of whoever they are told to
// (eventTimestamp) or of the gateway (timestamp).
//
// From the client: [Join] (also again on the same connection), [Ping],
// [UpdateUsername], [ToggleGuestControl], [TransferHost], [PlayPause], [Seek],
// [Ready], [HostHeartbeat], [PositionUpdate], [URLChange], [RequestSync],
// [SyncResponse], [Signal] (OFFER, ANSWER, ICE_CANDIDATE), [Leave], and [Other]:
// whatever else it sends is passed on to the room.
//
// To the client: [RoomState], [UserJoined], [UserLeft], [HostChanged],
// [GuestControl], [UsernameUpdated], [Playback], [SeekPause], [Heartbeat],
// [MovedTo], [SyncAnswer], [Signalled], [Relayed], [Pong] and [Failure].
//
// The client answers whatever names its own userId with silence; a Playback, a
// SeekPause or a SyncAnswer of [Server] it obeys. It has a clock of its own that
// may be wrong by hours: a message with an eventTimestamp is encoded once, with
// a hole of [InstantWidth] bytes that each receiver's own instant fits into.
package legacy
