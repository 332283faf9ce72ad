package core_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/memory"
)

// idle is a connection that takes everything.
type idle struct{}

func (idle) Send([]*core.Frame) {}
func (idle) Close(core.Bye)     {}

// Who has lost its seat sees nothing, and is told so at once.
func TestViewWithoutSeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub, err := core.NewHub(core.Options{
			Log: memory.New(), Clock: core.NewLocalClock(0), Secrets: [][]byte{make([]byte, 16)}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		join := func() *core.Session {
			s, err := hub.Join(t.Context(), core.JoinRequest{Room: "room", Member: "ann", Name: "Ann", Address: "home", Found: &core.Founding{}, Conn: idle{}})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		looks := 0
		view := func(ctx context.Context, s *core.Session) bool {
			return s.View(ctx, func(*core.Room, []core.Presence, int64) { looks++ })
		}
		first := join()
		if !view(t.Context(), first) || looks != 1 {
			t.Errorf("in its seat it saw the room %d times", looks)
		}
		second := join()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if view(ctx, first) || looks != 1 || ctx.Err() != nil {
			t.Errorf("whose seat is taken saw the room %d times, %v", looks-1, ctx.Err())
		}
		cancel()
		if view(ctx, second) {
			t.Error("seen although nobody waits")
		}
		first.Drop()
		second.Drop()
		if err := hub.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
