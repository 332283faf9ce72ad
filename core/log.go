package core

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"
)

// Log keeps the events of rooms. It is the compare-and-swap of the cluster: an
// append names the head that it was decided against and is refused on any
// other. An implementation is safe for use by several goroutines; a room's own
// goroutine appends one batch at a time.
//
// Every implementation passes the suite in core/roomlog/logtest.
type Log interface {
	// Append adds the batch after head, whole or not at all. A zero head
	// creates the room. Its errors:
	//   - *Conflict: the log's head is another one;
	//   - ErrUnavailable: nothing was appended, and it may be tried again;
	//   - ErrUnknown: perhaps appended. Read tells: event ids are unique;
	//   - any other is the caller's mistake: a hole in the batch, or no events.
	Append(ctx context.Context, room string, head Head, b Batch) error
	// Load returns the newest snapshot, and the events after it and at least
	// the last recent ones. A room that was never created, or has expired, is
	// ErrNoRoom. Like all that read, it may be ErrUnavailable.
	Load(ctx context.Context, room string, recent int) (Stored, error)
	// Read returns at most limit events after a number, oldest first. None is
	// no error.
	Read(ctx context.Context, room string, after uint64, limit int) ([]Event, error)
	// Secret returns the secret of a name, or nil.
	Secret(ctx context.Context, room, name string) (*Secret, error)
	// SaveSnapshot keeps a snapshot of r, unless there is a newer one. A room
	// that the log does not know is ErrNoRoom.
	SaveSnapshot(ctx context.Context, r *Room) error
}

// Keeper looks after rooms as a whole. Logs implement it beside Log.
type Keeper interface {
	// Occupied lists the rooms that have members.
	Occupied(ctx context.Context) ([]string, error)
	// LatestTime returns the time of the newest event of any room, 0 if there
	// is none: a clock that starts there does not run backwards.
	LatestTime(ctx context.Context) (int64, error)
	// Expire forgets at most limit rooms that have been empty since before an
	// instant, secrets included, and returns how many it forgot.
	Expire(ctx context.Context, before int64, limit int) (int, error)
}

// Head is where a room's log stands.
type Head struct {
	Epoch, Number uint64
	ID            EventID
}

// Batch is what one append adds.
type Batch struct {
	// Events follow each other and the head.
	Events []Event
	// Forget names members whose secrets go; Secrets are written after that.
	Forget  []string
	Secrets []Secret
	// Members is how many the room has afterwards.
	Members int
}

// Secret is what must not be in events: the hash of a seat token or a PIN. It
// is written in the same transaction as the events that it belongs to.
type Secret struct {
	// Name is what it is looked up by, Member whom it goes with; "" belongs to
	// the room.
	Name, Member string
	Value        []byte
}

// Stored is a room as a log has it.
type Stored struct {
	// Room is the newest snapshot, or nil.
	Room *Room
	// Events are in order, without holes, up to the head. They may begin before
	// the snapshot.
	Events []Event
}

// Errors of logs.
var (
	ErrNoRoom      = errors.New("core: no such room")
	ErrUnavailable = errors.New("core: the log is unavailable")
	ErrUnknown     = errors.New("core: the log may or may not have appended")
)

// Conflict refuses an append: the log stands elsewhere.
type Conflict struct {
	// Missed are events after the head that the append named, if the log has it
	// as part of its history and they are not too many; else nil: load the room.
	Missed []Event
}

// Error says that the head was another one.
func (c *Conflict) Error() string { return "core: the room's log has moved on" }

// LogHead returns where r stands in its log.
func (r *Room) LogHead() Head { return Head{Epoch: r.Epoch, Number: r.Number, ID: r.Head} }

// Placer is a Log that can append a batch though others were first, when what
// they appended does not change what the batch means. Logs that several
// gateways share implement it: a gateway that is far away need not lose one
// round after another for a line of chat.
type Placer interface {
	// Place is Append for a batch that commutes: past names the kinds of events,
	// see PastKinds, that may lie between head and batch. It returns those, in
	// order; the batch's events then follow the last of them, as Follow makes
	// them do. It is refused, as Append is, if there are other kinds among them,
	// or any by or about a member that one of the batch's is by or about: they
	// may be the very same commands.
	Place(ctx context.Context, room string, head Head, b Batch, past []string) ([]Event, error)
}

// Feed is a Log that several gateways share. Publishing gives speed, the log
// gives truth: what a Feed tells may be lost, repeated or come late, and the log
// is what is read then.
type Feed interface {
	// Self names this gateway among those that share the log, another name at
	// each start.
	Self() string
	// Follow tells f what the others do in a room from now on, until it is
	// stopped. It returns when that is certain; what was before is in the log.
	// The error is ErrUnavailable.
	Follow(ctx context.Context, room string, f Follower) (Following, error)
}

// Follower is told about a room. Its methods must not block, and may be called
// by several goroutines.
type Follower interface {
	// Appended tells what another gateway has appended.
	Appended(events []Event)
	// Head tells where the log stands: now and then, and whenever something may
	// have been missed. The zero Head says that the log has no such room.
	Head(head Head)
	// Told passes on what another gateway has told.
	Told(from string, note []byte)
}

// Following is a room that is followed.
type Following interface {
	// Tell tells the others that follow the room. It does not block, and it may
	// be lost.
	Tell(note []byte)
	// Stop ends it. A call to the Follower that is under way may still end.
	Stop()
}

// Follow makes a batch's events follow others: they get the numbers, times and
// predecessor that a Log which has placed them gave them.
func (b Batch) Follow(before []Event) []Event {
	events := slices.Clone(b.Events)
	if len(before) == 0 {
		return events
	}
	prev := before[len(before)-1]
	at := int64(math.MinInt64)
	for _, e := range before {
		at = max(at, e.At)
	}
	for i := range events {
		e := &events[i]
		at = max(at, e.At)
		e.Prev, e.Epoch, e.Number, e.At = prev.ID, prev.Epoch, prev.Number+1, at
		prev = *e
	}
	return events
}

// Leases say which gateways live. A Feed has them.
type Leases interface {
	// Renew keeps this gateway's lease for a while from now, and returns the
	// names of all that have one, its own included. kept is false when its own
	// had run out, or it had none. A lease of no time is given up.
	Renew(ctx context.Context, lease time.Duration) (living []string, kept bool, err error)
	// Unfollowed returns those of some rooms that no gateway follows.
	Unfollowed(ctx context.Context, rooms []string) ([]string, error)
}
