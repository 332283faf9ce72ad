package memory

import (
	"cmp"
	"context"
	"slices"
)

// Occupied implements core.Keeper.
func (l *Log) Occupied(ctx context.Context) ([]string, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	for id, r := range l.rooms {
		if r.members > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// LatestTime implements core.Keeper.
func (l *Log) LatestTime(ctx context.Context) (int64, error) {
	if err := alive(ctx); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var latest int64
	for _, r := range l.rooms {
		latest = max(latest, r.at)
	}
	return latest, nil
}

// Expire implements core.Keeper. The rooms that have been empty longest go
// first.
func (l *Log) Expire(ctx context.Context, before int64, limit int) (int, error) {
	return l.expire(ctx, before, limit, func(*room) bool { return true })
}

func (l *Log) expire(ctx context.Context, before int64, limit int, may func(*room) bool) (int, error) {
	if err := alive(ctx); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	for id, r := range l.rooms {
		if r.members == 0 && r.emptySince < before && may(r) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(l.rooms[a].emptySince, l.rooms[b].emptySince) })
	ids = ids[:min(len(ids), max(0, limit))]
	for _, id := range ids {
		delete(l.rooms, id)
	}
	return len(ids), nil
}
