package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/internal/memnet"
	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

var probe = protocol.Probe{T1: 1}

// peer is a member, or wants to be one. It checks all that it is told: events
// come in order, without holes and without repeats.
type peer struct {
	*testclient.Client
	w            *world
	conn         *memnet.Conn
	from         string
	room, name   string
	member, seat string
	welcome      *protocol.Welcome
	view         testclient.View
	inbox        []protocol.ServerMessage // read, and not taken yet
	last         uint64                   // the last command's id
	over         bool                     // the connection has ended
	silent       bool                     // does not probe
}

// dial connects from an address, and says nothing.
func (w *world) dial(from string) *peer {
	w.t.Helper()
	c, err := w.tryDial(from, testclient.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) tryDial(from string, o testclient.Options) (*peer, error) {
	c := &peer{w: w, from: from}
	var err error
	if c.conn, err = w.net.Dial(w.t.Context(), from); err != nil {
		return nil, err
	}
	o.Dial = testclient.Over(c.conn)
	if c.Client, err = testclient.DialWebSocket(w.t.Context(), "ws://tandem.test/v1/ws", o); err != nil {
		return nil, err
	}
	w.clients = append(w.clients, c)
	return c, nil
}

// host makes a room without a PIN and enters it as its host.
func (w *world) host(name string) *peer {
	w.t.Helper()
	return w.enter(w.create(fmt.Sprintf(`{"name":%q}`, name)), name)
}

// enter takes the seat that making a room gave.
func (w *world) enter(made createdRoom, name string) *peer {
	w.t.Helper()
	c := w.dial(home)
	c.hello(protocol.Hello{Room: made.ID, Name: name, Resume: &protocol.Resume{Seat: made.Seat}})
	return c
}

// join enters a room as a new member.
func (w *world) join(room, name, from string) *peer {
	w.t.Helper()
	c := w.dial(from)
	c.hello(protocol.Hello{Room: room, Name: name})
	return c
}

// hello enters, which must succeed.
func (c *peer) hello(h protocol.Hello) {
	c.w.t.Helper()
	if err := c.tryHello(h); err != nil {
		c.w.t.Fatalf("%s: hello: %v", h.Name, err)
	}
}

// tryHello enters, or returns the refusal.
func (c *peer) tryHello(h protocol.Hello) error {
	c.w.t.Helper()
	h.Version = protocol.Version
	if err := c.Send(&h); err != nil {
		return err
	}
	for {
		switch m := c.next().(type) {
		case *protocol.Welcome:
			c.inbox = slices.DeleteFunc(c.inbox, func(x protocol.ServerMessage) bool { return x == protocol.ServerMessage(m) })
			c.room, c.name, c.member, c.seat, c.welcome, c.last = h.Room, h.Name, m.Member, m.Seat, m, m.LastCommand
			c.w.names[m.Member] = h.Name
			return nil
		case *protocol.Error:
			c.inbox = c.inbox[:len(c.inbox)-1]
			return m
		case nil:
			return testclient.ErrEnded
		}
	}
}

// wantHello enters, which must be refused.
func (c *peer) wantHello(h protocol.Hello, code protocol.ErrorCode) protocol.Error {
	c.w.t.Helper()
	err := c.tryHello(h)
	var refused *protocol.Error
	if !errors.As(err, &refused) || refused.Code != code {
		c.w.t.Fatalf("hello of %q: %v, want %s", h.Name, err, code)
	}
	return *refused
}

// resume comes back to the seat of c with another connection.
func (c *peer) resume() *peer {
	c.w.t.Helper()
	d := c.w.dial(c.from)
	d.resumeAs(c)
	return d
}

func (c *peer) resumeAs(old *peer) {
	c.w.t.Helper()
	c.view = old.view
	c.hello(protocol.Hello{Room: old.room, Name: old.name, Resume: &protocol.Resume{Seat: old.seat, Epoch: old.view.Epoch, Number: old.view.Number}})
	if c.member != old.member || c.seat != old.seat {
		c.w.t.Fatalf("%s came back as %s with the seat %s, was %s with %s", old.name, c.member, c.seat, old.member, old.seat)
	}
}

// next returns the next message, nil when the connection has ended.
func (c *peer) next() protocol.ServerMessage {
	c.w.t.Helper()
	ctx, cancel := context.WithTimeout(c.w.t.Context(), time.Minute)
	defer cancel()
	m, err := c.Next(ctx)
	switch {
	case errors.Is(err, testclient.ErrEnded):
		c.over = true
		return nil
	case err != nil:
		c.w.t.Fatalf("%s: nothing came for a minute: %v", c.name, err)
	}
	c.read(m)
	return m
}

func (c *peer) read(m protocol.ServerMessage) {
	c.w.t.Helper()
	if err := c.view.Read(m); err != nil {
		c.w.t.Errorf("%s: %v", c.name, err)
	}
	if _, ok := m.(*protocol.Clock); !ok || c.silent {
		c.inbox = append(c.inbox, m)
	}
}

// settle reads all that has been sent.
func (c *peer) settle() {
	c.w.t.Helper()
	for {
		synctest.Wait() // more may have come when a full queue was read
		if c.over || len(c.Incoming()) == 0 && !c.ended() {
			return
		}
		for range len(c.Incoming()) {
			c.read(<-c.Incoming())
		}
	}
}

// ended notices the connection's end, once all that came has been read.
func (c *peer) ended() bool {
	select {
	case m, ok := <-c.Incoming():
		if ok {
			c.read(m)
		}
		c.over = !ok
		return true
	default:
		return false
	}
}

// id is a new command's.
func (c *peer) id() protocol.Command {
	c.last++
	return protocol.Command{ID: c.last}
}

// ask sends a command and returns its answer: an *Ack or an *Error.
func (c *peer) ask(m protocol.CommandMessage) protocol.ServerMessage {
	c.w.t.Helper()
	if err := c.Send(m); err != nil {
		c.w.t.Fatalf("%s: %s: %v", c.name, m.Type(), err)
	}
	return c.answer(m.CommandID())
}

func (c *peer) answer(id uint64) protocol.ServerMessage {
	c.w.t.Helper()
	is := func(m protocol.ServerMessage) bool {
		switch m := m.(type) {
		case *protocol.Ack:
			return m.ID == id
		case *protocol.Error:
			return m.ID == id
		default:
			return false
		}
	}
	for {
		if i := slices.IndexFunc(c.inbox, is); i >= 0 {
			m := c.inbox[i]
			c.inbox = slices.Delete(c.inbox, i, i+1)
			return m
		}
		if c.next() == nil {
			c.w.t.Fatalf("%s: the connection ended (%d) before the answer to %d", c.name, c.CloseCode(), id)
		}
	}
}

// do sends a command, which must be done, and returns its number.
func (c *peer) do(m protocol.CommandMessage) uint64 {
	c.w.t.Helper()
	ack, ok := c.ask(m).(*protocol.Ack)
	if !ok {
		c.w.t.Fatalf("%s: %s was refused", c.name, m.Type())
	}
	return ack.Number
}

// refuse sends a command, which must be refused.
func (c *peer) refuse(m protocol.CommandMessage, code protocol.ErrorCode) protocol.Error {
	c.w.t.Helper()
	answer := c.ask(m)
	e, ok := answer.(*protocol.Error)
	if !ok || e.Code != code {
		c.w.t.Fatalf("%s: %s was answered %+v, want %s", c.name, m.Type(), answer, code)
	}
	return *e
}

func (c *peer) say(text string) uint64 {
	c.w.t.Helper()
	return c.do(&protocol.Say{Command: c.id(), Text: text})
}

// vanish loses the connection without either end's being told.
func (c *peer) vanish() {
	c.conn.Vanish()
	c.silent = true
	c.Close()
}

// drop ends the connection without a word.
func (c *peer) drop() {
	c.settle()
	c.Close()
	c.over = true
	synctest.Wait()
}

// wantClosed is the end of the connection by the gateway, by now: a bye, then
// the same code. It returns the bye.
func (c *peer) wantClosed(code protocol.CloseCode) *protocol.Bye {
	c.w.t.Helper()
	byes := take[*protocol.Bye](c)
	if !c.over {
		c.w.t.Fatalf("%s: still open after %+v, want %d", c.name, byes, code)
	}
	if c.CloseCode() != code || len(byes) != 1 || byes[0].Code != code || byes[0].Reason != code.String() {
		c.w.t.Fatalf("%s: closed with %d after %+v, want %d", c.name, c.CloseCode(), byes, code)
	}
	return byes[0]
}

// take returns the messages of a type that have come since it was last called.
func take[M protocol.ServerMessage](c *peer) []M {
	c.w.t.Helper()
	c.settle()
	var taken []M
	c.inbox = slices.DeleteFunc(c.inbox, func(m protocol.ServerMessage) bool {
		wanted, ok := m.(M)
		if ok {
			taken = append(taken, wanted)
		}
		return ok
	})
	return taken
}

// only returns the one message of a type that has come.
func only[M protocol.ServerMessage](c *peer) M {
	c.w.t.Helper()
	all := take[M](c)
	if len(all) != 1 {
		c.w.t.Fatalf("%s: %d messages of type %T, want one: %+v", c.name, len(all), *new(M), all)
	}
	return all[0]
}

// events returns the events that have come since it was last called.
func (c *peer) events() []protocol.Event {
	c.w.t.Helper()
	var all []protocol.Event
	for _, m := range take[*protocol.Events](c) {
		all = append(all, m.Events...)
	}
	return all
}

// saw checks which events have come since the last time, told in short: "chat
// Ann hello", "left Ben expired".
func (c *peer) saw(want ...string) {
	c.w.t.Helper()
	var got []string
	for _, e := range c.events() {
		got = append(got, c.w.tell(e))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.w.t.Errorf("what %s saw (-want +got):\n%s", c.name, diff)
	}
}

// presence checks which changes of presence have come since the last time.
func (c *peer) presence(want ...string) {
	c.w.t.Helper()
	var got []string
	for _, m := range take[*protocol.Present](c) {
		for _, p := range m.Members {
			state := c.w.names[p.Member] + " here"
			if p.Away {
				state = c.w.names[p.Member] + " away"
			}
			if p.Buffering {
				state += " buffering"
			}
			got = append(got, state)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.w.t.Errorf("the presence that %s saw (-want +got):\n%s", c.name, diff)
	}
}

func (w *world) tell(e protocol.Event) string {
	words := []string{string(e.Type)}
	switch e.Type {
	case protocol.EventJoined:
		words = append(words, w.names[e.Joined.ID])
	case protocol.EventLeft:
		words = append(words, w.names[e.Left.Member], string(e.Left.Reason))
	case protocol.EventHost:
		words = append(words, w.names[e.Host.Member])
	case protocol.EventRole:
		words = append(words, w.names[e.Role.Member], string(e.Role.Role))
	case protocol.EventRenamed:
		words = append(words, e.Renamed.Name)
	case protocol.EventTimeline:
		words = append(words, string(e.Timeline.Cause), fmt.Sprint(e.Timeline.Position))
	case protocol.EventMedia:
		words = append(words, string(e.Media.Kind))
	case protocol.EventQueued:
		words = append(words, e.Queued.Item.Media.Title, "at", fmt.Sprint(e.Queued.Index))
	case protocol.EventUnqueued:
		words = append(words, string(e.Unqueued.Reason))
	case protocol.EventReady:
		words = append(words, w.names[e.Ready.Member])
	case protocol.EventChat:
		words = append(words, w.names[e.Chat.Member], e.Chat.Text)
	case protocol.EventUnbanned:
		words = append(words, w.names[e.Unbanned.ID])
	case protocol.EventGate, protocol.EventMoved, protocol.EventSettings:
	}
	return strings.Join(words, " ")
}
