package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"tandem.watch/tandem/core"
	postgresarchive "tandem.watch/tandem/core/archive/postgres"
	sqlitearchive "tandem.watch/tandem/core/archive/sqlite"
)

// Values of the option archive.
const (
	archiveAuto = "auto"
	archiveOff  = "off"
)

// Archive is what a gateway keeps history in.
type Archive interface {
	core.Archive
	core.ArchiveKeeper
	// Close gives the files or connections back.
	Close(ctx context.Context) error
}

// openArchive opens the archive that the configuration names; nil when it says
// that there is none.
func openArchive(ctx context.Context, c *Config, logger *slog.Logger) (Archive, error) {
	switch {
	case c.Archive == archiveOff:
		return nil, nil
	case c.PostgresURL != "":
		return postgresarchive.Open(ctx, c.PostgresURL, logger)
	case c.RedisURL != "":
		return nil, errors.New("redis-url needs postgres-url: history that gateways share is kept in Postgres. Set --postgres-url " +
			"(TANDEM_POSTGRES_URL), or --archive off if rooms may be forgotten room-ttl after the last member has left")
	default:
		return sqlitearchive.Open(ctx, filepath.Join(c.DataDir, "archive.db"), logger)
	}
}

// attach makes the gateway archive its rooms.
func (g *Gateway) attach(a Archive) (err error) {
	if a == nil {
		return nil
	}
	g.archive = a
	g.feeder, err = core.NewFeeder(core.FeederOptions{Log: g.log, Archive: a, Owns: g.hub.Owns, Logger: g.logger})
	return err
}

// Lag returns how far the archive is behind; the zero Lag without one.
func (g *Gateway) Lag() core.Lag {
	if g.feeder == nil {
		return core.Lag{}
	}
	return g.feeder.Lag()
}

// expire forgets rooms that have been empty too long, when they are archived or
// there is no archive.
func (g *Gateway) expire(ctx context.Context) {
	const batch = 100
	before := g.clock.Now() - g.config.RoomTTL.Microseconds()
	for n := batch; n == batch && ctx.Err() == nil; {
		var err error
		if b, ok := g.log.(core.Backlog); ok && g.archive != nil {
			n, err = b.ExpireArchived(ctx, before, batch)
		} else {
			n, err = g.log.Expire(ctx, before, batch)
		}
		if err != nil && ctx.Err() == nil {
			g.logger.Warn("expired rooms not forgotten", "error", err)
		}
	}
}

// forgetOld deletes the history of rooms whose last event is too old, every hour.
// A room that the log still has is not touched.
func (g *Gateway) forgetOld(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := g.deleteIdle(ctx); err != nil && ctx.Err() == nil {
			g.logger.Warn("old history not deleted; it is tried again in an hour", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (g *Gateway) deleteIdle(ctx context.Context) error {
	const batch = 100
	for {
		rooms, err := g.archive.Idle(ctx, g.clock.Now()-g.config.ArchiveTTL.Microseconds(), batch)
		if err != nil {
			return err
		}
		deleted := 0
		for _, room := range rooms {
			if !g.hub.Owns(room) {
				continue
			}
			_, err := g.log.Load(ctx, room, 0)
			if err == nil {
				continue
			}
			if errors.Is(err, core.ErrNoRoom) {
				err = g.archive.Delete(ctx, room)
			}
			if err != nil {
				return fmt.Errorf("room %s: %w", room, err)
			}
			deleted++
		}
		if len(rooms) < batch || deleted == 0 {
			return nil
		}
	}
}

// watchPressure tells the hub how full the log is.
func (g *Gateway) watchPressure(ctx context.Context, log core.Pressure) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		if used, err := log.Used(ctx); err == nil {
			g.hub.Press(used)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
