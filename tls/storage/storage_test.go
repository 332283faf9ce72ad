package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddyserver/certmagic"

	"tandem.watch/tandem/tls/storage"
	"tandem.watch/tandem/tls/storage/storagetest"
)

func TestFiles(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) (certmagic.Storage, certmagic.Storage) {
		dir := t.TempDir()
		return &certmagic.FileStorage{Path: dir}, &certmagic.FileStorage{Path: dir}
	})
}

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func sealer(t *testing.T, keys ...[]byte) *storage.Sealer {
	t.Helper()
	s, err := storage.NewSealer(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealed(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) (certmagic.Storage, certmagic.Storage) {
		dir := t.TempDir()
		s := sealer(t, key(1))
		return storage.Sealed{Storage: &certmagic.FileStorage{Path: dir}, Sealer: s}, storage.Sealed{Storage: &certmagic.FileStorage{Path: dir}, Sealer: s}
	})
}

// What is sealed shows nothing, opens where it belongs and with a key of
// before, and not otherwise.
func TestSealer(t *testing.T) {
	old, both, other := sealer(t, key(1)), sealer(t, key(2), key(1)), sealer(t, key(3))
	sealed := old.Seal("a", []byte("private"))
	if bytes.Contains(sealed, []byte("private")) || bytes.Equal(sealed, old.Seal("a", []byte("private"))) {
		t.Error("it can be read, or is the same twice")
	}
	for name, s := range map[string]*storage.Sealer{"the same": old, "the next": both} {
		if got, err := s.Open("a", sealed); err != nil || string(got) != "private" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	damaged := bytes.Clone(sealed)
	damaged[len(damaged)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another secret": func() ([]byte, error) { return other.Open("a", sealed) },
		"another place":  func() ([]byte, error) { return old.Open("b", sealed) },
		"damaged":        func() ([]byte, error) { return old.Open("a", damaged) },
		"plain":          func() ([]byte, error) { return old.Open("a", []byte("private")) },
		"empty":          func() ([]byte, error) { return old.Open("a", nil) },
		"cut off":        func() ([]byte, error) { return old.Open("a", sealed[:5]) },
	} {
		if got, err := open(); !errors.Is(err, storage.ErrSealed) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := storage.NewSealer(); err == nil {
		t.Error("no key")
	}
	if _, err := storage.NewSealer([]byte("short")); err == nil {
		t.Error("a short key")
	}
}

// away is a storage that can be away.
type away struct {
	certmagic.Storage
	err error
}

func (a *away) Load(ctx context.Context, key string) ([]byte, error) {
	if a.err != nil {
		return nil, a.err
	}
	return a.Storage.Load(ctx, key)
}

func TestCached(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) (certmagic.Storage, certmagic.Storage) {
		dir := t.TempDir()
		cached := func() certmagic.Storage {
			return &storage.Cached{Storage: &certmagic.FileStorage{Path: dir}, Local: &certmagic.FileStorage{Path: t.TempDir()}, Logger: slog.New(slog.DiscardHandler)}
		}
		return cached(), cached()
	})
	ctx := t.Context()
	remote := &away{Storage: &certmagic.FileStorage{Path: t.TempDir()}}
	local := t.TempDir()
	c := &storage.Cached{Storage: remote, Local: &certmagic.FileStorage{Path: local}, Logger: slog.New(slog.DiscardHandler)}
	for _, k := range []string{"certificates/x/y/z", "tandem/keys", "acme/account"} {
		if err := remote.Store(ctx, k, []byte("of another gateway")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Load(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	remote.err = errors.New("gone")
	for _, k := range []string{"certificates/x/y/z", "tandem/keys"} {
		if got, err := c.Load(ctx, k); err != nil || string(got) != "of another gateway" {
			t.Errorf("%s from the copy: %q, %v", k, got, err)
		}
	}
	for _, k := range []string{"acme/account", "certificates/never/seen"} {
		if got, err := c.Load(ctx, k); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v: whether there is one is unknown", k, got, err)
		}
	}
	remote.err = nil
	if err := remote.Store(ctx, "tandem/keys", []byte("newer")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Load(ctx, "tandem/keys"); err != nil || string(got) != "newer" {
		t.Errorf("the copy goes before the storage: %q, %v", got, err)
	}
	// A disk that takes no copy is no failure.
	if err := os.RemoveAll(local); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Clean(local), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Load(ctx, "tandem/keys"); err != nil || string(got) != "newer" {
		t.Errorf("without a disk: %q, %v", got, err)
	}
}
