package storage

import (
	"context"

	"github.com/caddyserver/certmagic"
)

// Sealed is a storage whose values are sealed; its keys are not.
type Sealed struct {
	certmagic.Storage
	Sealer *Sealer
}

// Store implements certmagic.Storage.
func (s Sealed) Store(ctx context.Context, key string, value []byte) error {
	return s.Storage.Store(ctx, key, s.Sealer.Seal(key, value))
}

// Load implements certmagic.Storage.
func (s Sealed) Load(ctx context.Context, key string) ([]byte, error) {
	sealed, err := s.Storage.Load(ctx, key)
	if err != nil {
		return nil, err
	}
	return s.Sealer.Open(key, sealed)
}
