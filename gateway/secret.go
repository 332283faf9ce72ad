package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// loadSecret returns the configured secrets, or the one kept in the data
// folder, which it makes at the first start.
func loadSecret(c *Config) ([][]byte, error) {
	if len(c.Secrets) > 0 {
		return c.Secrets, nil
	}
	path := filepath.Join(c.DataDir, "secret")
	data, err := os.ReadFile(path)
	switch {
	case err == nil && len(strings.TrimSpace(string(data))) >= 16:
		return [][]byte{[]byte(strings.TrimSpace(string(data)))}, nil
	case err == nil:
		return nil, fmt.Errorf("%s holds no secret of at least 16 characters; restore it, or remove it to have a new one made (PINs must then be set again)", path)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("secret: %w", err)
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	secret := base64.RawURLEncoding.EncodeToString(b[:])
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	if err := keep(path, []byte(secret+"\n")); err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	return [][]byte{[]byte(secret)}, nil
}

// keep writes a file that only this user may read: whole or not at all, even if
// the power goes.
func keep(path string, data []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // in the operator's data folder
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
