package redis

import (
	"context"
	_ "embed" // the scripts
	"errors"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed scripts/append.lua
	appendSource string
	//go:embed scripts/read.lua
	readSource string
	//go:embed scripts/snapshot.lua
	snapshotSource string
	//go:embed scripts/expire.lua
	expireSource string
	//go:embed scripts/archived.lua
	archivedSource string
	//go:embed scripts/restore.lua
	restoreSource string
)

// scripts are what runs in Redis, each in one step.
var (
	appendScript   = redis.NewScript(appendSource)
	readScript     = redis.NewScript(readSource)
	snapshotScript = redis.NewScript(snapshotSource)
	expireScript   = redis.NewScript(expireSource)
	archivedScript = redis.NewScript(archivedSource)
	restoreScript  = redis.NewScript(restoreSource)
)

// run runs a script by its hash, or sends it if Redis does not have it: after a
// restart, say, or on a promoted replica.
func (l *Log) run(ctx context.Context, s *redis.Script, keys []string, args ...any) *redis.Cmd {
	cmd := s.Run(ctx, l.client, keys, args...)
	if l.cluster != nil && unreached(cmd.Err()) {
		// The client asks where slots are when it is told that one has moved, but
		// not when the owner is dead.
		l.cluster.ReloadState(ctx)
	}
	return cmd
}

// unreached says that no answer came.
func unreached(err error) bool {
	var answer redis.Error
	return err != nil && !errors.As(err, &answer)
}
