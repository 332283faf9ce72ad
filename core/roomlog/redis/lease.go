package redis

import (
	"context"
	_ "embed" // the script
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// leasesKey is a sorted set of the gateways' names: until when, on the clock of
// its node and in ms, each has its lease.
const leasesKey = "tandem:{gateways}:leases"

//go:embed scripts/lease.lua
var leaseSource string

var leaseScript = redis.NewScript(leaseSource)

// Renew implements core.Leases.
func (l *Log) Renew(ctx context.Context, lease time.Duration) (living []string, kept bool, err error) {
	if err := alive(ctx); err != nil {
		return nil, false, err
	}
	answer, err := l.run(ctx, leaseScript, []string{leasesKey}, l.self, lease.Milliseconds()).StringSlice()
	if err != nil || len(answer) == 0 {
		return nil, false, unavailable(ctx, err)
	}
	return answer[1:], answer[0] == "1", nil
}

// Unfollowed implements core.Leases. It asks every primary who subscribes.
func (l *Log) Unfollowed(ctx context.Context, rooms []string) ([]string, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	groups := map[*redis.Client][]string{} // of channels, by the node that has them
	byChannel := map[string]string{}
	for _, room := range rooms {
		name := keysOf(room).channel
		byChannel[name] = room
		_, node, err := l.feed.owner(name)
		if err != nil {
			return nil, unavailable(ctx, err)
		}
		groups[node] = append(groups[node], name)
	}
	var free []string
	for node, names := range groups {
		for chunk := range slices.Chunk(names, maxPipeline) {
			counts, err := node.PubSubShardNumSub(ctx, chunk...).Result()
			if err != nil {
				return nil, unavailable(ctx, fmt.Errorf("asking for subscribers: %w", err))
			}
			for name, n := range counts {
				if n == 0 {
					free = append(free, byChannel[name])
				}
			}
		}
	}
	slices.Sort(free)
	return free, nil
}
