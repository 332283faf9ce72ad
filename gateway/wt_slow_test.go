package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

// A peer that has vanished does not keep the gateway from stopping in time,
// though datagrams for it wait in QUIC.
func TestShutdownQUICWithAVanishedPeer(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.host("Ann")
		gone := w.joinQUIC(ann.room, "Cem", cafe, testclient.WebTransportOptions{})
		w.rest()
		w.sockets[gone].vanish()
		gone.silent = true
		ann.flood(40)
		for i := range 300 {
			ann.do(&protocol.Seek{Command: ann.id(), Position: float64(i)})
			time.Sleep(30 * time.Millisecond)
		}
		begin := time.Now()
		w.stop()
		t.Logf("the stop took %v", time.Since(begin))
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("the stop took %v", took)
		}
	}, "--max-message-rate", "10000", "--max-command-rate", "10000", "--drain-timeout", "3s")
}

// After its session was closed for reading nothing, a vanished peer holds no
// place among the sessions of its address.
func TestVanishedPeerIsForgotten(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.host("Ann")
		gone := w.joinQUIC(ann.room, "Cem", cafe, testclient.WebTransportOptions{})
		w.rest()
		ann.presence()
		w.sockets[gone].vanish()
		gone.silent = true
		begin := time.Now()
		ann.flood(40)
		for i := range 500 {
			ann.do(&protocol.Seek{Command: ann.id(), Position: float64(i)})
			time.Sleep(30 * time.Millisecond)
		}
		for w.g.wt.Sessions() > 0 && time.Since(begin) < time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		t.Logf("held for %v", time.Since(begin))
		if took := time.Since(begin); took > 23*time.Second {
			t.Errorf("the session was held for %v", took)
		}
		ann.presence("Cem away")
	}, "--max-message-rate", "10000", "--max-command-rate", "10000")
}

// A member who reads too slowly is closed, and nobody else is delayed.
func TestSlowReaderQUIC(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.host("Ann") // in memory, where nothing takes time
		ben := w.joinQUIC(ann.room, "Ben", office, testclient.WebTransportOptions{})
		slow := w.joinQUIC(ann.room, "Cem", cafe, testclient.WebTransportOptions{Queue: 1, Window: 4 << 10})
		w.rest()
		ann.events()
		ben.events()
		for range 8 {
			begin := time.Now()
			ann.flood(100)
			if n := countEvents(ann.events(), protocol.EventChat); n != 100 {
				t.Errorf("Ann saw %d lines, want 100", n)
			}
			if took := time.Since(begin); took != 0 {
				t.Errorf("a slow member delayed Ann by %v", took)
			}
			time.Sleep(500 * time.Millisecond)
		}
		if n := countEvents(ben.events(), protocol.EventChat); n != 800 {
			t.Errorf("Ben saw %d lines, want 800", n)
		}
		time.Sleep(15 * time.Second)
		ann.presence("Cem away")
		time.Sleep(5 * time.Second)
		if n := w.g.counters.Closed(protocol.CloseOverflow); n != 1 {
			t.Errorf("%d sessions counted as too slow, want 1", n)
		}
		if n := w.g.wt.Sessions(); n != 1 {
			t.Errorf("%d sessions are held, want Ben's", n)
		}
		slow.settle()
		back := w.dialQUIC(cafe, testclient.WebTransportOptions{})
		back.resumeAs(slow)
		w.rest()
		if back.view.Number != ann.view.Number || !cmp.Equal(back.view.Room, ann.view.Room, cmpopts.EquateEmpty()) {
			t.Errorf("after coming back it is at %d, Ann at %d:\n%s", back.view.Number, ann.view.Number, cmp.Diff(back.view.Room, ann.view.Room))
		}
	}, "--max-message-rate", "10000", "--max-command-rate", "10000")
}

// To a peer that takes nothing for a while, only the newest clock is sent then.
func TestStuckPathConflatesDatagrams(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.host("Ann")
		slow := w.joinQUIC(ann.room, "Cem", cafe, testclient.WebTransportOptions{Queue: 1, Window: 4 << 10})
		w.rest()
		const seeks = 300
		w.sockets[slow].vanish()
		ann.flood(100) // fills what QUIC sends without an answer
		for i := range seeks {
			ann.do(&protocol.Seek{Command: ann.id(), Position: float64(i)})
		}
		w.air.mu.Lock()
		w.sockets[slow].cut = false
		w.air.mu.Unlock()
		var got []protocol.DatagramEvent
		for range 8 {
			time.Sleep(time.Second)
			for len(slow.Timelines()) > 0 {
				got = append(got, <-slow.Timelines())
			}
		}
		if len(got) == 0 || len(got) > seeks/2 {
			t.Fatalf("%d timelines came, want few", len(got))
		}
		if last := got[len(got)-1].Timeline; last.Position != seeks-1 {
			t.Errorf("the last is %+v, want the newest", last)
		}
	}, "--max-message-rate", "10000", "--max-command-rate", "10000")
}

// One who has vanished costs others nothing: not in control, not in bulk, not
// in datagrams.
func TestVanishedPeerDelaysNobody(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.host("Ann")
		ben := w.joinQUIC(ann.room, "Ben", office, testclient.WebTransportOptions{})
		gone := w.joinQUIC(ann.room, "Cem", cafe, testclient.WebTransportOptions{})
		ann.flood(100)
		w.rest()
		_ = gone.Send(&protocol.GetHistory{})
		synctest.Wait()
		w.sockets[gone].vanish()
		gone.silent = true
		came := ben.record()
		for i := range 40 { // 20 s: past the writes' deadline
			_ = ann.Send(&probe)
			_ = ben.Send(&protocol.GetHistory{Limit: 20})
			_ = ben.SendDatagram(protocol.AppendProbe(nil, protocol.Probe{T1: int64(i)}))
			time.Sleep(2*near + 10*time.Millisecond)
			sent := time.Now()
			number := ann.do(&protocol.Seek{Command: ann.id(), Position: float64(i + 1)})
			ann.flood(20)
			if time.Since(sent) != 0 {
				t.Fatalf("Ann waited %v", time.Since(sent))
			}
			time.Sleep(500*time.Millisecond - 2*near - 10*time.Millisecond)
			var onStream, inDatagram, clocks, history int
			for _, a := range came() {
				if a.at.Before(sent.Add(-2*near-10*time.Millisecond)) || a.at.After(sent.Add(near+5*time.Millisecond)) {
					continue
				}
				if a.timeline != nil && a.timeline.Timeline.Number == number {
					inDatagram++
				}
				switch m := a.message.(type) {
				case *protocol.Events:
					if m.First <= number && number <= m.Last {
						onStream++
					}
				case *protocol.Clock:
					clocks++
				case *protocol.History:
					history++
				}
			}
			if onStream != 1 || inDatagram != 1 || clocks != 1 || history != 1 {
				t.Fatalf("round %d: in time came %d events, %d timelines, %d clocks and %d histories; want one of each", i, onStream, inDatagram, clocks, history)
			}
		}
		ann.presence("Cem away")
	}, "--max-message-rate", "10000", "--max-command-rate", "10000")
}
