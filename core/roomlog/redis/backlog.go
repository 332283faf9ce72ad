package redis

import (
	"context"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"tandem.watch/tandem/core"
)

// Unarchived implements core.Backlog, partition by partition and there in the
// order of ids.
func (l *Log) Unarchived(ctx context.Context, after string, limit int) ([]core.Unarchived, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	first, from := 0, "-"
	if after != "" {
		first, from = partitionOf(after), "("+after
	}
	var answers [partitions]*redis.StringSliceCmd
	_, err := l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := first; i < partitions; i++ {
			answers[i] = p.ZRangeByLex(ctx, backlogOf(i), &redis.ZRangeBy{Min: from, Max: "+", Count: int64(max(1, limit))})
			from = "-"
		}
		return nil
	})
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	var ids []string
	for _, a := range answers[first:] {
		ids = append(ids, a.Val()...)
	}
	ids = ids[:min(len(ids), max(0, limit))]
	heads := make([]*redis.SliceCmd, len(ids))
	if len(ids) == 0 {
		return nil, nil
	}
	_, err = l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			heads[i] = p.HMGet(ctx, keysOf(id).room, "archived", "archivedId", "epoch", "number", "id")
		}
		return nil
	})
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	var list []core.Unarchived
	for i, id := range ids {
		u := core.Unarchived{Room: id}
		texts := make([]string, 5)
		for n, v := range heads[i].Val() {
			texts[n], _ = v.(string)
		}
		u.Number, _ = strconv.ParseUint(texts[0], 10, 64)
		_ = u.ID.UnmarshalText([]byte(texts[1])) // none is zero
		var ok bool
		if u.Head, ok = parseHead(texts[2], texts[3], texts[4]); ok {
			list = append(list, u)
		}
	}
	return list, nil
}

// Archived implements core.Backlog.
func (l *Log) Archived(ctx context.Context, room string, head core.Head) error {
	if err := alive(ctx); err != nil {
		return err
	}
	k := keysOf(room)
	err := l.run(ctx, archivedScript, []string{k.room, k.log, k.backlog}, room, head.Epoch, head.Number, hexID(head.ID), keepEvents).Err()
	if err != nil {
		return unavailable(ctx, err)
	}
	return nil
}

// ExpireArchived implements core.Backlog.
func (l *Log) ExpireArchived(ctx context.Context, before int64, limit int) (int, error) {
	return l.expire(ctx, before, limit, "archived")
}

// Restore implements core.Backlog.
func (l *Log) Restore(ctx context.Context, r *core.Room, empty int64) error {
	data, err := core.EncodeRoom(r)
	if err != nil {
		return err
	}
	if err := alive(ctx); err != nil {
		return err
	}
	k, head := keysOf(r.ID), r.LogHead()
	done, err := l.run(ctx, restoreScript, []string{k.room, k.log, k.index},
		r.ID, head.Epoch, head.Number, hexID(head.ID), r.At, len(r.Members()), empty, head.Number+1, data).Bool()
	switch {
	case err != nil:
		return unavailable(ctx, err)
	case !done:
		return &core.Conflict{}
	default:
		return nil
	}
}

// Used implements core.Pressure: of the fullest node's maxmemory.
func (l *Log) Used(ctx context.Context) (float64, error) {
	if err := alive(ctx); err != nil {
		return 0, err
	}
	if l.cluster == nil {
		return used(ctx, l.client)
	}
	answers := make(chan float64, 1000) // as many as a cluster has nodes, at most
	err := l.cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		share, err := used(ctx, node)
		if err == nil {
			answers <- share
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	most := 0.0
	for len(answers) > 0 {
		most = max(most, <-answers)
	}
	return most, nil
}

func used(ctx context.Context, node redis.UniversalClient) (float64, error) {
	info, err := node.Info(ctx, "memory").Result()
	if err != nil {
		return 0, unavailable(ctx, err)
	}
	values := map[string]float64{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			values[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	if values["maxmemory"] == 0 {
		return 0, nil
	}
	return values["used_memory"] / values["maxmemory"], nil
}
