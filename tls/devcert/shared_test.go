package devcert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"
)

// memory is a store that can be away: for writing, or altogether.
type memory struct {
	data           []byte
	away, readOnly bool
}

var errAway = errors.New("away")

func (m *memory) Load(context.Context) ([]byte, error) {
	if m.away {
		return nil, errAway
	}
	return m.data, nil
}

func (m *memory) Update(_ context.Context, change func([]byte) ([]byte, error)) ([]byte, error) {
	if m.away {
		return nil, errAway
	}
	data, err := change(m.data)
	if err != nil || bytes.Equal(data, m.data) {
		return data, err
	}
	if m.readOnly {
		return nil, errAway
	}
	m.data = data
	return data, nil
}

func shared(t *testing.T, store *memory, c *clock) *Manager {
	t.Helper()
	m, err := OpenShared(t.Context(), store, slog.New(slog.DiscardHandler), c.now)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Whoever has read the hashes of one gateway can connect to any for six days,
// however the gateways' readings fall.
func TestSharedRotation(t *testing.T) {
	c, store := start(), &memory{}
	gateways := []*Manager{shared(t, store, c), shared(t, store, c)}
	if !slices.Equal(gateways[0].Hashes(), gateways[1].Hashes()) {
		t.Fatal("two sets of hashes")
	}
	type reading struct {
		at     time.Time
		hashes [][sha256.Size]byte
	}
	var readings []reading
	for i := range 40 * 24 * 6 {
		c.t = c.t.Add(10 * time.Minute)
		for n, m := range gateways {
			if i%2 == n {
				if err := m.Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if i%12 == 0 {
				readings = append(readings, reading{c.t, m.Hashes()})
			}
		}
		readings = slices.DeleteFunc(readings, func(r reading) bool { return c.t.Sub(r.at) > 6*24*time.Hour })
		for n, m := range gateways {
			hash := sha256.Sum256(serving(t, m).Certificate[0])
			for _, r := range readings {
				if !slices.Contains(r.hashes, hash) {
					t.Fatalf("the list of %v does not hold what gateway %d serves %v later", r.at, n, c.t.Sub(r.at))
				}
			}
		}
	}
}

// Without the store a gateway serves one of its own; with a copy that cannot be
// changed, what that has; and what all have when the store is back.
func TestSharedStoreAway(t *testing.T) {
	c, store := start(), &memory{}
	first := shared(t, store, c)
	store.away = true
	alone := shared(t, store, c)
	if slices.Equal(alone.Hashes(), first.Hashes()) {
		t.Error("the store is not away; this test tests nothing")
	}
	if err := alone.Rotate(t.Context()); err == nil {
		t.Error("no error while the store is away")
	}
	serving(t, alone)
	store.away = false
	if err := alone.Rotate(t.Context()); err != nil || !slices.Equal(alone.Hashes(), first.Hashes()) {
		t.Errorf("not joined again: %v", err)
	}
	// Half through, when a successor is due that cannot be kept.
	store.readOnly = true
	c.t = c.t.Add(Period)
	if late := shared(t, store, c); !slices.Equal(late.Hashes(), first.Hashes()) {
		t.Error("what can still be read is not served")
	}
	// For so long that nothing of it is valid.
	c.t = c.t.Add(3 * Period)
	_ = first.Rotate(t.Context())
	if leaf := serving(t, first).Leaf; c.t.After(leaf.NotAfter) {
		t.Errorf("it serves a certificate that ended at %v at %v", leaf.NotAfter, c.t)
	}
}
