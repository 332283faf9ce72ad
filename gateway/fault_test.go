package gateway

import (
	"io"
	"sync/atomic"
	"testing"
	"time"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog/memory"
	"tandem.watch/tandem/protocol"
)

// The log is away for a while: commands wait, and nobody notices anything else.
func TestLogAwayForAMoment(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		w.log.Set(memory.Faults{BeforeAppend: memory.Unavailable})
		begin := time.Now()
		time.AfterFunc(3*time.Second, func() { w.log.Set(memory.Faults{}) })
		ann.say("patience")
		if took := time.Since(begin); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("acknowledged after %v, want soon after 3 s", took)
		}
		ben.saw("chat Ann patience")
		ben.presence()
	})
}

func TestLogAwayForLong(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.do(&protocol.Play{Command: ann.id()})
		ben.events()
		w.log.Set(memory.Faults{BeforeAppend: memory.Unavailable})
		begin := time.Now()
		m := &protocol.Say{Command: ann.id(), Text: "once"}
		e := ann.refuse(m, protocol.CodeUnavailable)
		if took := time.Since(begin); took != 5*time.Second || e.RetryAfterMs == 0 {
			t.Errorf("refused after %v with %+v, want after 5 s with a time to retry", took, e)
		}
		newcomer := w.dial(cafe)
		newcomer.wantHello(protocol.Hello{Room: ann.room, Name: "Cem"}, protocol.CodeUnavailable)
		ben.saw()
		ben.presence()

		w.log.Set(memory.Faults{})
		first := ann.do(m) // the same id again
		if again := ann.do(m); again != first {
			t.Errorf("the repeat was acknowledged with %d, the first with %d", again, first)
		}
		newcomer.hello(protocol.Hello{Room: ann.room, Name: "Cem"})
		ben.saw("chat Ann once", "joined Cem")
	})
}

// What waits while the log is away is refused in time, one after the other.
func TestCommandsQueueWhileTheLogIsAway(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ben.events()
		w.log.Set(memory.Faults{BeforeAppend: memory.Unavailable})
		begin := time.Now()
		for range 10 {
			_ = ann.Send(&protocol.Say{Command: ann.id(), Text: "lost"})
			time.Sleep(200 * time.Millisecond)
		}
		for id := uint64(1); id <= 10; id++ {
			if e, ok := ann.answer(id).(*protocol.Error); !ok || e.Code != protocol.CodeUnavailable {
				t.Errorf("command %d: %+v", id, e)
			}
		}
		if took := time.Since(begin); took > 11*time.Second {
			t.Errorf("the last one was refused after %v", took)
		}
		w.log.Set(memory.Faults{})
		ann.say("works")
		ben.saw("chat Ann works")
	})
}

// failures is a hook that fails n times.
func failures(n int64, err error) func(string, core.Batch) error {
	var done atomic.Int64
	return func(string, core.Batch) error {
		if done.Add(1) <= n {
			return err
		}
		return nil
	}
}

// The append is done and its reply is lost: the gateway finds out.
func TestReplyLost(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ben.events()
		w.log.Set(memory.Faults{AfterAppend: failures(1, core.ErrUnknown)})
		ann.say("once")
		ann.say("twice")
		ben.saw("chat Ann once", "chat Ann twice")

		// What has no id of a command is done once, too.
		w.log.Set(memory.Faults{AfterAppend: failures(1, core.ErrUnknown)})
		w.join(ann.room, "Cem", cafe)
		ben.saw("joined Cem")
		w.log.Set(memory.Faults{AfterAppend: failures(1, core.ErrUnknown)})
		w.host("Eve")
	})
}

// And where it cannot find out in time, the client does, by asking again.
func TestReplyLostForLong(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ben.events()
		w.log.Set(memory.Faults{AfterAppend: memory.ReplyLost, BeforeRead: func(string) error { return core.ErrUnavailable }})
		m := &protocol.Say{Command: ann.id(), Text: "once"}
		ann.refuse(m, protocol.CodeUnknown)
		ben.saw()
		w.log.Set(memory.Faults{})
		first := ann.do(m)
		if again := ann.do(m); again != first {
			t.Errorf("the repeat was acknowledged with %d, the first with %d", again, first)
		}
		ann.say("twice")
		ben.saw("chat Ann once", "chat Ann twice")
	})
}

// Nobody is thrown out because the log was away when their grace ended.
func TestNobodyExpiresWhileTheLogIsAway(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.saw("joined Ben")
		ben.drop()
		w.pass(25 * time.Second)
		w.log.Set(memory.Faults{BeforeAppend: memory.Unavailable})
		w.pass(20 * time.Second)
		w.log.Set(memory.Faults{})
		w.pass(15 * time.Second)
		ben = ben.resume()
		ann.saw()
		ben.drop()
		w.pass(30 * time.Second)
		ann.saw("left Ben expired")
	})
}

// The gate opens when the log is back.
func TestGateWhileTheLogIsAway(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		all := gated(w, 2)
		w.log.Set(memory.Faults{BeforeAppend: memory.Unavailable})
		w.pass(20 * time.Second)
		held(t, all[0])
		w.log.Set(memory.Faults{})
		w.pass(time.Second)
		all[0].saw("timeline release 7")
	})
}

func TestReadsFail(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		w.log.Set(memory.Faults{BeforeRead: func(string) error { return io.ErrUnexpectedEOF }})
		c := w.dial(office)
		c.wantHello(protocol.Hello{Room: ann.room, Name: "Ben", Resume: &protocol.Resume{Seat: ben.seat}}, protocol.CodeInternal)
		c.wantHello(protocol.Hello{Room: "NEVERLOADED0", Name: "Cem"}, protocol.CodeUnavailable)
		ann.refuse(&protocol.Remove{Command: ann.id(), Member: ben.member, Ban: true}, protocol.CodeInternal)
		w.log.Set(memory.Faults{})
		ann.do(&protocol.Remove{Command: ann.id(), Member: ben.member, Ban: true})
		c.wantHello(protocol.Hello{Room: ann.room, Name: "Cem"}, protocol.CodeBanned)
	})
}

// The log refuses for a reason that nobody foresaw, or has forgotten the room:
// the room is given up, and whoever comes back finds what the log has.
func TestRoomIsGivenUp(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		ann := w.host("Ann")
		ben := w.join(ann.room, "Ben", office)
		ann.say("kept")
		w.log.Set(memory.Faults{BeforeAppend: failures(1, io.ErrUnexpectedEOF)})
		m := &protocol.Say{Command: ann.id(), Text: "lost"}
		ann.refuse(m, protocol.CodeInternal)
		ann.wantClosed(protocol.CloseUnavailable)
		ben.wantClosed(protocol.CloseUnavailable)
		ann, ben = ann.resume(), ben.resume()
		ann.do(m)
		ben.saw("chat Ann lost")
	})
}
