package storage

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
)

// Cached is a storage somewhere else with a copy here of what a gateway needs
// to serve, so that it starts, and goes on, when the storage cannot be reached.
// It is never read instead of one that answers.
type Cached struct {
	certmagic.Storage
	Local  certmagic.Storage
	Logger *slog.Logger

	away atomic.Bool
}

// loadTimeout bounds how long the storage is waited for before the copy serves.
const loadTimeout = 3 * time.Second

// kept says what is worth a copy: certificates and the gateways' own keys, not
// accounts and challenges, which are of no use without the storage.
func kept(key string) bool {
	return strings.HasPrefix(key, "certificates/") || strings.HasPrefix(key, "tandem/")
}

// Store implements certmagic.Storage.
func (c *Cached) Store(ctx context.Context, key string, value []byte) error {
	if err := c.Storage.Store(ctx, key, value); err != nil {
		return err
	}
	if kept(key) {
		c.keep(ctx, key, value)
	}
	return nil
}

// Load implements certmagic.Storage.
func (c *Cached) Load(ctx context.Context, key string) ([]byte, error) {
	if !kept(key) {
		return c.Storage.Load(ctx, key)
	}
	asking, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	value, err := c.Storage.Load(asking, key)
	switch {
	case err == nil:
		c.keep(ctx, key, value)
		fallthrough
	case errors.Is(err, fs.ErrNotExist):
		if c.away.Swap(false) {
			c.Logger.Info("certificate storage is back")
		}
		return value, err
	case ctx.Err() != nil:
		return nil, err
	}
	if !c.away.Swap(true) {
		c.Logger.Warn("certificate storage cannot be read; serving the copy on this disk", "error", err)
	}
	if copied, e := c.Local.Load(ctx, key); e == nil {
		return copied, nil
	}
	return nil, err
}

// Delete implements certmagic.Storage.
func (c *Cached) Delete(ctx context.Context, key string) error {
	if err := c.Storage.Delete(ctx, key); err != nil {
		return err
	}
	if kept(key) {
		if err := c.Local.Delete(ctx, key); err != nil {
			c.Logger.Warn("copy of the certificate storage not changed", "key", key, "error", err)
		}
	}
	return nil
}

// keep copies a value. That it cannot be is no reason to fail.
func (c *Cached) keep(ctx context.Context, key string, value []byte) {
	if old, err := c.Local.Load(ctx, key); err == nil && bytes.Equal(old, value) {
		return
	}
	if err := c.Local.Store(ctx, key, value); err != nil {
		c.Logger.Warn("copy of the certificate storage not written; a start without the storage would miss it", "key", key, "error", err)
	}
}
