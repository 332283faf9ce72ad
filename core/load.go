package core

import (
	"context"
	"errors"
)

// load reads the room from the log. Its members are away until they come back.
func (l *loop) load() error {
	ctx, cancel := context.WithTimeout(l.hub.ctx, l.hub.opts.Patience)
	defer cancel()
	stored, err := l.hub.opts.Log.Load(ctx, l.id, maxRecent)
	if errors.Is(err, ErrNoRoom) {
		if err = l.hub.restore(ctx, l.id); err == nil {
			stored, err = l.hub.opts.Log.Load(ctx, l.id, maxRecent)
		}
	}
	if err != nil {
		return err
	}
	room, err := stored.replay(l.id)
	if err != nil {
		return err
	}
	l.room, l.recent = room, keepLast(stored.Events, maxRecent)
	if err := l.follow(ctx); err != nil {
		return err
	}
	l.ahead = l.room.Clone()
	l.snapshot.begin(l.room)
	for _, m := range l.room.Members() {
		l.seats[m.ID] = &seat{}
		l.expectAway(m)
	}
	return nil
}

// follow has other gateways tell of the room, and reads what they have appended
// until that began.
func (l *loop) follow(ctx context.Context) (err error) {
	feed, ok := l.hub.opts.Log.(Feed)
	if !ok {
		return nil
	}
	if l.following, err = feed.Follow(ctx, l.id, l.ear); err != nil {
		return err
	}
	for more := true; more; {
		var events []Event
		events, err = l.hub.opts.Log.Read(ctx, l.id, l.room.Number, maxCatch)
		for i := 0; err == nil && i < len(events); i++ {
			err = l.room.Apply(events[i])
		}
		if err != nil {
			l.following.Stop()
			return err
		}
		l.recent = keepLast(append(l.recent, events...), maxRecent)
		more = len(events) == maxCatch
	}
	return nil
}
