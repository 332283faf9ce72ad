package devcert

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// file is a Store for one gateway. Nobody else writes to its folder.
type file string

// Load implements Store.
func (f file) Load(context.Context) ([]byte, error) {
	data, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Update implements Store.
func (f file) Update(ctx context.Context, change func([]byte) ([]byte, error)) ([]byte, error) {
	old, err := f.Load(ctx)
	if err != nil {
		return nil, err
	}
	data, err := change(old)
	if err != nil || bytes.Equal(data, old) {
		return data, err
	}
	path := string(f)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// Write beside, then move: a half-written file would cost the hashes.
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return nil, err
	}
	return data, os.Rename(path+".new", path)
}
