package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"

	"tandem.watch/tandem/tls/certs"
)

// supervised is a name with what is known of its certificate. Its run owns it;
// others read under mu.
type supervised struct {
	m    *Manager
	name string

	mu      sync.Mutex
	cert    *tls.Certificate
	issuer  string // the authority that it is kept under
	trouble string // what went wrong last, in plain words
	next    time.Time

	// of run
	failures int              // in a row
	ari      acme.RenewalInfo // of cert
	ariAt    time.Time        // when to ask for it again
	urged    time.Time        // when it was last said to be urgent
}

const (
	// attemptTimeout bounds an order with all that belongs to it, the wait for
	// another gateway that is at it too included.
	attemptTimeout = 3 * time.Minute
	// ariInterval is how often authorities are asked when to renew that do not
	// say themselves.
	ariInterval, maxARIInterval = 6 * time.Hour, 24 * time.Hour
	ariTimeout                  = 20 * time.Second
)

func (s *supervised) current() *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cert
}

func (s *supervised) status() certs.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := certs.Status{Name: s.name, LastError: s.trouble, NextAttempt: s.next}
	if s.cert != nil {
		status.Issuer, status.NotAfter = certs.IssuerName(s.cert.Leaf), s.cert.Leaf.NotAfter
		status.Expired = s.m.now().After(status.NotAfter)
	}
	return status
}

// run keeps the name supplied until ctx ends.
func (s *supervised) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(s.step(ctx))
		}
	}
}

// step does what there is to do now, and returns how long nothing will be.
func (s *supervised) step(ctx context.Context) time.Duration {
	poll := s.m.options.Poll
	readErr := s.read(ctx)
	if readErr != nil {
		s.unreadable(readErr)
	}
	s.askARI(ctx)
	now := s.m.now()
	due := s.dueAt()
	if due.After(now) {
		s.settle(due, readErr)
		return min(poll, due.Sub(now))
	}
	if s.failures > 0 && s.next.After(now) {
		return min(poll, s.next.Sub(now)) // only looking what others have done
	}
	if readErr != nil && !errors.Is(readErr, errBroken) { // whether somebody else has renewed it cannot be known
		return s.failed(readErr)
	}
	err := s.order(ctx)
	if err == nil {
		err = s.read(ctx)
	}
	if now := s.m.now(); err == nil && !s.dueAt().After(now) {
		err = errStillDue
	}
	if err != nil && ctx.Err() != nil {
		return time.Hour
	}
	if err != nil {
		return s.failed(err)
	}
	s.settle(s.dueAt(), nil)
	return 0
}

// errStillDue is that an order brought nothing better: another one at once
// would neither.
var errStillDue = errors.New("the certificate that the authority gave is to be renewed already")

// settle notes that all is well until a time.
func (s *supervised) settle(until time.Time, readErr error) {
	s.failures = 0
	s.mu.Lock()
	s.next = until
	s.mu.Unlock()
	if readErr == nil && !s.checkClock() {
		s.say("")
	}
}

// checkClock says so if our clock is far off.
func (s *supervised) checkClock() (wrong bool) {
	ahead := s.m.clockOff()
	if ahead == 0 {
		return false
	}
	direction := "behind"
	if ahead < 0 {
		direction = "ahead of"
	}
	s.say(fmt.Sprintf("the clock of this machine is %v %s that of the certificate authority; set it right (the authority's is used for certificates meanwhile)",
		ahead.Abs().Round(time.Minute), direction))
	return true
}

func (s *supervised) unreadable(err error) {
	s.say(fmt.Sprintf("the certificate storage cannot be read: %v", err))
}

// say notes trouble, and logs it when it is new.
func (s *supervised) say(trouble string) {
	s.mu.Lock()
	known := s.trouble == trouble
	s.trouble = trouble
	s.mu.Unlock()
	if !known && trouble != "" {
		s.m.logger.Warn("certificate trouble", "name", s.name, "trouble", trouble)
	}
}

// read takes up the newest certificate that the storage has, of any authority.
func (s *supervised) read(ctx context.Context) error {
	cert, issuer, err := s.m.load(ctx, s.name)
	if err != nil || cert == nil {
		return err
	}
	s.mu.Lock()
	old := s.cert
	same := old != nil && bytes.Equal(old.Certificate[0], cert.Certificate[0])
	if !same {
		s.cert, s.issuer = cert, issuer
	}
	s.mu.Unlock()
	if same {
		return nil
	}
	s.ari, s.ariAt, s.failures = acme.RenewalInfo{}, time.Time{}, 0
	s.m.publish()
	s.m.logger.Info("certificate in use", "name", s.name, "issuer", certs.IssuerName(cert.Leaf), "notAfter", cert.Leaf.NotAfter)
	return nil
}

// dueAt is when to get a certificate: now if there is none, else when the
// authority says (RFC 9773), or when a third of its time is left, half of that
// of a short one.
func (s *supervised) dueAt() time.Time {
	if s.cert == nil {
		return time.Time{}
	}
	leaf := s.cert.Leaf
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	left := life / 3
	if life < 10*24*time.Hour {
		left = life / 2
	}
	due := leaf.NotAfter.Add(-left)
	if s.ari.HasWindow() {
		// Never so late that a failure could not be mended.
		due = minTime(s.ari.SelectedTime, leaf.NotAfter.Add(-life/10))
	}
	return due
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// askARI asks the authority when it wants the certificate renewed, which is at
// once for one that it has revoked, or is about to.
func (s *supervised) askARI(ctx context.Context) {
	if s.cert == nil || s.m.options.Now().Before(s.ariAt) {
		return
	}
	// It is asked for a certificate that looks due too, once, for it also tells
	// whose clock is wrong.
	s.ariAt = s.m.options.Now().Add(ariInterval)
	for _, a := range s.m.authorities {
		if a.IssuerKey() != s.issuer {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, ariTimeout)
		defer cancel()
		info, err := a.GetRenewalInfo(ctx, certmagic.Certificate{Certificate: *s.cert})
		if err != nil {
			if !errors.Is(err, acme.ErrUnsupported) {
				s.m.logger.Debug("renewal information not available", "name", s.name, "error", err)
				s.ariAt = s.m.options.Now().Add(ariInterval / 12)
			}
			return
		}
		if info.SameWindow(s.ari) {
			info.SelectedTime = s.ari.SelectedTime // chosen once
		}
		s.ari = info
		if info.RetryAfter != nil {
			wait := min(max(time.Until(*info.RetryAfter), s.m.options.Poll), maxARIInterval)
			s.ariAt = s.m.options.Now().Add(wait)
		}
		return
	}
}

// failed notes a failure and returns how long to wait.
func (s *supervised) failed(err error) time.Duration {
	now := s.m.now()
	wait := s.backOff(err)
	next := now.Add(wait)
	if left, ok := errors.AsType[*leftAloneError](err); ok {
		if ask := now.Add(left.until.Sub(s.m.options.Now())); ask.After(next) || left.all {
			next = ask
		}
	}
	s.failures++
	trouble := explain(s.name, err)
	s.mu.Lock()
	s.next, s.trouble = next, trouble
	s.mu.Unlock()
	s.m.logger.Warn("no certificate this time", "name", s.name, "trouble", trouble, "error", err, "nextAttempt", next)
	s.urge(now)
	return min(s.m.options.Poll, max(next.Sub(now), time.Millisecond))
}

// backOff is the wait after a failure: short where nobody was bothered, longer
// after a refusal, since authorities count those (Let's Encrypt: five failed
// validations of a name in an hour).
func (s *supervised) backOff(err error) time.Duration {
	retry := s.m.options.Retry
	wait, most, factor := retry, 240*retry, time.Duration(4)
	if !refused(err) {
		wait, most, factor = retry/15, 20*retry, 2
	}
	for range s.failures {
		if wait = min(wait*factor, most); wait == most {
			break
		}
	}
	return wait - time.Duration(rand.Int64N(int64(wait)/5+1)) //nolint:gosec // spreads attempts
}

// urge says once a day, louder, that a certificate comes to its end, or has.
func (s *supervised) urge(now time.Time) {
	if s.cert == nil || now.Sub(s.urged) < 24*time.Hour {
		return
	}
	leaf := s.cert.Leaf
	left, life := leaf.NotAfter.Sub(now), leaf.NotAfter.Sub(leaf.NotBefore)
	if left > life/6 {
		return
	}
	s.urged = now
	s.m.logger.Error("certificate not renewed and close to its end", "name", s.name, "notAfter", leaf.NotAfter, "left", left.Round(time.Minute))
}
