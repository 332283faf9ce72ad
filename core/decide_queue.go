package core

import (
	"slices"

	"tandem.watch/tandem/protocol"
)

func (d *decider) queue(c Command) ([]Body, error) {
	switch c := c.(type) {
	case Enqueue:
		return d.enqueue(c)
	case Unqueue:
		if d.r.queued(c.Item) < 0 {
			return nil, notQueued(c.Item)
		}
		return []Body{Unqueued{Item: c.Item, Reason: UnqueuedRemoved}}, nil
	case Move:
		return d.move(c)
	case Next:
		return d.next(c)
	default:
		return nil, nil
	}
}

func (d *decider) enqueue(c Enqueue) ([]Body, error) {
	if len(d.r.Queue) >= protocol.MaxQueue {
		return nil, protocol.Errorf(protocol.CodeQueueFull, "the queue has %d items already; remove one first", len(d.r.Queue))
	}
	item := QueueItem{ID: d.r.Number + 1, Media: c.Media, Member: d.by.Seat, Name: d.r.Member(d.by.Seat).Name}
	if protocol.JSONSize(append(slices.Clone(d.r.Queue), item)) > protocol.MaxQueueBytes {
		return nil, protocol.Errorf(protocol.CodeQueueFull,
			"the queue would have more than %d bytes with its addresses and texts; remove something first", protocol.MaxQueueBytes)
	}
	added := Queued{Media: item.Media, Member: item.Member, Name: item.Name, Index: len(d.r.Queue)}
	if c.Next {
		added.Index = 0
	}
	return []Body{added}, nil
}

func (d *decider) move(c Move) ([]Body, error) {
	from := d.r.queued(c.Item)
	if from < 0 {
		return nil, notQueued(c.Item)
	}
	to := len(d.r.Queue) - 1 // as counted without the item itself
	if c.Before != 0 {
		if to = d.r.queued(c.Before); to < 0 {
			return nil, notQueued(c.Before)
		}
		if to > from {
			to--
		}
	}
	if to == from || c.Before == c.Item {
		return nil, nil
	}
	return []Body{Moved{Item: c.Item, Index: to}}, nil
}

// next goes on, once for everybody who says so: who names media that the room
// has left already changes nothing.
func (d *decider) next(c Next) ([]Body, error) {
	if c.After != d.r.MediaNumber {
		return nil, nil
	}
	at := 0
	if c.Item != 0 {
		if at = d.r.queued(c.Item); at < 0 {
			return nil, notQueued(c.Item)
		}
	} else if len(d.r.Queue) == 0 {
		return nil, nil
	}
	item := d.r.Queue[at]
	bodies := []Body{Unqueued{Item: item.ID, Reason: UnqueuedPlayed}, MediaSet{Media: item.Media}}
	play := d.willPlay()
	if c.Play != nil {
		play = *c.Play
	}
	switch {
	case play && c.Wait:
		return append(bodies, d.wait(CauseMedia, 0)...), nil
	case play:
		return append(bodies, d.start(CauseMedia, 0, true)), nil
	default:
		return append(bodies, d.stand(CauseMedia, 0)), nil
	}
}

func notQueued(item uint64) error {
	return protocol.Errorf(protocol.CodeNotFound, "the item %d is no longer in the queue", item)
}
