package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/internal/testenv"
	"tandem.watch/tandem/protocol"
)

// TestFrozenGateway stops a gateway's process for so long that the others give
// its members up. When it goes on, they are in the room again, on the same
// connection.
func TestFrozenGateway(t *testing.T) {
	redis := testenv.StartRedis(t)
	args := []string{"--redis-url", redis.URL(), "--archive", "off", "--secret", clusterSecret, "--tls", "off"}
	near, frozen := start(t, args...), start(t, args...)
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	room := createRoom(t, near.URL(), "Ann")
	join := func(at *testenv.Process, h protocol.Hello) (*testclient.Client, *protocol.Welcome) {
		t.Helper()
		c, err := testclient.DialWebSocket(ctx, socketURL(at.URL()), testclient.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		h.Room = room.ID
		w, err := c.Join(ctx, h)
		if err != nil {
			t.Fatal(err)
		}
		return c, w
	}
	ann, _ := join(near, protocol.Hello{Name: "Ann", Resume: &protocol.Resume{Seat: room.Seat}})
	ben, welcome := join(frozen, protocol.Hello{Name: "Ben"})
	// wait waits until somebody is told of an event.
	wait := func(c *testclient.Client, what string, is func(protocol.Event) bool) {
		t.Helper()
		_, err := testclient.Await(ctx, c, func(m *protocol.Events) bool {
			return slices.ContainsFunc(m.Events, is)
		})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	probes := time.NewTicker(5 * time.Second)
	defer probes.Stop()
	go func() {
		for {
			select {
			case <-probes.C:
				_ = ann.Send(&protocol.Probe{T1: 1})
			case <-ctx.Done():
				return
			}
		}
	}()
	joined := func(e protocol.Event) bool {
		return e.Type == protocol.EventJoined && e.Joined.ID == welcome.Member
	}
	left := func(e protocol.Event) bool {
		return e.Type == protocol.EventLeft && e.Left.Member == welcome.Member
	}
	wait(ann, "Ben's coming", joined)
	frozen.Freeze()
	began := time.Now()
	wait(ann, "Ben's leaving", left)
	if took := time.Since(began); took < 8*time.Second {
		t.Errorf("given up after %v", took)
	}
	frozen.Thaw()
	wait(ann, "Ben's coming back", joined)
	wait(ben, "his own coming back", joined)
	if err := ben.Send(&protocol.Say{Command: protocol.Command{ID: 1}, Text: "here"}); err != nil {
		t.Fatal(err)
	}
	wait(ann, "Ben's word", func(e protocol.Event) bool { return e.Type == protocol.EventChat && e.Chat.Text == "here" })
}
