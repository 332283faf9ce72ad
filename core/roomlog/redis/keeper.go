package redis

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// maxPipeline bounds the commands of one pipeline.
const maxPipeline = 1000

// eachIndex sends a command for every partition's index, in one pipeline, and
// hands the answers to take.
func (l *Log) eachIndex(ctx context.Context, query redis.ZRangeArgs, take func([]redis.Z)) error {
	if err := alive(ctx); err != nil {
		return err
	}
	var answers [partitions]*redis.ZSliceCmd
	_, err := l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range answers {
			query.Key = indexOf(i)
			answers[i] = p.ZRangeArgsWithScores(ctx, query)
		}
		return nil
	})
	if err != nil {
		return unavailable(ctx, err)
	}
	for _, a := range answers {
		take(a.Val())
	}
	return nil
}

func name(z redis.Z) string {
	id, _ := z.Member.(string)
	return id
}

// Occupied implements core.Keeper.
func (l *Log) Occupied(ctx context.Context) ([]string, error) {
	var ids []string
	err := l.eachIndex(ctx, redis.ZRangeArgs{ByScore: true, Start: -1, Stop: -1}, func(rooms []redis.Z) {
		for _, z := range rooms {
			ids = append(ids, name(z))
		}
	})
	slices.Sort(ids)
	return ids, err
}

// LatestTime implements core.Keeper. It asks every room.
func (l *Log) LatestTime(ctx context.Context) (int64, error) {
	var ids []string
	err := l.eachIndex(ctx, redis.ZRangeArgs{Start: 0, Stop: -1}, func(rooms []redis.Z) {
		for _, z := range rooms {
			ids = append(ids, name(z))
		}
	})
	var latest int64
	for chunk := range slices.Chunk(ids, maxPipeline) {
		if err != nil {
			break
		}
		var times []redis.Cmder
		times, err = l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, id := range chunk {
				p.HGet(ctx, keysOf(id).room, "at")
			}
			return nil
		})
		if errors.Is(err, redis.Nil) {
			err = nil // a room that has just gone
		}
		for _, c := range times {
			if text, ok := c.(*redis.StringCmd); ok {
				at, _ := strconv.ParseInt(text.Val(), 10, 64)
				latest = max(latest, at)
			}
		}
		if err != nil {
			err = unavailable(ctx, err)
		}
	}
	return latest, err
}

// Expire implements core.Keeper. The rooms that have been empty longest go
// first.
func (l *Log) Expire(ctx context.Context, before int64, limit int) (int, error) {
	return l.expire(ctx, before, limit, "all")
}

func (l *Log) expire(ctx context.Context, before int64, limit int, which string) (int, error) {
	var due []redis.Z
	query := redis.ZRangeArgs{ByScore: true, Start: 0, Stop: "(" + strconv.FormatInt(before, 10), Count: int64(max(1, limit))}
	if err := l.eachIndex(ctx, query, func(rooms []redis.Z) { due = append(due, rooms...) }); err != nil {
		return 0, err
	}
	slices.SortFunc(due, func(a, b redis.Z) int { return cmp.Compare(a.Score, b.Score) })
	forgotten := 0
	for _, z := range due[:min(len(due), max(0, limit))] {
		k := keysOf(name(z))
		n, err := l.run(ctx, expireScript, []string{k.room, k.log, k.index, k.backlog}, name(z), before, which).Int()
		if err != nil {
			return forgotten, unavailable(ctx, err)
		}
		forgotten += n
	}
	return forgotten, nil
}
