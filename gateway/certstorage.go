package gateway

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"time"

	"github.com/caddyserver/certmagic"

	"tandem.watch/tandem/tls/storage"
	"tandem.watch/tandem/tls/storage/postgres"
	"tandem.watch/tandem/tls/tickets"
)

// storageTimeout bounds how long a start waits for the certificate storage.
const storageTimeout = 10 * time.Second

// openCertStorage opens where certificates are kept: in Postgres for all
// gateways if there is one, sealed, with a sealed copy here; else in the data
// folder.
func (g *Gateway) openCertStorage(secrets [][]byte) (certmagic.Storage, error) {
	c := g.config
	if c.PostgresURL == "" {
		return &certmagic.FileStorage{Path: filepath.Join(c.DataDir, "tls")}, nil
	}
	var keys [][]byte
	for _, secret := range secrets {
		key, err := hkdf.Key(sha256.New, secret, nil, "tandem stored certificates v1", 32)
		if err != nil {
			return nil, fmt.Errorf("deriving keys: %w", err)
		}
		keys = append(keys, key)
	}
	sealer, err := storage.NewSealer(keys...)
	if err != nil {
		return nil, err
	}
	if g.certDB, err = postgres.Open(c.PostgresURL, g.logger, 0); err != nil {
		return nil, err
	}
	sealed := storage.Sealed{Storage: g.certDB, Sealer: sealer}
	if c.TLSCache == "off" {
		return sealed, nil
	}
	return &storage.Cached{
		Storage: sealed, Logger: g.logger,
		Local: storage.Sealed{Storage: &certmagic.FileStorage{Path: filepath.Join(c.DataDir, "tls-cache")}, Sealer: sealer},
	}, nil
}

// document is one value that all gateways share, if they share anything.
func (g *Gateway) document(shared certmagic.Storage, name string) tickets.Store {
	if g.certDB == nil {
		return storage.File(filepath.Join(g.config.DataDir, "tls", name))
	}
	return storage.Document{Storage: shared, Key: "tandem/" + name}
}

// closeCertStorage ends what openCertStorage opened.
func (g *Gateway) closeCertStorage() {
	if g.certDB != nil {
		g.certDB.Close()
	}
}
