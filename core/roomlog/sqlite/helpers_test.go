package sqlite

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"tandem.watch/tandem/core"
)

func testLog(t *testing.T, path string) *Log {
	t.Helper()
	l, err := Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}

// inWriter runs a function in the writer's goroutine, in a transaction.
func inWriter(t *testing.T, l *Log, f func(*session) error) {
	t.Helper()
	if err := l.writer.do(t.Context(), 0, f); err != nil {
		t.Fatal(err)
	}
}

// interceptOpen has a function see every session that the writer opens from
// now on.
func interceptOpen(t *testing.T, l *Log, f func(*session, error) (*session, error)) {
	t.Helper()
	inWriter(t, l, func(*session) error {
		open := l.writer.open
		l.writer.open = func() (*session, error) { return f(open()) }
		return nil
	})
}

// chain is a room that is appended to.
type chain struct {
	room string
	head core.Head
}

func (c *chain) next(text string) core.Batch {
	return core.Batch{Members: 1, Events: []core.Event{{
		ID: core.NewEventID(), Prev: c.head.ID, Epoch: 1, Number: c.head.Number + 1, Body: core.Said{Text: text},
	}}}
}

func (c *chain) append(ctx context.Context, l *Log, text string) error {
	b := c.next(text)
	err := l.Append(ctx, c.room, c.head, b)
	if err == nil {
		c.head = core.Head{Epoch: 1, Number: b.Events[0].Number, ID: b.Events[0].ID}
	}
	return err
}

// check compares what the log has of the room with what was acknowledged.
func (c *chain) check(t *testing.T, l *Log) {
	t.Helper()
	stored, err := l.Load(t.Context(), c.room, 1)
	if err != nil {
		t.Fatal(err)
	}
	last := stored.Events[len(stored.Events)-1]
	if len(stored.Events) != int(c.head.Number) || last.ID != c.head.ID {
		t.Errorf("the log has %d events, want %d", len(stored.Events), c.head.Number)
	}
}

// occupyWriter keeps the writer busy in a transaction until it is released.
func occupyWriter(t *testing.T, l *Log) (release func()) {
	t.Helper()
	started, finish := make(chan struct{}), make(chan struct{})
	go func() {
		_ = l.writer.do(context.Background(), 0, func(*session) error {
			close(started)
			<-finish
			return nil
		})
	}()
	<-started
	return sync.OnceFunc(func() { close(finish) })
}

func waitQueued(t *testing.T, l *Log, n int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); len(l.writer.queue) < n; {
		if time.Now().After(end) {
			t.Fatalf("%d requests wait, want %d", len(l.writer.queue), n)
		}
		time.Sleep(time.Millisecond)
	}
}
