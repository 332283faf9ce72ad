package core

import "context"

// Archive keeps the whole history of rooms, long after their logs have let go
// of it. It is fed from the log (see Feeder), and may be away for hours without
// a room noticing. An implementation is safe for use by several goroutines, and
// by several gateways at once.
//
// No secret ever reaches it: those are in no event and in no snapshot.
//
// The errors of all methods wrap ErrUnavailable when it helps to try again.
// Every implementation passes the suite in core/archive/archivetest.
type Archive interface {
	// Store adds pieces of rooms' histories, all of them or none. Events that it
	// has already, by their ids, change nothing; so it may be repeated, by this
	// gateway or another. Events that lie past a fork, see Piece, stay and are
	// marked superseded. A room that was forgotten takes events without what
	// they say.
	Store(ctx context.Context, pieces []Piece) error
	// Head returns where a room's history stands; zero for an unknown room.
	Head(ctx context.Context, room string) (Head, error)
	// Load returns the newest snapshot of a room's history and the events after
	// it. A room that it does not have, or was made to forget, is ErrNoRoom.
	Load(ctx context.Context, room string) (Stored, error)
	// Read returns at most limit events of a room's history after a number,
	// oldest first, without those that are superseded. None is no error.
	Read(ctx context.Context, room string, after uint64, limit int) ([]Event, error)
}

// ArchiveKeeper looks after archived rooms as a whole. Archives implement it
// beside Archive.
type ArchiveKeeper interface {
	// Rooms lists at most limit rooms whose ids come after one, in the order of
	// their ids (as bytes), forgotten ones included.
	Rooms(ctx context.Context, after string, limit int) ([]ArchivedRoom, error)
	// Idle lists at most limit rooms without an event since an instant, those
	// that have been so longest first.
	Idle(ctx context.Context, before int64, limit int) ([]string, error)
	// Delete removes a room and all its events, in small steps. When it is
	// interrupted, a further Delete goes on with it.
	Delete(ctx context.Context, room string) error
	// Forget blanks what a member said and was called, in events and snapshots;
	// for the member "" what everybody did, and the room is not loaded again.
	// Numbers, times and kinds of events stay.
	Forget(ctx context.Context, room, member string) error
	// Chat returns at most limit lines of chat before a number (0: the newest),
	// oldest first.
	Chat(ctx context.Context, room string, before uint64, limit int) ([]ChatLine, error)
}

// Piece is a part of a room's history: consecutive events of the log. Of two
// events with the same number the one of the higher epoch belongs to the
// history, and all of lower epochs from that number on are superseded; within an
// epoch, what comes later in a Store does, for the log is the truth.
type Piece struct {
	Room   string
	Events []Event
	// Snapshot, if any, is kept unless there is a newer one.
	Snapshot *Room
}

// ArchivedRoom is what an archive knows of a room.
type ArchivedRoom struct {
	ID   string
	Head Head
	// Created and At are the times of its first and newest events.
	Created, At int64
	Forgotten   bool
}
