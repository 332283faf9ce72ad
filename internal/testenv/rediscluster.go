package testenv

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// slots is how many hash slots a Redis Cluster has.
const slots = 16384

func contains(s, part string) bool { return strings.Contains(s, part) }

// RedisCluster is a Redis Cluster of three primaries, each of which may have a
// replica.
type RedisCluster struct {
	t testing.TB
	// Primaries are those at the start; Replicas[i] follows Primaries[i].
	Primaries, Replicas []*Redis
}

// StartRedisCluster starts a cluster and returns when all its nodes agree.
func StartRedisCluster(t testing.TB, replicas bool, args ...string) *RedisCluster {
	t.Helper()
	c := &RedisCluster{t: t}
	const size = 3
	args = append([]string{
		"--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--cluster-announce-ip", "127.0.0.1",
		"--cluster-require-full-coverage", "no", "--cluster-replica-validity-factor", "0",
	}, args...)
	for range size {
		c.Primaries = append(c.Primaries, StartRedis(t, args...))
		if replicas {
			c.Replicas = append(c.Replicas, StartRedis(t, args...))
		}
	}
	first := c.Primaries[0]
	for i, p := range c.Primaries {
		p.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		p.Do("CLUSTER", "ADDSLOTSRANGE", i*slots/size, (i+1)*slots/size-1)
	}
	for _, n := range c.nodes()[1:] {
		n.Do("CLUSTER", "MEET", "127.0.0.1", first.port)
	}
	c.await("acquainted", "cluster_known_nodes:%d", len(c.nodes()))
	for i, r := range c.Replicas {
		id := fmt.Sprint(c.Primaries[i].Do("CLUSTER", "MYID"))
		r.Await("acquainted with its primary", func() bool {
			return r.client.Do(context.Background(), "CLUSTER", "REPLICATE", id).Err() == nil
		})
		r.Await("a replica", func() bool {
			return contains(r.client.Info(context.Background(), "replication").Val(), "master_link_status:up")
		})
	}
	c.await("complete", "cluster_slots_ok:%d", slots)
	c.await("ready", "cluster_state:ok%s", "")
	return c
}

func (c *RedisCluster) nodes() []*Redis {
	return append(append([]*Redis{}, c.Primaries...), c.Replicas...)
}

// await waits until every node's CLUSTER INFO has a line.
func (c *RedisCluster) await(what, format string, arg any) {
	c.t.Helper()
	for _, n := range c.nodes() {
		n.Await(what, func() bool {
			return contains(n.client.ClusterInfo(context.Background()).Val(), fmt.Sprintf(format, arg)+"\r\n")
		})
	}
}

// URL is what redis-url takes.
func (c *RedisCluster) URL() string {
	addrs := make([]string, len(c.Primaries))
	for i, n := range c.Primaries {
		addrs[i] = n.Addr()
	}
	return "redis-cluster://" + strings.Join(addrs, ",")
}

// FlushAll empties every node that runs.
func (c *RedisCluster) FlushAll() {
	c.t.Helper()
	for _, n := range c.Primaries {
		n.Do("FLUSHALL")
	}
}

// Slot returns the hash slot of a key.
func (c *RedisCluster) Slot(key string) int {
	c.t.Helper()
	return int(c.Primaries[0].Do("CLUSTER", "KEYSLOT", key).(int64))
}

// Owner returns the index of the primary that has a slot, as the nodes say.
func (c *RedisCluster) Owner(slot int) int {
	c.t.Helper()
	for i, n := range c.Primaries {
		for line := range strings.SplitSeq(fmt.Sprint(n.Do("CLUSTER", "NODES")), "\n") {
			if !contains(line, "myself,master") {
				continue
			}
			fields := strings.Fields(line)
			for _, part := range fields[8:] {
				var from, to int
				if k, _ := fmt.Sscanf(part, "%d-%d", &from, &to); k == 1 {
					to = from
				} else if k == 0 {
					continue
				}
				if from <= slot && slot <= to {
					return i
				}
			}
		}
	}
	c.t.Fatalf("no primary has slot %d", slot)
	return 0
}

// Migrate moves a slot with its keys from its owner to another primary, as
// redis-cli's resharding does.
func (c *RedisCluster) Migrate(slot, to int) {
	c.t.Helper()
	source, target := c.Primaries[c.Owner(slot)], c.Primaries[to]
	if source == target {
		return
	}
	sourceID, targetID := fmt.Sprint(source.Do("CLUSTER", "MYID")), fmt.Sprint(target.Do("CLUSTER", "MYID"))
	target.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", sourceID)
	source.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", targetID)
	for {
		keys, err := source.client.ClusterGetKeysInSlot(context.Background(), slot, 100).Result()
		if err != nil {
			c.t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS"}
		for _, k := range keys {
			args = append(args, k)
		}
		source.Do(args...)
	}
	target.Do("CLUSTER", "SETSLOT", slot, "NODE", targetID)
	source.Do("CLUSTER", "SETSLOT", slot, "NODE", targetID)
	for _, n := range c.Primaries {
		if n != source && n != target {
			n.Do("CLUSTER", "SETSLOT", slot, "NODE", targetID)
		}
	}
}
