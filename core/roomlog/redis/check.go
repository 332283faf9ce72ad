package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// oldest is the first Redis that has sharded publish and subscribe.
const oldest = 7

// check makes sure that every primary can be relied on to keep what it has
// acknowledged.
func (l *Log) check(ctx context.Context, t *Target) error {
	one := func(ctx context.Context, c *redis.Client) error {
		info, err := c.Info(ctx, "everything").Result()
		if err != nil {
			return err
		}
		return l.checkNode(ctx, t, c.Options().Addr, parseInfo(info))
	}
	var err error
	switch c := l.client.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(ctx, one)
	case *redis.Client:
		err = one(ctx, c)
	}
	if err == nil {
		// That the scripts may run, and what they do, by a room that is not there.
		if err = expireScript.Run(ctx, l.client, []string{prefix(0) + "room:", prefix(0) + "log:", indexOf(0), backlogOf(0)}, "", 0, "all").Err(); err == nil {
			err = l.client.SPublish(ctx, prefix(0)+"to:", "").Err()
		}
	}
	var refusal refusedRedis
	switch {
	case err == nil, errors.As(err, &refusal):
		return err
	case redis.IsAuthError(err):
		return fmt.Errorf("%s refuses the user or the password: check those in redis-url", t)
	case redis.IsPermissionError(err):
		return fmt.Errorf("%s does not allow this user all that is needed (%w): give it, by ACL SETUSER, ~tandem:* &tandem:* +@all -@dangerous +info", t, err)
	case strings.Contains(err.Error(), "cluster support disabled"):
		return fmt.Errorf("%s is no cluster: use redis:// in redis-url", t)
	default:
		return fmt.Errorf("%s cannot be reached: %w (is it running, and is redis-url right?)", t, err)
	}
}

// refusedRedis is a finding of checkNode.
type refusedRedis string

func (r refusedRedis) Error() string { return string(r) }

func (l *Log) checkNode(ctx context.Context, t *Target, addr string, info map[string]string) error {
	major, _, _ := strings.Cut(info["redis_version"], ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		return refusedRedis(fmt.Sprintf("Redis at %s is version %s: %d.0 or newer is needed", addr, info["redis_version"], oldest))
	}
	if info["cluster_enabled"] == "1" && !t.Cluster {
		return refusedRedis(fmt.Sprintf("Redis at %s is a node of a cluster: use redis-cluster:// in redis-url", addr))
	}
	policy, limit := info["maxmemory_policy"], info["maxmemory"]
	if policy != "noeviction" && limit != "0" {
		return refusedRedis(fmt.Sprintf("Redis at %s may throw rooms away when its memory is full (maxmemory-policy %s): "+
			"run CONFIG SET maxmemory-policy noeviction there, and put it into its configuration", addr, policy))
	}
	if policy != "noeviction" {
		l.logger.WarnContext(ctx, "Redis would throw rooms away if it had a maxmemory; set maxmemory-policy noeviction", "addr", addr, "policy", policy)
	}
	if info["aof_enabled"] == "0" {
		l.logger.WarnContext(ctx, "Redis keeps no append-only file: when it restarts, rooms may be lost; set appendonly yes", "addr", addr)
	}
	return nil
}

func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}
