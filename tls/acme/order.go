package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/caddyserver/certmagic"

	"tandem.watch/tandem/tls/certs"
)

// load returns the newest certificate of a name that the storage has, with the
// key of its authority; nil without an error if there is none.
func (m *Manager) load(ctx context.Context, name string) (best *tls.Certificate, issuer string, err error) {
	var broken error
	for _, a := range m.authorities {
		key := a.IssuerKey()
		chain, err := m.options.Storage.Load(ctx, certmagic.StorageKeys.SiteCert(key, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		private, err := m.options.Storage.Load(ctx, certmagic.StorageKeys.SitePrivateKey(key, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		// Written one after the other: between the two they do not match.
		cert, err := certs.Pair(chain, private)
		if err != nil {
			broken = fmt.Errorf("the stored certificate of %s: %w", name, err)
			continue
		}
		if best == nil || cert.Leaf.NotBefore.After(best.Leaf.NotBefore) {
			best, issuer = cert, key
		}
	}
	if best == nil && broken != nil {
		return nil, "", fmt.Errorf("%w: %w", errBroken, broken)
	}
	return best, issuer, nil
}

// errBroken is that what is stored is no pair: half written, perhaps.
var errBroken = errors.New("unusable")

// errRenewed ends an order that is no longer needed.
var errRenewed = errors.New("another gateway was first")

// leftAloneError is that authorities were not asked, or asked to be left alone.
type leftAloneError struct {
	until time.Time // by our clock
	all   bool      // none was asked at all
	err   error     // of those that were
}

// Error implements error.
func (e *leftAloneError) Error() string {
	text := "the certificate authority wants to be left alone until " + e.until.UTC().Format(time.RFC3339)
	if e.err != nil {
		text += ": " + e.err.Error()
	}
	return text
}

// Unwrap returns what the authority refused.
func (e *leftAloneError) Unwrap() error { return e.err }

type replacing struct{} // context key of the *supervised that an order is for

// order gets a certificate from the first authority that gives one.
func (s *supervised) order(ctx context.Context) error {
	m := s.m
	now := m.options.Now()
	var willing []certmagic.Issuer
	var until time.Time
	for _, a := range m.authorities {
		if leave := a.leaveUntil(); leave.After(now) {
			if until.IsZero() || leave.Before(until) {
				until = leave
			}
			continue
		}
		willing = append(willing, a.ACMEIssuer)
	}
	if len(willing) == 0 {
		return &leftAloneError{until: until, all: true}
	}
	config := certmagic.New(m.cache, certmagic.Config{
		Storage: m.options.Storage, Logger: m.config.Logger, OnEvent: m.onEvent, OCSP: m.config.OCSP,
		Issuers: willing, RenewalWindowRatio: m.config.RenewalWindowRatio,
	})
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, replacing{}, s), attemptTimeout)
	defer cancel()
	var err error
	if _, _, loaded := m.load(ctx, s.name); s.cert == nil && !errors.Is(loaded, errBroken) {
		err = config.ObtainCertSync(ctx, s.name)
	} else {
		err = config.RenewCertSync(ctx, s.name, true)
	}
	if err == nil || errors.Is(err, errRenewed) {
		return nil
	}
	until = time.Time{}
	for _, a := range m.authorities {
		leave := a.leaveUntil()
		if !leave.After(m.options.Now()) {
			return err // one may be asked again
		}
		if until.IsZero() || leave.Before(until) {
			until = leave
		}
	}
	return &leftAloneError{until: until, err: err}
}

// onEvent ends an order, which holds the lock by then, when another gateway has
// got what was wanted meanwhile: one of a forced renewal, certmagic would repeat.
func (m *Manager) onEvent(ctx context.Context, event string, _ map[string]any) error {
	if event != "cert_obtaining" {
		return nil
	}
	s, ok := ctx.Value(replacing{}).(*supervised)
	if !ok {
		return nil
	}
	stored, _, err := m.load(ctx, s.name)
	if err != nil && !errors.Is(err, errBroken) {
		return err
	}
	if stored == nil || s.cert != nil && bytes.Equal(stored.Certificate[0], s.cert.Certificate[0]) {
		return nil
	}
	return errRenewed
}
