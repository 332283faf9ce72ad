package sqlite

import (
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"tandem.watch/tandem/core"
)

var errClosed = errors.New("the room log is closed")

// refusal is an answer of a request that has written nothing: the others of
// its transaction go on.
type refusal struct{ cause error }

func (r *refusal) Error() string { return r.cause.Error() }
func (r *refusal) Unwrap() error { return r.cause }

// errMoved refuses an append whose head is another one.
var errMoved = errors.New("the head is another one")

func unavailable(cause error) error { return fmt.Errorf("%w: sqlite: %w", core.ErrUnavailable, cause) }

func unknown(cause error) error { return fmt.Errorf("%w: sqlite: %w", core.ErrUnknown, cause) }

// commitFailed says what a failed COMMIT means. When there was no space or no
// lock the transaction's last page was not written, so it did not happen. After
// anything else, a failed sync of the disk say, it may be found there after a
// crash.
func commitFailed(err error) error {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		switch e.Code() & 0xff {
		case codes.SQLITE_FULL, codes.SQLITE_BUSY:
			return unavailable(err)
		}
	}
	return unknown(err)
}

// inUse says that another process has the data, and what to do.
func inUse(owner string) error {
	if owner != "" {
		owner = " (process " + owner + ")"
	}
	return fmt.Errorf("another process%s uses these data: stop it, or give this one a data folder of its own", owner)
}
