// Package postgres keeps certificates in Postgres, for all gateways of a
// cluster (certmagic.Storage). Locks are leases that the database's clock
// judges; what their holder writes is fenced by their token: a gateway that
// was paused for longer than its lease writes nothing more.
package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// maxConns is little: this is read once a minute, and written once in weeks.
	maxConns       = 4
	connectTimeout = 3 * time.Second
	// queryTimeout bounds a statement on both sides.
	queryTimeout = 5 * time.Second
	// Lease is how long a lock outlives its holder.
	Lease = 15 * time.Second
)

//go:embed schema.sql
var schema string

// Storage implements certmagic.Storage. Its methods are safe for use by
// several goroutines.
type Storage struct {
	pool   *pgxpool.Pool
	logger *slog.Logger
	lease  time.Duration

	mu    sync.Mutex
	ready bool             // the tables are there
	held  map[string]*lock // by name; those of which Unlock was not called
	beats sync.WaitGroup
	ended context.Context
	end   context.CancelFunc
}

// Open prepares a storage in the database that a URL names. It connects when
// it is first needed, so that a gateway starts without it. lease is how long a
// lock outlives its holder; 0 means Lease.
func Open(url string, logger *slog.Logger, lease time.Duration) (*Storage, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("postgres-url: must be an address such as postgres://tandem@db.example/tandem")
	}
	config.MaxConns = maxConns
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.RuntimeParams["application_name"] = "tandem certificates"
	config.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(queryTimeout.Milliseconds())
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if lease == 0 {
		lease = Lease
	}
	s := &Storage{pool: pool, logger: logger, lease: lease, held: map[string]*lock{}}
	s.ended, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Close lets go of the locks that are still held, and of the connections.
func (s *Storage) Close() {
	s.end()
	s.beats.Wait()
	s.mu.Lock()
	names := make([]string, 0, len(s.held))
	for name := range s.held {
		names = append(names, name)
	}
	s.mu.Unlock()
	for _, name := range names {
		if err := s.Unlock(context.Background(), name); err != nil {
			s.logger.Debug("lock not released", "lock", name, "error", err)
		}
	}
	s.pool.Close()
}

// prepare makes the tables, once. Several gateways may start at once.
func (s *Storage) prepare(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return nil
	}
	var there bool
	if err := s.pool.QueryRow(ctx, "SELECT to_regclass('tls_locks') IS NOT NULL").Scan(&there); err != nil {
		return err
	}
	if !there {
		if _, err := s.pool.Exec(ctx, schema); err != nil {
			return fmt.Errorf("making the tables of certificates: %w", err)
		}
	}
	s.ready = true
	return nil
}

// do runs a statement with a bound on its time.
func (s *Storage) do(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	err := s.prepare(ctx)
	if err == nil {
		err = f(ctx)
	}
	switch {
	case err == nil, errors.Is(err, ErrLockLost):
		return err
	case errors.Is(err, pgx.ErrNoRows):
		return fs.ErrNotExist
	default:
		return fmt.Errorf("postgres: %w", err)
	}
}

// Store implements certmagic.Storage.
func (s *Storage) Store(ctx context.Context, key string, value []byte) error {
	fence, token, err := s.fence(key)
	if err != nil {
		return err
	}
	return s.do(ctx, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, `
			WITH fence AS (SELECT 1 FROM tls_locks WHERE name = $3 AND token = $4 AND expires > clock_timestamp() FOR SHARE)
			INSERT INTO tls_values (key, value) SELECT $1, $2 WHERE $3 = '' OR EXISTS (SELECT 1 FROM fence)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value, modified = clock_timestamp()`, key, value, fence, token)
		if err == nil && tag.RowsAffected() == 0 {
			return fmt.Errorf("%s not stored: %w", key, ErrLockLost)
		}
		return err
	})
}

// Load implements certmagic.Storage.
func (s *Storage) Load(ctx context.Context, key string) (value []byte, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, "SELECT value FROM tls_values WHERE key = $1", key).Scan(&value)
	})
	return value, err
}

// Delete implements certmagic.Storage.
func (s *Storage) Delete(ctx context.Context, key string) error {
	fence, token, err := s.fence(key)
	if err != nil {
		return err
	}
	return s.do(ctx, func(ctx context.Context) error {
		var held bool
		if err := s.pool.QueryRow(ctx, `
			WITH fence AS (SELECT 1 FROM tls_locks WHERE name = $2 AND token = $3 AND expires > clock_timestamp() FOR SHARE),
			gone AS (DELETE FROM tls_values WHERE (key = $1 OR starts_with(key, $1 || '/')) AND ($2 = '' OR EXISTS (SELECT 1 FROM fence)))
			SELECT $2 = '' OR EXISTS (SELECT 1 FROM fence)`, key, fence, token).Scan(&held); err != nil {
			return err
		}
		if !held {
			return fmt.Errorf("%s not deleted: %w", key, ErrLockLost)
		}
		return nil
	})
}

// Exists implements certmagic.Storage.
func (s *Storage) Exists(ctx context.Context, key string) bool {
	_, err := s.Stat(ctx, key)
	return err == nil
}

// List implements certmagic.Storage.
func (s *Storage) List(ctx context.Context, prefix string, recursive bool) ([]string, error) {
	prefix = strings.Trim(prefix, "/")
	var keys []string
	err := s.do(ctx, func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, "SELECT key FROM tls_values WHERE $1 = '' OR starts_with(key, $1 || '/') ORDER BY key", prefix)
		if err != nil {
			return err
		}
		keys, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 && prefix != "" {
		return nil, fs.ErrNotExist
	}
	return entries(prefix, keys, recursive), nil
}

// entries are the keys below a prefix as a file system would list them, with
// the folders between.
func entries(prefix string, keys []string, recursive bool) []string {
	var list []string
	seen := map[string]bool{}
	for _, key := range keys {
		rest := strings.TrimPrefix(strings.TrimPrefix(key, prefix), "/")
		parts := strings.Split(rest, "/")
		if !recursive {
			parts = parts[:1]
		}
		for i := range parts {
			name := path.Join(prefix, path.Join(parts[:i+1]...))
			if !seen[name] {
				seen[name], list = true, append(list, name)
			}
		}
	}
	return list
}

// Stat implements certmagic.Storage.
func (s *Storage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	info := certmagic.KeyInfo{Key: key}
	err := s.do(ctx, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, `
			SELECT modified, length(value), true FROM tls_values WHERE key = $1
			UNION ALL
			SELECT max(modified), 0, false FROM tls_values WHERE starts_with(key, $1 || '/') HAVING count(*) > 0
			LIMIT 1`, key).Scan(&info.Modified, &info.Size, &info.IsTerminal)
	})
	return info, err
}
