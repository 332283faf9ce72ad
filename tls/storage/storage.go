// Package storage is where gateways keep certificates and the keys that they
// share: certmagic's interface, with what its implementations here have in
// common. Files are certmagic's own FileStorage; Postgres is storage/postgres.
package storage

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"

	"github.com/caddyserver/certmagic"
)

// Sealer seals values with AES-256-GCM, bound to the key that they are stored
// at: whoever can write to the storage cannot swap one for another.
type Sealer struct{ aeads []cipher.AEAD }

const sealVersion = 1

// NewSealer seals with the first key and opens with any: the second is that of
// before a rotation. Keys have 32 bytes.
func NewSealer(keys ...[]byte) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("sealing: no key")
	}
	s := &Sealer{}
	for _, key := range keys {
		if len(key) != 32 {
			return nil, fmt.Errorf("sealing: a key of %d bytes, want 32", len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		s.aeads = append(s.aeads, aead)
	}
	return s, nil
}

// Seal returns what to store at a key.
func (s *Sealer) Seal(key string, value []byte) []byte {
	return s.aeads[0].Seal([]byte{sealVersion}, nil, value, []byte(key))
}

// ErrSealed is that a value was sealed with another secret, or is not what was
// written.
var ErrSealed = errors.New("cannot be opened: sealed with another secret, or damaged (two secrets, \"new,old\", open what was sealed with either)")

// Open returns what was sealed for a key.
func (s *Sealer) Open(key string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, fmt.Errorf("%s: %w", key, ErrSealed)
	}
	for _, aead := range s.aeads {
		if value, err := aead.Open(nil, nil, sealed[1:], []byte(key)); err == nil {
			return value, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", key, ErrSealed)
}

// Document is one value that several gateways read and change.
type Document struct {
	Storage certmagic.Storage
	Key     string
}

// Load returns the value; nil without an error when there is none yet.
func (d Document) Load(ctx context.Context) ([]byte, error) {
	value, err := d.Storage.Load(ctx, d.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return value, err
}

// Update replaces the value by what change makes of it; change returns its
// argument, or what is equal, to leave it. One gateway at a time changes it.
// It returns the value as it is then.
func (d Document) Update(ctx context.Context, change func(old []byte) ([]byte, error)) (value []byte, err error) {
	old, err := d.Load(ctx)
	if err != nil {
		return nil, err
	}
	if value, err = change(old); err != nil || bytes.Equal(value, old) {
		return value, err
	}
	if err := d.Storage.Lock(ctx, d.Key); err != nil {
		return nil, fmt.Errorf("locking %s: %w", d.Key, err)
	}
	defer func() { err = errors.Join(err, d.Storage.Unlock(context.WithoutCancel(ctx), d.Key)) }()
	if old, err = d.Load(ctx); err != nil { // somebody may have been first
		return nil, err
	}
	if value, err = change(old); err != nil || bytes.Equal(value, old) {
		return value, err
	}
	return value, d.Storage.Store(ctx, d.Key, value)
}
