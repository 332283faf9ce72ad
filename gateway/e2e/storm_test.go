package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/internal/testenv"
	"tandem.watch/tandem/protocol"
)

const (
	stormRooms   = 4
	stormMembers = 4 // of each room
	// mostAcks is how many commands are answered at most before the program is
	// ended; each round chooses anew.
	mostAcks = 1200
)

// storm is stormers in several rooms of one program.
type storm struct {
	t        *testing.T
	program  *testenv.Process
	random   *rand.Rand
	acks     atomic.Int64
	stormers []*stormer
	rooms    []string
}

// seed chooses what happens, or does again what TANDEM_SEED says.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("TANDEM_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("TANDEM_SEED: %v", err)
		}
	}
	t.Logf("TANDEM_SEED=%d", seed)
	return seed
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	seed := seed(t)
	s := &storm{t: t, random: rand.New(rand.NewPCG(seed, 0))}
	// Without an archive the log keeps everything, and is read whole at the end.
	s.program = start(t, "--archive", "off", "--max-message-rate", "100000", "--max-command-rate", "100000", "--max-connects-per-ip", "100000", "--log-level", "warn")
	for range stormRooms {
		room := createRoom(t, s.program.URL(), "creator")
		s.rooms = append(s.rooms, room.ID)
		for i := range stormMembers {
			s.stormers = append(s.stormers, &stormer{
				url: socketURL(s.program.URL()), room: room.ID, name: fmt.Sprintf("member %d", i),
				random: rand.New(rand.NewPCG(seed, uint64(len(s.stormers))+1)), acks: &s.acks,
				answers: map[uint64]uint64{}, dropped: map[uint64]bool{},
			})
		}
	}
	return s
}

// together runs one session of every stormer until it ends. during runs
// beside them; it is given what says whether one found a fault.
func (s *storm) together(calm <-chan struct{}, during func(check func())) []error {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*patience)
	defer cancel()
	errs, faults := make([]error, len(s.stormers)), make(chan error, len(s.stormers))
	var group sync.WaitGroup
	for i, m := range s.stormers {
		group.Go(func() {
			errs[i] = m.session(ctx, calm)
			// A session may end because the program does, and for no other reason.
			if errors.Is(errs[i], errFault) || errors.Is(errs[i], context.DeadlineExceeded) {
				faults <- fmt.Errorf("%s in %s: %w", m.name, m.room, errs[i])
				cancel()
			}
		})
	}
	check := func() {
		s.t.Helper()
		select {
		case err := <-faults:
			s.t.Fatal(err)
		default:
		}
	}
	during(check)
	group.Wait()
	check()
	return errs
}

// until storms until a random number of commands was answered, then ends the
// program in the middle of it, and starts it again.
func (s *storm) until(end func()) {
	s.t.Helper()
	// All return and have their answers first: whoever is late would have
	// missed more than a room keeps for those who return.
	s.settle()
	goal := s.acks.Load() + 1 + s.random.Int64N(mostAcks)
	began := time.Now()
	s.together(nil, func(check func()) {
		eventually(s.t, "the storm", func() string {
			check()
			if left := goal - s.acks.Load(); left > 0 {
				return fmt.Sprintf("%d answers are missing", left)
			}
			return ""
		})
		end()
	})
	open := 0
	for _, m := range s.stormers {
		open += len(m.unanswered)
	}
	s.t.Logf("ended after %v with %d commands answered in all and %d not", time.Since(began).Round(time.Millisecond), s.acks.Load(), open)
	s.program.Restart()
}

// settle lets everybody return, and get the answers that are missing.
func (s *storm) settle() {
	s.t.Helper()
	calm := make(chan struct{})
	close(calm)
	for i, err := range s.together(calm, func(func()) {}) {
		if err != nil {
			s.t.Fatalf("%s in %s: %v", s.stormers[i].name, s.stormers[i].room, err)
		}
	}
}

// TestKillInStorm kills the program in the middle of storms of commands: what
// was acknowledged is there once, and everybody saw the same.
func TestKillInStorm(t *testing.T) {
	s := newStorm(t)
	for range 6 {
		s.until(s.program.Kill)
	}
	s.check()
}

// TestStopInStorm stops the program cleanly in the middle of a storm: everybody
// is told to come back, and nothing is lost either.
func TestStopInStorm(t *testing.T) {
	s := newStorm(t)
	for range 2 {
		s.until(s.program.Stop) // which fails the test unless the exit code is 0
		for _, m := range s.stormers {
			switch {
			case m.bye == nil:
				t.Errorf("%s in %s got no bye", m.name, m.room)
			case m.bye.Code != protocol.CloseRestart || m.closed != protocol.CloseRestart:
				t.Errorf("%s in %s got bye %d and close code %d, want %d", m.name, m.room, m.bye.Code, m.closed, protocol.CloseRestart)
			case m.bye.AfterMs < 0 || m.bye.AfterMs > 10_000:
				t.Errorf("%s in %s is to come back after %d ms", m.name, m.room, m.bye.AfterMs)
			}
		}
	}
	s.check()
}

// TestStopTellsQuietMembers stops the program while members only listen, and
// while one has connected and said nothing yet.
func TestStopTellsQuietMembers(t *testing.T) {
	program := start(t)
	room := createRoom(t, program.URL(), "Ann")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var clients []*testclient.Client
	for i := range 3 {
		c, err := testclient.DialWebSocket(ctx, socketURL(program.URL()), testclient.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		clients = append(clients, c)
		if i == 2 {
			break // silent
		}
		hello := protocol.Hello{Room: room.ID, Name: "quiet"}
		if i == 0 {
			hello.Resume = &protocol.Resume{Seat: room.Seat}
		}
		if _, err := c.Join(ctx, hello); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	program.Stop()
	t.Logf("stopped after %v", time.Since(began).Round(time.Millisecond))
	for i, c := range clients {
		bye, err := testclient.Await[*protocol.Bye](ctx, c, nil)
		if err != nil {
			t.Errorf("client %d: no bye: %v", i, err)
			continue
		}
		for err == nil {
			_, err = c.Next(ctx)
		}
		if bye.Code != protocol.CloseRestart || c.CloseCode() != protocol.CloseRestart {
			t.Errorf("client %d: bye %d and close code %d, want %d", i, bye.Code, c.CloseCode(), protocol.CloseRestart)
		}
	}
}

// database is where a program keeps its rooms.
func database(p *testenv.Process) string { return filepath.Join(p.Dir(), "data", "tandem.db") }
