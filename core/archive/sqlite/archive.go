// Package sqlite keeps the history of rooms in an SQLite database: the archive
// of a gateway that stands alone.
//
// It is a file of its own beside the log's. The log's writes are what people
// wait for, and one SQLite file has one writer; so a large archive, its
// deletions and a backup of it hold nobody up, and the two can be on different
// disks.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver

	"tandem.watch/tandem/core"
)

//go:embed schema/*.sql
var schema embed.FS

// Archive is a core.Archive and core.ArchiveKeeper in a database file. Other
// processes may read and write the file at the same time, as command lines do.
type Archive struct {
	path    string
	writer  *sql.DB // one connection
	readers *sql.DB

	closing sync.Once
	err     error // of closing
}

// Open opens the archive in a file, which it makes if there is none, readable by
// nobody else, and brings its schema up to date. The context is for opening only.
func Open(ctx context.Context, path string, logger *slog.Logger) (*Archive, error) {
	return open(ctx, path, logger, 0)
}

// open brings the schema to a version; 0 is the newest.
func open(ctx context.Context, path string, logger *slog.Logger, version int64) (*Archive, error) {
	a, err := connect(path)
	if err == nil {
		if err = a.migrate(ctx, logger, version); err != nil {
			_ = a.Close(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", path, err)
	}
	return a, nil
}

func connect(path string) (*Archive, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// SQLite would make it readable by others.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	a := &Archive{path: path}
	// What is archived may leave the log: it must be on the disk.
	a.writer, err = sql.Open("sqlite", dsn(path, "mode=rw", "_txlock=immediate", "_pragma=busy_timeout(10000)",
		"_pragma=auto_vacuum(incremental)", "_pragma=journal_mode(wal)", "_pragma=synchronous(full)"))
	if err != nil {
		return nil, err
	}
	a.writer.SetMaxOpenConns(1)
	a.readers, err = sql.Open("sqlite", dsn(path, "mode=rw", "_pragma=busy_timeout(10000)", "_pragma=query_only(1)"))
	if err != nil {
		return nil, err
	}
	a.readers.SetMaxOpenConns(4)
	a.readers.SetMaxIdleConns(4)
	return a, nil
}

// migrate brings the schema up to date. The file's lock lets one process do it.
func (a *Archive) migrate(ctx context.Context, logger *slog.Logger, version int64) error {
	lock, err := lockFile(ctx, a.path+".migrate")
	if err != nil {
		return fmt.Errorf("waiting for another process that brings the schema up to date: %w", err)
	}
	defer func() { _ = lock.Close() }()
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, a.writer, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	now, known, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if now > known {
		return fmt.Errorf("a newer release has written it (schema %d, this release knows %d): start that release, or use another data folder", now, known)
	}
	if version == 0 {
		version = known
	}
	done, err := p.UpTo(ctx, version)
	if err != nil {
		return err
	}
	if now > 0 && len(done) > 0 {
		logger.Info("the archive's schema was brought up to date", "from", now, "to", version)
	}
	return nil
}

// Close lets go of the file. A second Close waits for the first.
func (a *Archive) Close(context.Context) error {
	a.closing.Do(func() { a.err = errors.Join(a.readers.Close(), a.writer.Close()) })
	return a.err
}

func dsn(path string, params ...string) string {
	path = strings.ReplaceAll(path, `\`, `/`)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: strings.Join(params, "&")}).String()
}

// unavailable wraps what keeps the file from being read or written.
func unavailable(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, core.ErrNoRoom) {
		return err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%w: archive: %w", core.ErrUnavailable, err)
}
