package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

// rough is a bad network: one packet in twenty is lost, and later ones
// overtake earlier ones.
func rough(seed uint64) *air {
	return &air{latency: 30 * time.Millisecond, jitter: 40 * time.Millisecond, loss: 0.05, seed: seed}
}

// Everything arrives, in order and once, which every peer checks in all that it
// reads.
func TestControlOverABadNetwork(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			virtualQUIC(t, rough(seed), func(t *testing.T, w *quicWorld) {
				ann := w.hostQUIC("Ann")
				ben := w.joinQUIC(ann.room, "Ben", office, testclient.WebTransportOptions{})
				cem := w.join(ann.room, "Cem", cafe)
				all := []*peer{ann, ben, cem}
				w.rest()
				for _, c := range all {
					c.events()
				}
				const rounds = 60
				for i := range rounds {
					for _, c := range all { // they do not wait for answers
						_ = c.Send(&protocol.Say{Command: c.id(), Text: fmt.Sprint(c.name, " ", i, strings.Repeat(".", 300))})
					}
					_ = ann.Send(&protocol.Seek{Command: ann.id(), Position: float64(i)})
					time.Sleep(20 * time.Millisecond)
				}
				w.rest()
				var first []protocol.Event
				for _, c := range all {
					said := map[string]int{}
					events := c.events()
					for _, e := range events {
						if e.Type != protocol.EventChat {
							continue
						}
						name := w.names[e.Chat.Member]
						if !strings.HasPrefix(e.Chat.Text, fmt.Sprint(name, " ", said[name], ".")) {
							t.Fatalf("%s: after %d lines of %s came %.20q", c.name, said[name], name, e.Chat.Text)
						}
						said[name]++
					}
					for _, x := range all {
						if said[x.name] != rounds {
							t.Errorf("%s saw %d lines of %s, want %d", c.name, said[x.name], x.name, rounds)
						}
					}
					if first == nil {
						first = events
					} else if diff := cmp.Diff(first, events); diff != "" {
						t.Errorf("%s saw other events than Ann:\n%s", c.name, diff)
					}
					if acks := len(take[*protocol.Ack](c)); acks < rounds {
						t.Errorf("%s had %d commands acknowledged, want at least %d", c.name, acks, rounds)
					}
					if diff := cmp.Diff(ann.view.Room, c.view.Room, cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("%s sees another room than Ann:\n%s", c.name, diff)
					}
				}
			}, "--max-command-rate", "1000", "--max-message-rate", "1000")
		})
	}
}

// newest is a timeline as a client keeps it that takes whichever arrives first.
type newest struct {
	protocol.Timeline
	changes, byDatagram int
}

func (n *newest) take(t protocol.Timeline, datagram bool) {
	if t.Number <= n.Number {
		return
	}
	n.Timeline = t
	n.changes++
	if datagram {
		n.byDatagram++
	}
}

// Timelines come as datagrams and as events: both say the same, who takes the
// greater number ends where everybody does, and often a datagram is first.
func TestNewestTimelineWins(t *testing.T) {
	sooner := 0
	for seed := range uint64(3) {
		virtualQUIC(t, rough(seed), func(t *testing.T, w *quicWorld) {
			ann := w.host("Ann")
			ben := w.joinQUIC(ann.room, "Ben", office, testclient.WebTransportOptions{})
			cem := w.joinQUIC(ann.room, "Cem", cafe, testclient.WebTransportOptions{})
			w.rest()
			views := []func() []arrival{ben.record(), cem.record()}
			const seeks = 150
			sent := map[uint64]time.Time{}
			for i := range seeks {
				sent[ann.do(&protocol.Seek{Command: ann.id(), Position: float64(i)})] = time.Now()
				ann.flood(1) // what a stream's loss holds up
				time.Sleep(25 * time.Millisecond)
			}
			time.Sleep(5 * time.Second)
			ann.settle()
			truth := map[uint64]protocol.Timeline{}
			for _, e := range ann.events() {
				if e.Type == protocol.EventTimeline {
					truth[e.Number] = e.Timeline.Timeline
				}
			}
			for i, came := range views {
				var n newest
				datagrams := 0
				var spent, onlyStream time.Duration
				for _, a := range came() {
					before := n.Number
					if a.timeline != nil {
						datagrams++
						if a.timeline.Epoch != ann.view.Epoch || truth[a.timeline.Timeline.Number] != a.timeline.Timeline {
							t.Fatalf("the datagram %+v, the event %+v", a.timeline, truth[a.timeline.Timeline.Number])
						}
						n.take(a.timeline.Timeline, true)
					}
					if m, ok := a.message.(*protocol.Events); ok {
						for _, e := range m.Events {
							if e.Type == protocol.EventTimeline {
								onlyStream += a.at.Sub(sent[e.Number])
								n.take(e.Timeline.Timeline, false)
							}
						}
					}
					if n.Number < before {
						t.Fatalf("back from %d to %d", before, n.Number)
					}
					if n.Number > before {
						spent += a.at.Sub(sent[n.Number])
					}
				}
				if n.Timeline != ann.view.Room.Timeline {
					t.Errorf("client %d ends at %+v, Ann at %+v", i, n.Timeline, ann.view.Room.Timeline)
				}
				if datagrams < seeks*8/10 || datagrams > seeks {
					t.Errorf("%d of %d datagrams arrived, want about 95 %%", datagrams, seeks)
				}
				sooner += n.byDatagram
				t.Logf("%d of %d changes came first by datagram; on average after %v, the stream's after %v",
					n.byDatagram, n.changes, spent/time.Duration(n.changes), onlyStream/seeks)
			}
		}, "--max-command-rate", "10000", "--max-message-rate", "10000")
	}
	if sooner < 100 {
		t.Errorf("%d timelines came first by datagram, want many", sooner)
	}
}

// While a megabyte of chat history comes over a slow line, play takes as long
// as the line's latency and what waits in the line itself: not the megabyte.
func TestPlayDuringHistory(t *testing.T) {
	const (
		latency = 50 * time.Millisecond
		line    = 60 * time.Millisecond // of packets that wait at the line's end
	)
	slow := &air{latency: latency, rate: 100 << 10, queue: line, seed: 1}
	virtualQUIC(t, slow, func(t *testing.T, w *quicWorld) {
		ann := w.host("Ann")
		for range 10 {
			ann.flood(60)
			time.Sleep(time.Second)
			ann.settle()
		}
		ann.events()
		ben := w.joinQUIC(ann.room, "Ben", office, testclient.WebTransportOptions{})
		w.rest()
		came := ben.record()
		before := uint64(0)
		begin := time.Now()
		for i := range 48 { // without waiting for the answers: it all lies in the gateway
			_ = ben.Send(&protocol.GetHistory{Limit: protocol.MaxHistory, Before: before})
			if i == 0 {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(time.Second)
		var worst, worstEvent time.Duration
		played := 0
		for i := range 8 {
			sent := time.Now()
			var number uint64
			if i%2 == 0 {
				number = ann.do(&protocol.Play{Command: ann.id()})
			} else {
				number = ann.do(&protocol.Pause{Command: ann.id()})
			}
			time.Sleep(800 * time.Millisecond)
			var first, onStream time.Duration
			for _, a := range came() {
				is := a.timeline != nil && a.timeline.Timeline.Number == number
				if m, ok := a.message.(*protocol.Events); ok && m.First <= number && number <= m.Last {
					is, onStream = true, a.at.Sub(sent)
				}
				if is && first == 0 {
					first = a.at.Sub(sent)
				}
			}
			if first == 0 || onStream == 0 {
				t.Fatalf("change %d had not come after 0.8 s: first after %v, on the stream after %v", i, first, onStream)
			}
			played++
			worst, worstEvent = max(worst, first), max(worstEvent, onStream)
		}
		during := time.Now()
		for range 60 { // until all of it is there
			if size, _ := historyBytes(t, came()); size > 1<<20 {
				break
			}
			time.Sleep(500 * time.Millisecond)
		}
		size, last := historyBytes(t, came())
		t.Logf("%d KiB of history took %v; %d changes meanwhile came after %v at most, on the stream after %v",
			size>>10, last.Sub(begin), played, worst, worstEvent)
		if size < 1<<20 {
			t.Errorf("%d bytes of history came, want a megabyte", size)
		}
		if last.Before(during) {
			t.Errorf("the history was there after %v, before the last change", last.Sub(begin))
		}
		if most := latency + line + 30*time.Millisecond; worst > most {
			t.Errorf("play came after %v, want at most %v", worst, most)
		}
		// On the stream it may have to be sent again.
		if most := 4*latency + 2*line + 100*time.Millisecond; worstEvent > most {
			t.Errorf("play came on the stream after %v, want at most %v", worstEvent, most)
		}
	}, "--max-command-rate", "10000", "--max-message-rate", "10000")
}

// A line that is slow but takes what it is sent keeps its session, however long
// a megabyte takes on it.
func TestSlowLineKeepsItsSession(t *testing.T) {
	virtualQUIC(t, &air{latency: 50 * time.Millisecond, rate: 24 << 10, queue: 200 * time.Millisecond}, func(t *testing.T, w *quicWorld) {
		ann := w.host("Ann")
		for range 10 {
			ann.flood(20)
			time.Sleep(time.Second)
			ann.settle()
		}
		ben := w.joinQUIC(ann.room, "Ben", office, testclient.WebTransportOptions{})
		w.rest()
		came := ben.record()
		for range 40 {
			_ = ben.Send(&protocol.GetHistory{Limit: protocol.MaxHistory})
			time.Sleep(10 * time.Millisecond)
		}
		for range 9 {
			time.Sleep(5 * time.Second)
			_ = ben.SendDatagram(protocol.AppendProbe(nil, protocol.Probe{T1: 1}))
			_ = ann.Send(&probe)
		}
		if size, _ := historyBytes(t, came()); size < 800<<10 {
			t.Errorf("%d bytes came", size)
		}
		if n := w.g.counters.Closed(protocol.CloseOverflow); n != 0 {
			t.Errorf("%d sessions were closed", n)
		}
	}, "--max-command-rate", "10000", "--max-message-rate", "10000")
}

// historyBytes is how much history has come, and when the last of it did.
func historyBytes(t *testing.T, all []arrival) (size int, last time.Time) {
	t.Helper()
	for _, a := range all {
		m, ok := a.message.(*protocol.History)
		if !ok {
			continue
		}
		b, err := protocol.Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		size += len(b)
		last = a.at
	}
	return size, last
}
