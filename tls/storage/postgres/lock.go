package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/jackc/pgx/v5"
)

// ErrLockLost is that a lock's lease ended before the work under it did:
// another gateway may be at it.
var ErrLockLost = errors.New("the lock was lost: its lease ended")

// lockPoll is how often a lock that somebody else holds is tried, about.
const lockPoll = 300 * time.Millisecond

// lock is one that was taken here.
type lock struct {
	token int64
	stop  context.CancelFunc
	lost  bool // guarded by Storage.mu
}

// Lock implements certmagic.Storage: it waits until the lock is free, or its
// holder's lease has ended, or ctx has.
func (s *Storage) Lock(ctx context.Context, name string) error {
	for {
		token, err := s.take(ctx, name)
		if err == nil {
			s.hold(name, token)
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		timer := time.NewTimer(lockPoll + time.Duration(rand.Int64N(int64(lockPoll)))) //nolint:gosec // spreads attempts
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// take takes the lock if it is free; fs.ErrNotExist says that it is not.
func (s *Storage) take(ctx context.Context, name string) (token int64, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, `
			INSERT INTO tls_locks (name, token, expires)
			VALUES ($1, nextval('tls_lock_tokens'), clock_timestamp() + $2::interval)
			ON CONFLICT (name) DO UPDATE SET token = excluded.token, expires = excluded.expires
			WHERE tls_locks.expires <= clock_timestamp()
			RETURNING token`, name, s.lease).Scan(&token)
	})
	return token, err
}

// hold keeps a lock's lease up until Unlock.
func (s *Storage) hold(name string, token int64) {
	ctx, stop := context.WithCancel(s.ended)
	l := &lock{token: token, stop: stop}
	s.mu.Lock()
	s.held[name] = l
	s.mu.Unlock()
	s.beats.Go(func() { s.beat(ctx, name, l) })
}

func (s *Storage) beat(ctx context.Context, name string, l *lock) {
	tick := time.NewTicker(s.lease / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asking, cancel := context.WithTimeout(ctx, s.lease/4)
		// As long as nobody else has taken it, one that has just expired is ours.
		tag, err := s.pool.Exec(asking, "UPDATE tls_locks SET expires = clock_timestamp() + $3::interval WHERE name = $1 AND token = $2", name, l.token, s.lease)
		cancel()
		if err == nil && tag.RowsAffected() == 0 {
			s.mu.Lock()
			l.lost = true
			s.mu.Unlock()
			s.logger.Warn("lock lost to another gateway", "lock", name)
			return
		}
		if err != nil && ctx.Err() == nil {
			s.logger.Debug("lease not renewed", "lock", name, "error", err)
		}
	}
}

// Unlock implements certmagic.Storage. A lock that another gateway has taken
// meanwhile stays that one's.
func (s *Storage) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	l := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if l == nil {
		return fmt.Errorf("lock %s is not held here", name)
	}
	l.stop()
	return s.do(ctx, func(ctx context.Context) error {
		var token int64
		err := s.pool.QueryRow(ctx, "DELETE FROM tls_locks WHERE name = $1 AND token = $2 RETURNING token", name, l.token).Scan(&token)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("lock %s: %w", name, ErrLockLost)
		}
		return err
	})
}

// fence names the lock that a key is written under, if it was taken here, with
// its token: the database refuses the write when that is no longer the one.
func (s *Storage) fence(key string) (name string, token int64, err error) {
	site := ""
	if parts := strings.Split(key, "/"); len(parts) >= 3 && parts[0] == "certificates" {
		site = parts[2]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, l := range s.held {
		of, issue := strings.CutPrefix(name, "issue_cert_")
		if name != key && (!issue || site == "" || certmagic.StorageKeys.Safe(of) != site) {
			continue
		}
		if l.lost {
			return "", 0, fmt.Errorf("%s: %w", key, ErrLockLost)
		}
		return name, l.token, nil
	}
	return "", 0, nil
}
