// Package postgres keeps the history of rooms in Postgres, for any number of
// gateways at once.
//
// It needs Postgres 13 or newer, and a user that may create the schema "tandem_archive"
// in the database, or owns it. Migrations use a session's advisory lock: the
// address must be Postgres itself or a pooler in session mode.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"tandem.watch/tandem/core"
)

//go:embed schema/*.sql
var schema embed.FS

const (
	// schemaName is where all tables are. It is no likely name of a user, whose
	// schema others' queries would look into first.
	schemaName = "tandem_archive"
	// lockKey is the key of the advisory lock: "tandem" in ASCII.
	lockKey = 0x74616e64656d
	// statementTimeout is after how long Postgres gives up a statement, so that
	// none goes on that nobody waits for any more.
	statementTimeout = 30 * time.Second
	connectTimeout   = 5 * time.Second
	// minConns is what migrating needs. An operator may set the greatest number
	// with pool_max_conns in the address.
	minConns = 2
)

// Archive is a core.Archive and core.ArchiveKeeper in Postgres. It connects when
// it is first needed, and again after each interruption.
type Archive struct {
	pool   *pgxpool.Pool
	logger *slog.Logger

	migrating chan struct{} // a place for who migrates
	migrated  atomic.Bool
}

// Check says what is wrong with a postgres-url. Its errors hold no password.
func Check(url string) error {
	_, err := parse(url)
	return err
}

func parse(url string) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		// pgx redacts passwords only where it can tell where they are.
		return nil, errors.New("must be an address such as postgres://user:password@host:5432/database?sslmode=verify-full")
	}
	if c.ConnConfig.Database == "" {
		return nil, errors.New("names no database: postgres://user:password@host:5432/database")
	}
	params := c.ConnConfig.RuntimeParams
	params["search_path"] = schemaName
	if params["application_name"] == "" {
		params["application_name"] = "tandem"
	}
	if params["statement_timeout"] == "" {
		params["statement_timeout"] = fmt.Sprint(statementTimeout.Milliseconds())
	}
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = connectTimeout
	}
	c.MaxConns = max(c.MaxConns, minConns)
	return c, nil
}

// Open prepares the archive. Postgres may be away: then it is asked when it is
// needed, and whoever asks gets core.ErrUnavailable until it is back. What only
// an operator can mend is an error: a wrong address or password, a database that
// is missing or that a newer release has written. The context is for opening
// only.
func Open(ctx context.Context, url string, logger *slog.Logger) (*Archive, error) {
	a, err := connect(ctx, url, logger)
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, 2*connectTimeout)
	defer cancel()
	err = a.ready(wait)
	if err != nil && lasting(err) {
		a.pool.Close()
		return nil, fmt.Errorf("postgres-url: %w", err)
	}
	if err != nil {
		logger.Warn("Postgres is away; rooms do not need it, and history is written when it is back", "error", err)
	}
	return a, nil
}

func connect(ctx context.Context, url string, logger *slog.Logger) (*Archive, error) {
	c, err := parse(url)
	if err != nil {
		return nil, fmt.Errorf("postgres-url: %w", err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("postgres-url: %w", err)
	}
	return &Archive{pool: pool, logger: logger, migrating: make(chan struct{}, 1)}, nil
}

// errNewer says that the schema is of a newer release.
var errNewer = errors.New("a newer release has written this database: start that release, or restore the backup that was made before it")

// lasting says whether an error stays until an operator does something.
func lasting(err error) bool {
	var answer *pgconn.PgError
	if errors.Is(err, errNewer) {
		return true
	}
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Code[:2] {
	case "28", "3D", "42": // password, no such database, rights
		return true
	default:
		return false
	}
}

// ready brings the schema up to date, once.
func (a *Archive) ready(ctx context.Context) error {
	if a.migrated.Load() {
		return nil
	}
	select {
	case a.migrating <- struct{}{}:
		defer func() { <-a.migrating }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if a.migrated.Load() {
		return nil
	}
	err := a.migrate(ctx, 0)
	a.migrated.Store(err == nil)
	return err
}

// migrate brings the schema to a version; 0 is the newest. A lock lets one
// gateway do it while others wait.
func (a *Archive) migrate(ctx context.Context, version int64) (err error) {
	conn, err := a.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(lockKey)); err != nil {
		return err
	}
	defer func() {
		// The lock ends with the session, if not here.
		free, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		if _, failed := conn.Exec(free, `SELECT pg_advisory_unlock($1)`, int64(lockKey)); failed != nil {
			_ = conn.Conn().Close(free)
		}
	}()
	if _, err := conn.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS tandem_archive`); err != nil {
		return fmt.Errorf("%w (create the schema \"tandem_archive\" and make this user its owner, or let it create schemas)", err)
	}
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(a.pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true), goose.WithTableName("tandem_archive.goose_db_version"))
	if err != nil {
		return err
	}
	now, known, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if now > known {
		return fmt.Errorf("%w (schema %d, this release knows %d)", errNewer, now, known)
	}
	if version == 0 {
		version = known
	}
	done, err := p.UpTo(ctx, version)
	if err != nil {
		return err
	}
	if len(done) > 0 {
		a.logger.Info("the archive's schema was brought up to date", "from", now, "to", version)
	}
	return nil
}

// Close lets go of all connections.
func (a *Archive) Close(context.Context) error {
	a.pool.Close()
	return nil
}

// in runs a function in a transaction, in a schema that is up to date.
func (a *Archive) in(ctx context.Context, mode pgx.TxAccessMode, f func(pgx.Tx) error) error {
	if err := a.ready(ctx); err != nil {
		return unavailable(ctx, err)
	}
	o := pgx.TxOptions{AccessMode: mode}
	if mode == pgx.ReadOnly {
		o.IsoLevel = pgx.RepeatableRead
	}
	return unavailable(ctx, pgx.BeginTxFunc(ctx, a.pool, o, f))
}

// unavailable wraps what keeps Postgres from answering. What it says of the data
// themselves is another error: it would say so again.
func unavailable(ctx context.Context, err error) error {
	var answer *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, core.ErrNoRoom), errors.Is(err, core.ErrUnavailable):
		return err
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.As(err, &answer) && answer.Code[:2] == "22":
		return fmt.Errorf("archive: %w", err)
	}
	return fmt.Errorf("%w: archive: %w", core.ErrUnavailable, err)
}
