package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Bounds of a Feeder.
const (
	// feedBatch is how many events one Store takes, feedRoom how many of one room
	// at a time, so that a busy room does not keep others waiting.
	feedBatch = 5000
	feedRoom  = 1000
	// feedPage is how many rooms are listed at once, feedPages how many pages
	// are looked at in a round.
	feedPage  = 500
	feedPages = 200
	// feedTimeout bounds one Store: an archive that hangs is one that is away.
	feedTimeout = 30 * time.Second
	// feedRest is the longest wait for an archive that is away, feedSetAside how
	// long a room that it refuses is left alone.
	feedRest     = 15 * time.Second
	feedSetAside = time.Minute
	maxSetAside  = 1000
	// feedSnapshot is after about how many events of a room the archive gets the
	// log's snapshot.
	feedSnapshot = 1000
	maxSnapshots = 10_000
)

// FeederOptions configure a Feeder.
type FeederOptions struct {
	// Log is what is archived. Required, and it must be a Backlog.
	Log Log
	// Archive takes it. Required.
	Archive Archive
	// Owns says which rooms this gateway archives: every room must have one
	// gateway that does, and it does no harm when two do for a while. nil is all.
	Owns func(room string) bool
	// Every is how long a round waits for the next: 1 s.
	Every time.Duration
	// Logger receives what an operator should know. Required.
	Logger *slog.Logger
}

// Feeder brings what a log has into an archive, in batches. The archive may be
// away, slow or full for as long as it likes: the log keeps what it lacks.
type Feeder struct {
	opts    FeederOptions
	backlog Backlog
	aside   map[string]time.Time // rooms that the archive refuses, until when
	// snapshots says at which number a room's snapshot was last asked for.
	snapshots map[string]uint64

	mu  sync.Mutex
	lag Lag
}

// Lag is how far an archive is behind, as of a feeder's last round.
type Lag struct {
	// Rooms and Events are to be archived, of the rooms that this gateway owns;
	// at least that many when there are very many.
	Rooms, Events uint64
	// Stored counts the events that were archived since the start.
	Stored uint64
	// AwaySince is since when the archive takes nothing; zero while it does.
	AwaySince time.Time
	// SetAside are rooms that it refuses.
	SetAside int
}

// NewFeeder returns a feeder, or says which option is wrong.
func NewFeeder(o FeederOptions) (*Feeder, error) {
	b, ok := o.Log.(Backlog)
	if !ok || o.Archive == nil || o.Logger == nil {
		return nil, errors.New("core: a feeder needs an Archive, a Logger and a Log that is a Backlog")
	}
	setDefault(&o.Every, time.Second)
	if o.Owns == nil {
		o.Owns = func(string) bool { return true }
	}
	return &Feeder{opts: o, backlog: b, aside: map[string]time.Time{}, snapshots: map[string]uint64{}}, nil
}

// Lag returns how far the archive is behind. It may be called at any time.
func (f *Feeder) Lag() Lag {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lag
}

// Run feeds until the context ends. It is called once.
func (f *Feeder) Run(ctx context.Context) {
	for {
		err := f.Round(ctx)
		if ctx.Err() != nil {
			return
		}
		f.note(err)
		rest := f.opts.Every
		if err != nil {
			if away := time.Since(f.Lag().AwaySince); away > rest {
				rest = min(away/2, feedRest) // about doubling
			}
		}
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return
		}
	}
}

// note remembers since when the archive is away, and says so once.
func (f *Feeder) note(err error) {
	f.mu.Lock()
	since := f.lag.AwaySince
	switch {
	case err != nil && since.IsZero():
		f.lag.AwaySince = time.Now()
	case err == nil:
		f.lag.AwaySince = time.Time{}
	}
	f.mu.Unlock()
	switch {
	case err != nil && since.IsZero():
		f.opts.Logger.Error("history is not archived; the log keeps it until it can be", "error", err)
	case err == nil && !since.IsZero():
		f.opts.Logger.Info("history is archived again", "after", time.Since(since).Round(time.Second))
	}
}

// Round archives all that there is to archive now. Its error is the archive's or
// the log's: neither loses anything by it.
func (f *Feeder) Round(ctx context.Context) error {
	f.forgive()
	for again := true; again; { // until a pass finds no room with more than it took
		pass := pass{f: f, left: map[string]uint64{}}
		if err := pass.run(ctx); err != nil {
			f.measure(&pass)
			return err
		}
		f.measure(&pass)
		again = pass.more
	}
	return nil
}

// forgive gives rooms that were set aside another chance.
func (f *Feeder) forgive() {
	now := time.Now()
	for room, until := range f.aside {
		if now.After(until) {
			delete(f.aside, room)
		}
	}
}

func (f *Feeder) measure(p *pass) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lag.Rooms, f.lag.Events, f.lag.SetAside = uint64(len(p.left)), 0, len(f.aside)
	for _, n := range p.left {
		f.lag.Events += n
	}
}

// pass goes once over the rooms that have something to archive.
type pass struct {
	f      *Feeder
	pieces []Piece
	size   int
	// left is how many events of each room are to be archived still.
	left map[string]uint64
	more bool
}

func (p *pass) run(ctx context.Context) error {
	after := ""
	for range feedPages {
		list, err := p.f.backlog.Unarchived(ctx, after, feedPage)
		if err != nil {
			return err
		}
		for _, u := range list {
			after = u.Room
			if _, aside := p.f.aside[u.Room]; aside || !p.f.opts.Owns(u.Room) {
				continue
			}
			p.left[u.Room] = max(u.Head.Number, u.Number+1) - u.Number
			if err := p.take(ctx, u); err != nil {
				return err
			}
			if p.size >= feedBatch {
				if err := p.store(ctx); err != nil {
					return err
				}
			}
		}
		if len(list) < feedPage {
			break
		}
	}
	return p.store(ctx)
}

// take reads what is next of a room.
func (p *pass) take(ctx context.Context, u Unarchived) error {
	number, id := u.Number, u.ID
	if id == 0 {
		// The log does not know: perhaps it was new, perhaps it lost its memory.
		head, err := p.f.opts.Archive.Head(ctx, u.Room)
		if err != nil {
			return err
		}
		number, id = head.Number, head.ID
	}
	events, err := p.read(ctx, u.Room, number, id)
	if err == nil && len(events) == 0 && id == u.Head.ID {
		// It was archived, and the log was not told.
		delete(p.left, u.Room)
		return p.f.backlog.Archived(ctx, u.Room, u.Head)
	}
	if err != nil || len(events) == 0 {
		return err
	}
	piece := Piece{Room: u.Room, Events: events}
	last := events[len(events)-1]
	// Only of a room that is caught up with: then few events come with it.
	if last.Number == u.Head.Number && last.Number >= p.f.snapshots[u.Room]+feedSnapshot {
		stored, err := p.f.opts.Log.Load(ctx, u.Room, 0)
		if err != nil && !errors.Is(err, ErrNoRoom) {
			return err
		}
		if stored.Room != nil && stored.Room.Number <= last.Number {
			piece.Snapshot = stored.Room
		}
		if len(p.f.snapshots) >= maxSnapshots {
			clear(p.f.snapshots) // they are asked for once more
		}
		p.f.snapshots[u.Room] = last.Number
	}
	p.pieces = append(p.pieces, piece)
	p.size += len(events)
	if last.Number < u.Head.Number {
		p.more = true
		p.left[u.Room] = u.Head.Number - last.Number + uint64(len(events))
	} else {
		p.left[u.Room] = uint64(len(events))
	}
	return nil
}

// read returns the log's events after the one that was archived last. If that is
// no longer of the log's history, it goes back to where the two agree.
func (p *pass) read(ctx context.Context, room string, number uint64, id EventID) ([]Event, error) {
	if number == 0 {
		return p.f.opts.Log.Read(ctx, room, 0, feedRoom)
	}
	events, err := p.f.opts.Log.Read(ctx, room, number-1, feedRoom)
	if err != nil {
		return nil, err
	}
	if len(events) > 0 {
		switch first := events[0]; {
		case first.Number == number && first.ID == id:
			return events[1:], nil
		case first.Number == number+1 && first.Prev == id: // the log was trimmed up to here
			return events, nil
		}
	}
	for step := uint64(1); number > 1; step *= 2 {
		number -= min(step, number-1)
		if events, err = p.f.opts.Log.Read(ctx, room, number-1, feedRoom); err != nil {
			return nil, err
		}
		known, err := p.f.opts.Archive.Read(ctx, room, number-1, 1)
		if err != nil {
			return nil, err
		}
		if len(events) > 0 && (events[0].Number > number || len(known) > 0 && known[0].ID == events[0].ID) {
			break
		}
	}
	if len(events) > 0 {
		p.f.opts.Logger.Warn("the log holds another history of a room than was archived; what lies past the fork is marked",
			"room", room, "from", events[0].Number)
	}
	return events, nil
}

// store archives what was taken, and tells the log.
func (p *pass) store(ctx context.Context) error {
	pieces := p.pieces
	p.pieces, p.size = nil, 0
	if len(pieces) == 0 {
		return nil
	}
	err := p.f.put(ctx, pieces)
	if err != nil && !errors.Is(err, ErrUnavailable) && len(pieces) > 1 {
		// One of them is refused: find it, and let the others pass.
		for i := range pieces {
			p.pieces = pieces[i : i+1]
			if err := p.store(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil && !errors.Is(err, ErrUnavailable) {
		p.f.opts.Logger.Error("the archive refuses a room's events; they stay in the log", "room", pieces[0].Room, "error", err)
		if len(p.f.aside) < maxSetAside {
			p.f.aside[pieces[0].Room] = time.Now().Add(feedSetAside)
			return nil
		}
	}
	if err != nil {
		return err
	}
	for _, piece := range pieces {
		if err := p.done(ctx, piece); err != nil {
			return err
		}
	}
	return nil
}

func (f *Feeder) put(ctx context.Context, pieces []Piece) error {
	ctx, cancel := context.WithTimeoutCause(ctx, feedTimeout, fmt.Errorf("the archive did not answer within %v", feedTimeout))
	defer cancel()
	return f.opts.Archive.Store(ctx, pieces)
}

// done tells the log of what is archived.
func (p *pass) done(ctx context.Context, piece Piece) error {
	last := piece.Events[len(piece.Events)-1]
	if err := p.f.backlog.Archived(ctx, piece.Room, Head{Epoch: last.Epoch, Number: last.Number, ID: last.ID}); err != nil {
		return err
	}
	n := uint64(len(piece.Events))
	if p.left[piece.Room] -= min(p.left[piece.Room], n); p.left[piece.Room] == 0 {
		delete(p.left, piece.Room)
	}
	p.f.mu.Lock()
	p.f.lag.Stored += n
	p.f.mu.Unlock()
	return nil
}
