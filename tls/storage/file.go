package storage

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// File is one value in a file, for one gateway: as a Document, without locks,
// since nobody else writes to its folder.
type File string

// Load returns the value; nil without an error when there is none yet.
func (f File) Load(context.Context) ([]byte, error) {
	data, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Update replaces the value by what change makes of it.
func (f File) Update(ctx context.Context, change func([]byte) ([]byte, error)) ([]byte, error) {
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
