// Package sqlite keeps rooms in an SQLite database: the log of a gateway that
// stands alone.
//
// One goroutine writes. It takes all appends that wait into one transaction, so
// that many rooms share the wait for the disk, and answers them when the
// transaction is on the disk (WAL, synchronous=FULL): neither a killed process
// nor a power cut loses what was acknowledged. Reads have connections of their
// own and wait for nobody.
//
// After an error the writer starts over with a new connection, at the next
// append. A full disk, say, is ErrUnavailable until there is space, and needs
// no restart.
//
// The folder must be on a local disk: WAL does not work over network file
// systems.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	_ "modernc.org/sqlite" // the driver
)

// Log is a core.Log and core.Keeper in a database file. All methods are safe
// for use by several goroutines. After Close they return core.ErrUnavailable.
type Log struct {
	path    string
	logger  *slog.Logger
	lock    *os.File
	writer  *writer
	readers *sql.DB

	closing sync.Once
	closed  chan struct{} // closed when everything is let go
	err     error         // of closing; read after closed
}

// Open opens the log in a file, which it makes if there is none, readable by
// nobody else; likewise its folders. It fails if another process has the log
// open, or if a newer release has written it. The context is for opening only.
//
// The log must be closed: it owns a goroutine.
func Open(ctx context.Context, path string, logger *slog.Logger) (*Log, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := makeFile(path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	l, err := open(ctx, path, lock, logger)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	return l, nil
}

func open(ctx context.Context, path string, lock *os.File, logger *slog.Logger) (*Log, error) {
	first, err := openSession(ctx, path)
	if err != nil {
		return nil, err
	}
	readers, err := sql.Open("sqlite", dsn(path, "mode=ro", "_pragma=busy_timeout(5000)", "_pragma=query_only(1)"))
	if err != nil {
		first.close()
		return nil, err
	}
	n := max(4, runtime.GOMAXPROCS(0))
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	l := &Log{
		path: path, logger: logger, lock: lock, readers: readers, closed: make(chan struct{}),
		writer: newWriter(first, func() (*session, error) { return openSession(context.Background(), path) }, logger),
	}
	go l.writer.run()
	return l, nil
}

// Close writes what waits, moves everything into the main file and lets go of
// it. What is asked for meanwhile is refused. When the context ends first,
// Close returns and that work ends by itself. A second Close waits for the first.
func (l *Log) Close(ctx context.Context) error {
	l.closing.Do(func() {
		close(l.writer.stop)
		go l.release()
	})
	select {
	case <-l.closed:
		return l.err
	case <-ctx.Done():
		return fmt.Errorf("sqlite: closing %s: %w", l.path, context.Cause(ctx))
	}
}

func (l *Log) release() {
	defer close(l.closed)
	<-l.writer.ended
	// The readers go first: the last connection to go tidies up the WAL.
	err := l.readers.Close()
	if s := l.writer.session; s != nil {
		if failed := s.checkpoint(); failed != nil {
			l.logger.Warn("the room log was closed with its WAL in place; it is read at the next start", "path", l.path, "error", failed)
		}
		s.close()
	}
	if failed := l.lock.Close(); err == nil {
		err = failed
	}
	if err != nil {
		l.err = fmt.Errorf("sqlite: closing %s: %w", l.path, err)
	}
}

// makeFile makes an empty file for SQLite to take over, since SQLite would make
// it readable by others. Its companions get the file's mode.
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}
