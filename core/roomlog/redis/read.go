package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"tandem.watch/tandem/core"
)

// Load implements core.Log. Snapshot and events are of the same moment.
func (l *Log) Load(ctx context.Context, room string, recent int) (core.Stored, error) {
	answer, err := l.read(ctx, room, "load", recent, 0)
	if err != nil {
		return core.Stored{}, err
	}
	if len(answer) == 0 {
		return core.Stored{}, core.ErrNoRoom
	}
	var stored core.Stored
	if text, _ := answer[0].(string); text != "" {
		if stored.Room, err = core.DecodeRoom([]byte(text)); err != nil {
			return core.Stored{}, err
		}
	}
	stored.Events, err = decodeEvents(answer[1:])
	return stored, err
}

// Read implements core.Log.
func (l *Log) Read(ctx context.Context, room string, after uint64, limit int) ([]core.Event, error) {
	if after >= math.MaxInt64 || limit <= 0 {
		return nil, alive(ctx)
	}
	answer, err := l.read(ctx, room, "after", int64(after), limit)
	if err != nil || len(answer) == 0 {
		return nil, err
	}
	return decodeEvents(answer[1:])
}

func (l *Log) read(ctx context.Context, room, what string, n, limit any) ([]any, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	k := keysOf(room)
	answer, err := l.run(ctx, readScript, []string{k.room, k.log}, what, n, limit).Slice()
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return answer, nil
}

// Secret implements core.Log.
func (l *Log) Secret(ctx context.Context, room, name string) (*core.Secret, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	text, err := l.client.HGet(ctx, keysOf(room).room, "s:"+name).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	size, rest, ok := strings.Cut(text, ":")
	n, err := strconv.Atoi(size)
	if !ok || err != nil || n < 0 || n > len(rest) {
		return nil, fmt.Errorf("redis: a secret of room %q cannot be read", room)
	}
	return &core.Secret{Name: name, Member: rest[:n], Value: []byte(rest[n:])}, nil
}

// SaveSnapshot implements core.Log. A snapshot older than the one that is kept
// changes nothing; one of another history is refused. It trims the log.
func (l *Log) SaveSnapshot(ctx context.Context, r *core.Room) error {
	data, err := core.EncodeRoom(r)
	if err != nil {
		return err
	}
	if err := alive(ctx); err != nil {
		return err
	}
	k, head := keysOf(r.ID), r.LogHead()
	answer, err := l.run(ctx, snapshotScript, []string{k.room, k.log}, head.Epoch, head.Number, hexID(head.ID), data, keepEvents, l.archived).Int()
	switch {
	case err != nil:
		return unavailable(ctx, err)
	case answer == 0:
		return core.ErrNoRoom
	case answer == 2:
		return fmt.Errorf("redis: the snapshot of room %q at %d is not of its history", r.ID, head.Number)
	default:
		return nil
	}
}
