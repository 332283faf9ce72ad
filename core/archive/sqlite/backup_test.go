package sqlite

import (
	"path/filepath"
	"testing"

	"tandem.watch/tandem/core/archive/archivetest"
)

// TestBackup does what docs/history.md says: a copy while it is written to, and
// its use as an archive.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	a := testArchive(t, filepath.Join(dir, "archive.db"))
	archivetest.StoreFirst(t, a)
	copied := filepath.Join(dir, "copy.db")
	if _, err := a.writer.ExecContext(t.Context(), `VACUUM INTO ?`, copied); err != nil {
		t.Fatal(err)
	}
	archivetest.CheckFirst(t, testArchive(t, copied))
}
