package sqlite

import (
	"path/filepath"
	"testing"

	"tandem.watch/tandem/core/archive/archivetest"
)

func BenchmarkDrain(b *testing.B) {
	archivetest.Bench(b, func(b *testing.B) archivetest.Store {
		return testArchive(b, filepath.Join(b.TempDir(), "archive.db"))
	})
}
