package protocol

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
)

// Check checks a medium: a clip and a file have no URL; a URL is absolute,
// http or https, without credentials, and so are those of subtitles. As JSON it
// has at most MaxMedia bytes. Its error is an *Error with CodeInvalid.
func (m Media) Check() error {
	if m.Title != "" {
		if err := checkText("media.title", m.Title, MaxTitle); err != nil {
			return err
		}
	}
	if m.DurationMs < 0 || m.DurationMs > MaxPosition*1000 {
		return invalid("media.durationMs", "is out of range")
	}
	switch m.Kind {
	case MediaClip, MediaFile:
		if m.URL != "" {
			return invalid("media.url", "belongs to the kind %q only", MediaURL)
		}
	case MediaURL:
		if err := checkURL("media.url", m.URL); err != nil {
			return err
		}
	default:
		return invalid("media.kind", "must be %q, %q or %q", MediaURL, MediaFile, MediaClip)
	}
	if len(m.Subtitles) > MaxSubtitles {
		return invalid("media.subtitles", "has more than %d entries", MaxSubtitles)
	}
	for i, s := range m.Subtitles {
		if err := s.check(fmt.Sprintf("media.subtitles[%d]", i)); err != nil {
			return err
		}
	}
	if JSONSize(m) > MaxMedia {
		return invalid("media", "has more than %d bytes with its addresses and texts", MaxMedia)
	}
	return nil
}

// languageTag is the form of language tags (RFC 5646, section 2.1), without
// looking at which of them mean something.
var languageTag = regexp.MustCompile(`^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$`)

func (s Subtitle) check(field string) error {
	if err := checkURL(field+".url", s.URL); err != nil {
		return err
	}
	if s.Label != "" {
		if isBlank(s.Label) {
			return invalid(field+".label", "is blank")
		}
		if err := checkText(field+".label", s.Label, MaxLabel); err != nil {
			return err
		}
	}
	if s.Lang != "" && (len(s.Lang) > MaxLang || !languageTag.MatchString(s.Lang)) {
		return invalid(field+".lang", "must be a language tag such as pt-BR")
	}
	return nil
}

func checkURL(field, address string) error {
	if len(address) > MaxURL {
		return invalid(field, "has more than %d bytes", MaxURL)
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil {
		return invalid(field, "must be an absolute http or https address")
	}
	return nil
}

// JSONSize is how many bytes v takes as JSON in a message: what limits in bytes
// count. It is math.MaxInt for what JSON cannot hold.
func JSONSize(v any) int {
	var n byteCount
	enc := json.NewEncoder(&n)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return math.MaxInt
	}
	return int(n) - 1 // Encode ends with a line break
}

type byteCount int

func (n *byteCount) Write(p []byte) (int, error) {
	*n += byteCount(len(p))
	return len(p), nil
}
