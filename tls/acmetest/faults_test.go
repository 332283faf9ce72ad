package acmetest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/caddyserver/certmagic"
)

// problem answers as ACME servers refuse (RFC 7807).
func problem(w http.ResponseWriter, status int, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status})
}

// countingStorage counts the reads of challenges.
type countingStorage struct {
	certmagic.Storage
	challenges atomic.Int64
}

func (c *countingStorage) Load(ctx context.Context, key string) ([]byte, error) {
	if strings.Contains(key, "challenge_tokens") {
		c.challenges.Add(1)
	}
	return c.Storage.Load(ctx, key)
}
