// Package roomlog holds what the implementations of core.Log have in common.
package roomlog

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tandem.watch/tandem/core"
)

// MaxMissed is how many events a conflict carries at most. Who has missed more
// than that is told nothing, and loads the room.
const MaxMissed = 1000

// KeepEvents is how many events of a room stay in the log for clients that come
// back, though they are archived and there is a snapshot after them.
const KeepEvents = 1000

// Append is a batch that is checked, encoded and independent of its caller, so
// that a log can hand it to another goroutine.
type Append struct {
	Room string
	// Head is what the batch was decided against, Next where the log stands
	// after it.
	Head, Next core.Head
	// At is the time of the newest event.
	At int64
	// Events are encoded; the first has the number First.
	Events [][]byte
	First  uint64
	// Forget, Secrets and Members are the batch's.
	Forget  []string
	Secrets []core.Secret
	Members int
	// Change is by how much the events change the number of members.
	Change int
}

// Creates says whether the batch is a room's first.
func (a *Append) Creates() bool { return a.Head == core.Head{} }

// Prepare checks that a batch follows its head, without a hole and with a
// history that fits together, and encodes it. An error is the caller's mistake:
// it would be refused again.
func Prepare(room string, head core.Head, b core.Batch) (*Append, error) {
	if err := check(room, head, b); err != nil {
		return nil, fmt.Errorf("roomlog: append to room %q: %w", room, err)
	}
	last := b.Events[len(b.Events)-1]
	a := &Append{
		Room: room, Head: head, Next: core.Head{Epoch: last.Epoch, Number: last.Number, ID: last.ID},
		At: last.At, Events: make([][]byte, len(b.Events)), First: head.Number + 1,
		Forget: slices.Clone(b.Forget), Secrets: slices.Clone(b.Secrets), Members: b.Members,
	}
	for i, s := range a.Secrets {
		a.Secrets[i].Value = append([]byte{}, s.Value...)
	}
	for i, e := range b.Events {
		data, err := core.EncodeEvent(e)
		if err != nil {
			return nil, fmt.Errorf("roomlog: append to room %q: %w", room, err)
		}
		a.Events[i] = data
		a.At = max(a.At, e.At)
		switch e.Body.(type) {
		case core.Joined:
			a.Change++
		case core.Left:
			a.Change--
		default:
		}
	}
	return a, nil
}

func check(room string, head core.Head, b core.Batch) error {
	switch {
	case room == "":
		return errors.New("the room has no id")
	case len(b.Events) == 0:
		return errors.New("the batch has no events")
	case b.Members < 0:
		return fmt.Errorf("%d members", b.Members)
	case head.Number > math.MaxInt64-uint64(len(b.Events)):
		return fmt.Errorf("the head's number %d is out of range", head.Number)
	}
	prev := head
	for _, e := range b.Events {
		switch {
		case e.Body == nil:
			return fmt.Errorf("event %d has no body", e.Number)
		case e.Number != prev.Number+1:
			return fmt.Errorf("event %d does not follow number %d", e.Number, prev.Number)
		case e.Prev != prev.ID:
			return fmt.Errorf("event %d names %016x before it instead of %016x", e.Number, uint64(e.Prev), uint64(prev.ID))
		case e.ID == 0 || e.ID == prev.ID:
			return fmt.Errorf("event %d has no id of its own", e.Number)
		case e.Epoch < prev.Epoch || e.Epoch > math.MaxInt64:
			return fmt.Errorf("event %d is of epoch %d after epoch %d", e.Number, e.Epoch, prev.Epoch)
		}
		prev = core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID}
	}
	return nil
}
