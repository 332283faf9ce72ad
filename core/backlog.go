package core

import "context"

// Backlog is a Log that an archive follows: it knows what is archived, lets go
// of nothing that is not, and takes back what it has let go of. Logs implement
// it beside Log. Like all that read and write, its methods may return
// ErrUnavailable.
type Backlog interface {
	// Unarchived lists at most limit rooms after one, in an order of the log's
	// own, that have events which no archive is known to have. The room "" is
	// before all others.
	Unarchived(ctx context.Context, after string, limit int) ([]Unarchived, error)
	// Archived notes that an archive has a room's events up to head. It may let
	// the log drop events that a snapshot covers, too, all but the last 1,000. A
	// head that is not of the room's history changes nothing.
	Archived(ctx context.Context, room string, head Head) error
	// ExpireArchived is Keeper's Expire for rooms that are archived whole.
	ExpireArchived(ctx context.Context, before int64, limit int) (int, error)
	// Restore makes a room that the log does not have from its archived state,
	// whose head the next append follows. It counts as empty since an instant,
	// unless it has members. It is a *Conflict if the log has the room.
	Restore(ctx context.Context, r *Room, empty int64) error
}

// Unarchived is a room whose events are to be archived.
type Unarchived struct {
	Room string
	// Number and ID are those of the last event that was archived; zero before
	// the first.
	Number uint64
	ID     EventID
	// Head is where the log stands.
	Head Head
}

// Pressure is a Log that can be full. Rooms are refused before chat, and chat
// before everything is; see Hub.
type Pressure interface {
	// Used returns how much of what the log may hold is held, from 0 to 1; 0 when
	// there is no limit.
	Used(ctx context.Context) (float64, error)
}
