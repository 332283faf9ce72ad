package memory_test

import (
	"testing"

	"tandem.watch/tandem/core/roomlog/logtest"
	"tandem.watch/tandem/core/roomlog/memory"
)

func TestContract(t *testing.T) {
	logtest.Run(t, func(*testing.T) logtest.Store { return memory.New() })
}

// A Faulty without faults is a log like any other.
func TestContractFaulty(t *testing.T) {
	logtest.Run(t, func(*testing.T) logtest.Store { return memory.NewFaulty() })
}

func BenchmarkAppend(b *testing.B) {
	logtest.Bench(b, func(*testing.B) logtest.Store { return memory.New() })
}

func TestFeed(t *testing.T) {
	logtest.RunFeed(t, func(*testing.T) (a, b logtest.Shared) {
		l := memory.New()
		return l.Gateway("a"), l.Gateway("b")
	})
}
