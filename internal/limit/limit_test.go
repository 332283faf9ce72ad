package limit

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKeyed(3, 10*time.Second, 100)
		for range 3 {
			if wait, ok := k.Take("a"); !ok || wait != 0 {
				t.Fatalf("take: %v, %v", wait, ok)
			}
		}
		if wait, ok := k.Take("a"); ok || wait != 10*time.Second {
			t.Errorf("a fourth one: %v, %v", wait, ok)
		}
		if _, ok := k.Take("b"); !ok {
			t.Error("another key is concerned")
		}
		time.Sleep(4 * time.Second)
		if wait, ok := k.Take("a"); ok || wait != 6*time.Second {
			t.Errorf("4 s later: %v, %v", wait, ok)
		}
		time.Sleep(6 * time.Second)
		if _, ok := k.Take("a"); !ok {
			t.Error("refused after the time that was told")
		}
		if _, ok := k.Take("a"); ok {
			t.Error("two tokens in one interval")
		}
		time.Sleep(time.Hour)
		for range 3 {
			if _, ok := k.Take("a"); !ok {
				t.Error("the burst is not whole again")
			}
		}
		if _, ok := k.Take("a"); ok {
			t.Error("more than the burst after an hour")
		}
	})
}

func TestGive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKeyed(2, 10*time.Second, 100)
		k.Give("a") // above the burst: nothing
		for i, want := range []bool{true, true, false} {
			if _, ok := k.Take("a"); ok != want {
				t.Errorf("take %d: %v", i, ok)
			}
		}
		k.Give("a")
		if _, ok := k.Take("a"); !ok {
			t.Error("what was given back is not there")
		}
		if _, ok := k.Take("a"); ok {
			t.Error("one too many")
		}
	})
}

// However takers behave, none gets more than the burst and what has flowed in
// since, nor is refused when so long has passed as it was told.
func TestNoMoreThanItsRate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		burst := rapid.IntRange(1, 10).Draw(rt, "burst")
		interval := time.Duration(rapid.IntRange(1, 60_000).Draw(rt, "interval")) * time.Millisecond
		pauses := rapid.SliceOfN(rapid.IntRange(0, 100_000), 1, 60).Draw(rt, "pauses")
		var failed string
		synctest.Test(t, func(*testing.T) {
			k := NewKeyed(burst, interval, 100)
			begin, taken := time.Now(), 0
			promised := begin
			for _, ms := range pauses {
				time.Sleep(time.Duration(ms) * time.Millisecond)
				wait, ok := k.Take("a")
				switch {
				case ok:
					taken++
					promised = time.Now().Add(interval)
				case wait <= 0 || wait > interval+time.Microsecond: // rounded up
					failed = fmt.Sprintf("to wait for %v at an interval of %v", wait, interval)
				case time.Now().After(promised.Add(time.Microsecond)):
					failed = "refused after the time that was told"
				default:
					promised = time.Now().Add(wait)
				}
			}
			if most := burst + int(time.Since(begin)/interval) + 1; taken > most {
				failed = fmt.Sprintf("%d taken, at most %d may be", taken, most)
			}
		})
		if failed != "" {
			rt.Fatal(failed)
		}
	})
}

// Memory is bounded whatever the keys, and who is busy is not forgotten.
func TestKeysAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const keys = 100
		k := NewKeyed(1, time.Hour, keys)
		k.Take("busy")
		for i := range 10 * keys {
			k.Take(fmt.Sprint("key ", i))
			if n := len(k.young) + len(k.old); n > keys {
				t.Fatalf("%d keys are held, at most %d may be", n, keys)
			}
			if i%20 == 0 {
				if _, ok := k.Take("busy"); ok {
					t.Fatalf("the busy key was forgotten after %d others", i)
				}
			}
		}
	})
}

func TestConcurrentTakers(t *testing.T) {
	k := NewKeyed(50, time.Hour, 10)
	var mu sync.Mutex
	taken := 0
	var takers sync.WaitGroup
	for range 20 {
		takers.Go(func() {
			for range 20 {
				if _, ok := k.Take("a"); ok {
					mu.Lock()
					taken++
					mu.Unlock()
				}
			}
		})
	}
	takers.Wait()
	if taken != 50 {
		t.Errorf("%d taken, want 50", taken)
	}
}
