package acme

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"
)

// authority is an issuer with what is known of it.
type authority struct {
	*certmagic.ACMEIssuer
	now func() time.Time

	mu     sync.Mutex
	leave  time.Time     // do not ask before
	ahead  time.Duration // its clock minus ours
	probed bool          // ahead is known
}

const (
	// maxLeave bounds how long an authority may ask to be left alone.
	maxLeave = 7 * 24 * time.Hour
	// clockTolerance is how far apart clocks are before it is said.
	clockTolerance = 10 * time.Minute
)

func newAuthority(config *certmagic.Config, o *Options, i Issuer, logger *slog.Logger) *authority {
	a := &authority{now: o.Now}
	host, httpPort := hostPort(o.HTTPAddr)
	_, httpsPort := hostPort(o.HTTPSAddr)
	template := certmagic.ACMEIssuer{
		CA: i.Directory, TestCA: "", Profile: i.Profile, Agreed: true, TrustedRoots: o.Roots,
		// A space is no address; none at all would be asked for on the terminal.
		Email:                " ",
		DisableHTTPChallenge: o.NoHTTP01, DisableTLSALPNChallenge: o.NoTLSALPN01,
		// Where we listen already, so that certmagic does not.
		ListenHost: host, AltHTTPPort: httpPort, AltTLSALPNPort: httpsPort,
		Logger: zap.New(&sink{logger: logger.With("authority", i.Directory), answer: a.hear}),
	}
	if o.Email != "" {
		template.Email = o.Email
	}
	if i.EABKeyID != "" {
		template.ExternalAccount = &acme.EAB{KeyID: i.EABKeyID, MACKey: i.EABKey}
	}
	a.ACMEIssuer = certmagic.NewACMEIssuer(config, template)
	// certmagic tries an order that failed at Let's Encrypt's test system; our
	// orders are tried once each.
	a.TestCA = ""
	return a
}

// hear takes note of an answer: of the authority's clock, and how long it wants
// to be left alone. A Retry-After with success is for the order at hand, which
// acmez honours.
func (a *authority) hear(status int, h http.Header) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		a.ahead, a.probed = date.Sub(now), true
	}
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return
	}
	if until, ok := retryAfter(h, now); ok {
		if until.After(now.Add(maxLeave)) {
			until = now.Add(maxLeave)
		}
		if until.After(a.leave) {
			a.leave = until
		}
	}
}

// leaveUntil is when the authority may be asked again.
func (a *authority) leaveUntil() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.leave
}

// clock is how far the authority's clock is ahead of ours, if that is known.
func (a *authority) clock() (time.Duration, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ahead, a.probed
}
