// Package tickets keeps the keys of TLS session tickets that all gateways
// share, so that a client resumes its session on whichever it comes to, over
// TCP and QUIC.
package tickets

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// Period is how often a new key is made.
	Period = 12 * time.Hour
	// Spread is how long a key is known before tickets are made with it: every
	// gateway reads the keys several times meanwhile.
	Spread = time.Hour
	// kept is how long a key is good for.
	kept = 3 * Period
	// interval is how often the keys are read.
	interval = 10 * time.Minute
	// storeTimeout bounds what the store may take.
	storeTimeout = 30 * time.Second
	maxKeys      = 16
)

// Store keeps the keys for all gateways.
type Store interface {
	// Update replaces what is kept by what change makes of it, one gateway at
	// a time, and returns what is kept then. change is given nil when there is
	// nothing yet.
	Update(ctx context.Context, change func(old []byte) ([]byte, error)) ([]byte, error)
	// Load returns what is kept; nil without an error when there is nothing yet.
	Load(ctx context.Context) ([]byte, error)
}

// Keys are the keys of session tickets. Its methods are safe for use by several
// goroutines.
type Keys struct {
	store  Store
	logger *slog.Logger
	now    func() time.Time

	mu    sync.Mutex
	known []key
	own   key        // when the store has none for us
	vault tls.Config // seals and opens tickets; locks by itself
}

type key struct {
	Key  []byte    `json:"key"`
	Made time.Time `json:"made"`
}

// New reads the keys, or makes the first. While the store cannot be reached the
// gateway makes tickets that only it knows. now is time.Now, or a test's.
func New(ctx context.Context, store Store, logger *slog.Logger, now func() time.Time) *Keys {
	k := &Keys{store: store, logger: logger, now: now, own: newKey(now())}
	if err := k.Refresh(ctx); err != nil {
		logger.Warn("session ticket keys not reachable; sessions resume on this gateway only", "error", err)
	}
	return k
}

func newKey(now time.Time) key {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return key{Key: b, Made: now.UTC().Truncate(time.Second)}
}

// Configure lets a server's configuration make and take tickets of these keys.
func (k *Keys) Configure(c *tls.Config) {
	c.WrapSession = k.vault.EncryptTicket
	c.UnwrapSession = k.vault.DecryptTicket
}

// Refresh reads the keys anew and makes the next one when it is time. Run calls
// it in time; tests call it themselves.
func (k *Keys) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	now := k.now()
	data, err := k.store.Update(ctx, func(old []byte) ([]byte, error) { return next(old, now) })
	if err != nil {
		// What can still be read, a copy perhaps, is better than nothing.
		if old, e := k.store.Load(ctx); e == nil {
			data = old
		}
	}
	list, e := decode(data)
	k.mu.Lock()
	defer k.mu.Unlock()
	if e == nil && len(list) > 0 {
		k.known = list
	}
	k.apply(now)
	if err != nil {
		return fmt.Errorf("session ticket keys: %w", err)
	}
	return nil
}

// next returns what is to be kept after old.
func next(old []byte, now time.Time) ([]byte, error) {
	list, err := decode(old)
	if err != nil {
		list = nil // they are worth little: clients shake hands in full once
	}
	good := slices.DeleteFunc(slices.Clone(list), func(k key) bool {
		age := now.Sub(k.Made)
		return age >= kept || age < -Spread
	})
	if len(good) == len(list) && len(good) > 0 && now.Sub(good[len(good)-1].Made) < Period {
		return old, nil
	}
	if len(good) == 0 || now.Sub(good[len(good)-1].Made) >= Period {
		good = append(good, newKey(now))
	}
	return json.Marshal(good)
}

func decode(data []byte) ([]key, error) {
	if len(data) == 0 {
		return nil, nil
	}
	var list []key
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	if len(list) > maxKeys || slices.ContainsFunc(list, func(k key) bool { return len(k.Key) != 32 }) {
		return nil, errors.New("not session ticket keys")
	}
	slices.SortFunc(list, func(a, b key) int { return a.Made.Compare(b.Made) })
	return list, nil
}

// apply makes tickets with the newest key that everybody knows by now, and
// takes those of all.
func (k *Keys) apply(now time.Time) {
	good := slices.DeleteFunc(slices.Clone(k.known), func(o key) bool { return now.Sub(o.Made) >= kept })
	if len(good) == 0 {
		if now.Sub(k.own.Made) >= kept {
			k.own = newKey(now)
		}
		good = []key{k.own}
	}
	use := 0
	for i, o := range good {
		if now.Sub(o.Made) >= Spread {
			use = i
		}
	}
	list := [][32]byte{[32]byte(good[use].Key)}
	for i, o := range good {
		if i != use {
			list = append(list, [32]byte(o.Key))
		}
	}
	k.vault.SetSessionTicketKeys(list)
}

// Run keeps the keys current until ctx ends.
func (k *Keys) Run(ctx context.Context) {
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			wait := interval
			if err := k.Refresh(ctx); err != nil && ctx.Err() == nil {
				k.logger.Debug("session ticket keys not refreshed", "error", err)
				wait = time.Minute
			}
			timer.Reset(wait)
		}
	}
}
