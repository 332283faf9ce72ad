package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"tandem.watch/tandem/core"
	postgresarchive "tandem.watch/tandem/core/archive/postgres"
)

// migrateLegacy takes the old server's rooms into the archive. The old database
// is only read, and may be the one that the archive is in.
func migrateLegacy(args, environ []string, stdout, stderr io.Writer) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return errors.New("migrate-legacy: name the old server's database: tandem migrate-legacy postgres://user:password@host:5432/tandem_watch [flags]")
	}
	return withArchive(args[1:], environ, stderr, func(ctx context.Context, _ *Config, a Archive) error {
		rooms, events := 0, 0
		err := postgresarchive.ReadLegacy(ctx, args[0], func(p core.Piece) error {
			have, err := a.Read(ctx, p.Room, 0, 1)
			if err != nil {
				return err
			}
			if len(have) > 0 && have[0].ID != p.Events[0].ID {
				_, err := fmt.Fprintf(stderr, "tandem: room %q is left as it is: the archive has another one of this name\n", p.Room)
				return err
			}
			rooms, events = rooms+1, events+len(p.Events)
			return a.Store(ctx, []core.Piece{p})
		})
		if err != nil {
			return fmt.Errorf("after %d rooms: %w (it may be repeated)", rooms, err)
		}
		_, err = fmt.Fprintf(stdout, "migrated %d rooms with %d events\n", rooms, events)
		return err
	})
}
