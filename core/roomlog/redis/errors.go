package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"tandem.watch/tandem/core"
)

// unavailable wraps what keeps Redis from answering, or from doing what it was
// asked. A context's end is named by its cause.
func unavailable(ctx context.Context, err error) error {
	return fmt.Errorf("%w: %w", core.ErrUnavailable, because(ctx, err))
}

func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("redis: %w", err)
}

// alive refuses what is asked for under a context that has ended.
func alive(ctx context.Context) error {
	if ctx.Err() != nil {
		return unavailable(ctx, nil)
	}
	return nil
}

// notDone says of a failed command that Redis has certainly not done it: it has
// answered so, or was never reached.
func notDone(err error) bool {
	var answer redis.Error
	var network *net.OpError
	return errors.As(err, &answer) || errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.ErrPoolTimeout) ||
		errors.Is(err, redis.ErrPoolExhausted) || errors.As(err, &network) && network.Op == "dial"
}

// appendFailed turns a failed append's error into one of the port's.
func appendFailed(ctx context.Context, err error) error {
	if notDone(err) {
		return unavailable(ctx, err)
	}
	return fmt.Errorf("%w: %w", core.ErrUnknown, because(ctx, err))
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
