package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

const (
	// ahead is how many commands a stormer has unanswered at most.
	ahead = 24
	// repeats is how many commands a stormer repeats after each return,
	// although it knows their answers. With ahead they are within the 64 that a
	// room remembers.
	repeats = 8
)

// stormer is a member that sends commands as fast as they are answered, and
// keeps what it was told. It is used by one goroutine at a time.
type stormer struct {
	url, room, name string
	random          *rand.Rand
	acks            *atomic.Int64 // of all stormers
	unhurried       bool          // pauses, so that who was away a while has not missed too much

	// its seat
	member, seat  string
	epoch, number uint64
	joined        uint64 // the number of the snapshot that it began with

	// its commands, by id from 1
	sent       []protocol.CommandMessage
	answers    map[uint64]uint64 // id → number
	dropped    map[uint64]bool   // stale: refused for ever, and not done
	unanswered []uint64          // in order
	repeated   map[uint64]bool   // repeated, and not answered again

	head    uint64 // of the room when this session began
	overdue int    // answers that an earlier session did not live to see

	events []protocol.Event
	bye    *protocol.Bye // of the last session
	closed protocol.CloseCode
}

// session enters or returns, and storms until the connection ends. When calm is
// closed it only waits for its answers, and returns nil with the last of them.
func (s *stormer) session(ctx context.Context, calm <-chan struct{}) error {
	s.bye, s.closed = nil, 0
	c, err := testclient.DialWebSocket(ctx, s.url, testclient.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	hello := protocol.Hello{Room: s.room, Name: s.name}
	if s.seat != "" {
		hello.Resume = &protocol.Resume{Seat: s.seat, Epoch: s.epoch, Number: s.number}
	}
	welcome, err := c.Join(ctx, hello)
	if err == nil {
		err = s.welcome(welcome)
	}
	if err != nil {
		return err
	}
	err = s.exchange(ctx, c, calm)
	if errors.Is(err, testclient.ErrEnded) {
		s.closed = c.CloseCode()
	}
	return err
}

// exchange sends and receives.
func (s *stormer) exchange(ctx context.Context, c *testclient.Client, calm <-chan struct{}) error {
	s.repeat(c)
	for {
		select {
		case <-calm:
			if len(s.unanswered) == 0 && len(s.repeated) == 0 && s.number >= s.head {
				return nil
			}
		default:
			for len(s.unanswered) < ahead {
				if s.unhurried && len(s.unanswered) > 0 {
					break
				}
				if s.unhurried {
					time.Sleep(time.Duration(s.random.IntN(20)) * time.Millisecond)
				}
				m := s.invent()
				s.sent = append(s.sent, m)
				s.unanswered = append(s.unanswered, m.CommandID())
				s.send(c, m)
			}
		}
		m, err := c.Next(ctx)
		if err == nil {
			err = s.receive(c, m)
		}
		if err != nil {
			return err
		}
	}
}

func (s *stormer) welcome(w *protocol.Welcome) error {
	first := s.epoch == 0
	switch {
	case first && w.Room == nil:
		return fault("a welcome without a snapshot to a newcomer")
	case !first && w.Room != nil:
		return fault("%s resumed at %d and got a snapshot at %d: something was lost", s.name, s.number, w.Number)
	case !first && (w.Member != s.member || w.Epoch != s.epoch):
		return fault("%s is %s in epoch %d, was %s in %d", s.name, w.Member, w.Epoch, s.member, s.epoch)
	case first:
		s.number, s.joined = w.Number, w.Number
	}
	s.member, s.seat, s.epoch, s.head = w.Member, w.Seat, w.Epoch, w.Number
	return nil
}

// repeat sends some answered commands again, then the unanswered ones.
func (s *stormer) repeat(c *testclient.Client) {
	s.repeated = map[uint64]bool{}
	next := uint64(len(s.sent)) + 1
	if len(s.unanswered) > 0 {
		next = s.unanswered[0]
	}
	for id := next - min(next-1, repeats); id < next; id++ {
		if !s.dropped[id] {
			s.repeated[id] = true
			s.send(c, s.sent[id-1])
		}
	}
	for _, id := range s.unanswered {
		s.send(c, s.sent[id-1])
	}
}

// send sends a command. When it fails, the end of the connection is to come,
// after what the gateway had to say.
func (s *stormer) send(c *testclient.Client, m protocol.CommandMessage) {
	_ = c.Send(m)
}

// invent makes the next command.
func (s *stormer) invent() protocol.CommandMessage {
	id := uint64(len(s.sent)) + 1
	command := protocol.Command{ID: id}
	switch n := s.random.IntN(100); {
	case n < 50:
		return &protocol.Say{Command: command, Text: fmt.Sprintf("%s says %d", s.name, id)}
	case n < 62:
		return &protocol.Play{Command: command, Wait: n == 50}
	case n < 74:
		return &protocol.Pause{Command: command}
	case n < 90:
		return &protocol.Seek{Command: command, Position: s.random.Float64() * 3600}
	default:
		return &protocol.Rename{Command: command, Name: fmt.Sprintf("%s %d", s.name, id)}
	}
}

func (s *stormer) receive(c *testclient.Client, m protocol.ServerMessage) error {
	switch m := m.(type) {
	case *protocol.Events:
		return s.receiveEvents(m)
	case *protocol.Ack:
		return s.receiveAck(m)
	case *protocol.Error:
		return s.receiveError(c, m)
	case *protocol.Bye:
		s.bye = m
	case *protocol.Snapshot:
		return fault("%s got a snapshot", s.name)
	}
	return nil
}

// receiveEvents accepts only what continues exactly where it stands.
func (s *stormer) receiveEvents(m *protocol.Events) error {
	if m.Epoch != s.epoch || m.First != s.number+1 || m.Last < m.First {
		return fault("%s stands at %d/%d and got the events of %d/%d to %d", s.name, s.epoch, s.number, m.Epoch, m.First, m.Last)
	}
	before := m.First - 1
	for _, e := range m.Events {
		if e.Number <= before || e.Number > m.Last {
			return fault("%s got event %d after %d in the range from %d to %d", s.name, e.Number, before, m.First, m.Last)
		}
		before = e.Number
	}
	s.events = append(s.events, m.Events...)
	s.number = m.Last
	return nil
}

func (s *stormer) receiveAck(m *protocol.Ack) error {
	if known, ok := s.answers[m.ID]; ok {
		if !s.repeated[m.ID] || known != m.Number {
			return fault("%s had the answer %d to command %d, and got %d", s.name, known, m.ID, m.Number)
		}
		delete(s.repeated, m.ID)
		return nil
	}
	if !s.settle(m.ID) {
		return fault("%s got an answer to command %d, which is not open", s.name, m.ID)
	}
	s.answers[m.ID] = m.Number
	if m.Number <= s.head {
		s.overdue++
	}
	s.acks.Add(1)
	return nil
}

func (s *stormer) receiveError(c *testclient.Client, m *protocol.Error) error {
	switch m.Code {
	case protocol.CodeUnavailable, protocol.CodeUnknown:
		// A gateway that stops may say so; then the next session asks again.
		if m.ID == 0 || m.ID > uint64(len(s.sent)) {
			return fault("%s: %w", s.name, m)
		}
		s.send(c, s.sent[m.ID-1])
		return nil
	case protocol.CodeCommandStale:
		if s.settle(m.ID) {
			s.dropped[m.ID] = true
			return nil
		}
	}
	return fault("%s: command %d: %w", s.name, m.ID, m)
}

// settle takes a command off the list of the unanswered.
func (s *stormer) settle(id uint64) bool {
	for i, open := range s.unanswered {
		if open == id {
			s.unanswered = append(s.unanswered[:i], s.unanswered[i+1:]...)
			return true
		}
	}
	return false
}

// errFault is a fault of the gateway, other than a connection that ends.
var errFault = errors.New("fault")

func fault(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errFault, fmt.Errorf(format, args...))
}
