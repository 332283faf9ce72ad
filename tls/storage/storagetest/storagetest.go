// Package storagetest holds implementations of certmagic's storage to what
// gateways rely on.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
)

// Run runs the suite. open returns a new and empty storage, and others that
// share it, as other gateways would.
func Run(t *testing.T, open func(t *testing.T) (first, second certmagic.Storage)) {
	t.Run("Values", func(t *testing.T) { values(t, open) })
	t.Run("Folders", func(t *testing.T) { folders(t, open) })
	t.Run("Binary", func(t *testing.T) { binary(t, open) })
	t.Run("Concurrent", func(t *testing.T) { concurrent(t, open) })
	t.Run("Locks", func(t *testing.T) { locks(t, open) })
	t.Run("LockWaits", func(t *testing.T) { lockWaits(t, open) })
	t.Run("LocksAreApart", func(t *testing.T) { locksAreApart(t, open) })
}

type opener = func(t *testing.T) (first, second certmagic.Storage)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantMissing(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v, want fs.ErrNotExist", what, err)
	}
}

func values(t *testing.T, open opener) {
	a, b := open(t)
	ctx := t.Context()
	const key = "certificates/ca/a.example/a.example.crt"
	_, err := a.Load(ctx, key)
	wantMissing(t, "Load", err)
	_, err = a.Stat(ctx, key)
	wantMissing(t, "Stat", err)
	if a.Exists(ctx, key) {
		t.Error("what was never stored exists")
	}
	must(t, a.Delete(ctx, key))
	for _, value := range []string{"one", "two, longer", ""} {
		must(t, a.Store(ctx, key, []byte(value)))
		for _, s := range []certmagic.Storage{a, b} {
			got, err := s.Load(ctx, key)
			must(t, err)
			if string(got) != value {
				t.Errorf("loaded %q, stored %q", got, value)
			}
			info, err := s.Stat(ctx, key)
			must(t, err)
			if info.Key != key || !info.IsTerminal || time.Since(info.Modified).Abs() > time.Minute {
				t.Errorf("Stat: %+v", info)
			}
		}
	}
	must(t, b.Delete(ctx, key))
	_, err = a.Load(ctx, key)
	wantMissing(t, "Load after Delete", err)
}

func folders(t *testing.T, open opener) {
	a, _ := open(t)
	ctx := t.Context()
	for _, key := range []string{"a/b/1", "a/b/2", "a/c", "ab/1", "a/b_2/1"} {
		must(t, a.Store(ctx, key, []byte(key)))
	}
	list := func(prefix string, recursive bool) []string {
		t.Helper()
		keys, err := a.List(ctx, prefix, recursive)
		must(t, err)
		slices.Sort(keys)
		return keys
	}
	if got, want := list("a", false), []string{"a/b", "a/b_2", "a/c"}; !slices.Equal(got, want) {
		t.Errorf("List: %q, want %q", got, want)
	}
	if got, want := list("a", true), []string{"a/b", "a/b/1", "a/b/2", "a/b_2", "a/b_2/1", "a/c"}; !slices.Equal(got, want) {
		t.Errorf("List of all below: %q, want %q", got, want)
	}
	_, err := a.List(ctx, "no", false)
	wantMissing(t, "List", err)
	info, err := a.Stat(ctx, "a/b")
	must(t, err)
	if info.IsTerminal || !a.Exists(ctx, "a/b") || a.Exists(ctx, "a/b/3") {
		t.Errorf("a folder: %+v", info)
	}
	must(t, a.Delete(ctx, "a/b"))
	if got, want := list("a", true), []string{"a/b_2", "a/b_2/1", "a/c"}; !slices.Equal(got, want) {
		t.Errorf("after Delete of a folder: %q, want %q", got, want)
	}
	if !a.Exists(ctx, "ab/1") {
		t.Error("Delete took a neighbour that begins alike")
	}
}

func binary(t *testing.T, open opener) {
	a, b := open(t)
	value := make([]byte, 64<<10)
	for i := range value {
		value[i] = byte(i * 7)
	}
	must(t, a.Store(t.Context(), "bin", value))
	got, err := b.Load(t.Context(), "bin")
	must(t, err)
	if !slices.Equal(got, value) {
		t.Error("bytes were changed")
	}
}

// A reader sees one value or another, never a mixture.
func concurrent(t *testing.T, open opener) {
	a, b := open(t)
	value := func(i int) []byte { return slices.Repeat([]byte{byte('a' + i)}, 10_000) }
	must(t, a.Store(t.Context(), "k", value(0)))
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for range 20 {
				if err := []certmagic.Storage{a, b}[i%2].Store(t.Context(), "k", value(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for {
		got, err := a.Load(t.Context(), "k")
		if err != nil || len(got) != 10_000 || slices.ContainsFunc(got, func(c byte) bool { return c != got[0] }) {
			t.Fatalf("a mixture of %d bytes, %v", len(got), err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// One holder at a time, in one gateway and across.
func locks(t *testing.T, open opener) {
	a, b := open(t)
	var inside, entered atomic.Int32
	var all sync.WaitGroup
	for i := range 4 {
		s := []certmagic.Storage{a, b}[i%2]
		all.Go(func() {
			for range 2 {
				if err := s.Lock(t.Context(), "issue_cert_a.example"); err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d hold it", n)
				}
				entered.Add(1)
				time.Sleep(20 * time.Millisecond)
				inside.Add(-1)
				if err := s.Unlock(t.Context(), "issue_cert_a.example"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if entered.Load() != 8 {
		t.Errorf("entered %d times, want 8", entered.Load())
	}
}

func lockWaits(t *testing.T, open opener) {
	a, b := open(t)
	must(t, a.Lock(t.Context(), "l"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := b.Lock(ctx, "l"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lock that somebody holds: %v, want to wait until the deadline", err)
	}
	must(t, a.Unlock(t.Context(), "l"))
	must(t, b.Lock(t.Context(), "l"))
	must(t, b.Unlock(t.Context(), "l"))
	if err := b.Unlock(t.Context(), "l"); err == nil {
		t.Error("no error for a lock that is not held")
	}
}

func locksAreApart(t *testing.T, open opener) {
	a, b := open(t)
	for i := range 3 {
		s := []certmagic.Storage{a, b}[i%2]
		name := fmt.Sprint("name-", i)
		must(t, s.Lock(t.Context(), name))
		defer func() { must(t, s.Unlock(t.Context(), name)) }()
	}
}
