package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// migrations are applied in the order of their names. What is released is never
// changed: a change is a further file.
//
//go:embed schema/*.sql
var migrations embed.FS

// migrate brings the schema up to date, each step whole or not at all.
func migrate(ctx context.Context, conn *sql.Conn) error {
	names, err := fs.Glob(migrations, "schema/*.sql")
	if err != nil {
		return err
	}
	var version, tables int
	row := conn.QueryRowContext(ctx, `SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version`)
	if err := row.Scan(&version, &tables); err != nil {
		return err
	}
	switch {
	case version == 0 && tables > 0:
		return errors.New("this is another program's database: choose another file")
	case version > len(names):
		return fmt.Errorf("a newer release has written these data (schema %d, this release knows %d): "+
			"start that release, or use another data folder", version, len(names))
	}
	for i := version; i < len(names); i++ {
		script, err := migrations.ReadFile(names[i])
		if err != nil {
			return err
		}
		step := fmt.Sprintf("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version = %d;\nCOMMIT;", script, i+1)
		if _, err := conn.ExecContext(ctx, step); err != nil {
			_, _ = conn.ExecContext(ctx, "ROLLBACK")
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	return nil
}
