package postgres

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"tandem.watch/tandem/core/archive/archivetest"
	"tandem.watch/tandem/internal/testenv"
)

// TestBackup does what docs/history.md says: a dump while it is written to, and
// its restoration into an empty database.
func TestBackup(t *testing.T) {
	p := testenv.StartPostgres(t)
	from, to := p.URL(), p.URL()
	archivetest.StoreFirst(t, testArchive(t, from))
	u, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	// The folder is the server user's, who runs the programs here.
	file := filepath.Join(p.Folder(), "tandem.dump")
	p.Program("pg_dump", "--format=custom", "--schema=tandem_archive", "--file="+file, from)
	p.Program("pg_restore", "--no-owner", "--dbname="+strings.Replace(from, u.Path, "/test2", 1), file)
	archivetest.CheckFirst(t, testArchive(t, to))
}
