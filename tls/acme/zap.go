package acme

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap/zapcore"
)

// sink is where certmagic's log goes: to ours, a level lower, for what matters
// of it the supervisors say themselves. It also overhears every answer of an
// authority, since certmagic shows its headers nowhere else.
type sink struct {
	logger *slog.Logger
	answer func(status int, h http.Header) // nil for what is no authority's
	fields []zapcore.Field
}

// Enabled implements zapcore.Core.
func (s *sink) Enabled(zapcore.Level) bool { return true }

// With implements zapcore.Core.
func (s *sink) With(fields []zapcore.Field) zapcore.Core {
	c := *s
	c.fields = append(slices.Clip(c.fields), fields...)
	return &c
}

// Check implements zapcore.Core.
func (s *sink) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return c.AddCore(e, s)
}

// Sync implements zapcore.Core.
func (s *sink) Sync() error { return nil }

// Write implements zapcore.Core.
func (s *sink) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if e.Level < zapcore.InfoLevel {
		if s.answer != nil && e.Message == "http request" {
			s.overhear(fields)
		}
		return nil
	}
	level := slog.LevelDebug
	switch {
	case e.Level >= zapcore.ErrorLevel:
		level = slog.LevelWarn
	case e.Level == zapcore.WarnLevel:
		level = slog.LevelInfo
	}
	if !s.logger.Enabled(context.Background(), level) {
		return nil
	}
	values := zapcore.NewMapObjectEncoder()
	for _, f := range append(slices.Clip(s.fields), fields...) {
		f.AddTo(values)
	}
	s.logger.Log(context.Background(), level, "acme", "said", e.Message, "details", values.Fields)
	return nil
}

func (s *sink) overhear(fields []zapcore.Field) {
	status, headers := 0, http.Header(nil)
	for _, f := range fields {
		switch f.Key {
		case "status_code":
			status = int(f.Integer)
		case "response_headers":
			headers, _ = f.Interface.(http.Header)
		}
	}
	if status != 0 && headers != nil {
		s.answer(status, headers)
	}
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) (time.Time, bool) {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return now.Add(time.Duration(seconds) * time.Second), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return at, true
	}
	return time.Time{}, false
}
