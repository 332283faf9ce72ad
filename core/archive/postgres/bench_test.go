package postgres

import (
	"testing"

	"tandem.watch/tandem/core/archive/archivetest"
	"tandem.watch/tandem/internal/testenv"
)

func BenchmarkDrain(b *testing.B) {
	p := testenv.StartPostgres(b)
	archivetest.Bench(b, func(b *testing.B) archivetest.Store { return testArchive(b, p.URL()) })
}
