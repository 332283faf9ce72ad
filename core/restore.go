package core

import (
	"context"
	"errors"
	"time"

	"tandem.watch/tandem/protocol"
)

// restorePatience bounds the asking for a room in the archive: with the archive
// away, who asks for a room that the log does not have is told so.
const restorePatience = 3 * time.Second

// errArchiveAway says that a room is not in the log, and may be in the archive.
// Rooms that are made by who enters are made then all the same.
var errArchiveAway = &protocol.Error{
	Code: protocol.CodeUnavailable, Message: "the room is not in use, and the history that it may be in cannot be reached now; try again", RetryAfterMs: 5000,
}

// restore takes a room that the log does not have from the archive into the log.
// It goes on at its number in a new epoch, standing still; whoever was in it is
// gone, for their seats went with the log. It returns ErrNoRoom if the archive
// does not have it either.
func (h *Hub) restore(ctx context.Context, id string) error {
	backlog, ok := h.opts.Log.(Backlog)
	if !ok || h.opts.Archive == nil {
		return ErrNoRoom
	}
	ctx, cancel := context.WithTimeout(ctx, restorePatience)
	defer cancel()
	stored, err := h.opts.Archive.Load(ctx, id)
	if errors.Is(err, ErrUnavailable) {
		h.opts.Logger.Warn("a room that the log does not have is not looked for: the archive is away", "room", id, "error", err)
		return errArchiveAway
	}
	if err != nil {
		return err
	}
	room, err := stored.replay(id)
	if err != nil {
		return err
	}
	room.Epoch++
	now := h.opts.Clock.Now()
	before := room.LogHead()
	if err := backlog.Restore(ctx, room, now); err != nil {
		if errors.As(err, new(*Conflict)) {
			return nil // another gateway was first
		}
		return err
	}
	h.opts.Logger.Info("a room is back from the archive", "room", id, "number", before.Number, "epoch", before.Epoch)
	var events []Event
	for len(room.Members()) > 0 {
		m := room.Members()[0]
		// It stands where it was, not where it would have got to since.
		d, err := Decide(room, Ref{}, Depart{Member: m.ID, Generation: m.Generation}, room.At, Hints{})
		if err != nil {
			return err
		}
		more, err := room.extend(Ref{}, d.Bodies, now)
		if err != nil {
			return err
		}
		if len(more) == 0 {
			break
		}
		events = append(events, more...)
	}
	if len(events) == 0 {
		return nil
	}
	_, err = commit(ctx, h.opts.Log, id, before, Batch{Events: events})
	if errors.As(err, new(*Conflict)) {
		return nil
	}
	return err
}

// replay returns what a stored room adds up to.
func (s Stored) replay(id string) (*Room, error) {
	room := s.Room
	if room == nil {
		room = NewRoom(id)
	}
	for _, e := range s.Events {
		if e.Number <= room.Number {
			continue
		}
		if err := room.Apply(e); err != nil {
			return nil, err
		}
	}
	return room, nil
}
