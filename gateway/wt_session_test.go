package gateway

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"

	v1 "tandem.watch/tandem/gateway/v1"
	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

const near = 20 * time.Millisecond // one way

func quick() *air { return &air{latency: near} }

// A clock's answer comes as a datagram, one round trip later.
func TestClockByDatagram(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		w.rest()
		came := ann.record()
		before, begin := w.g.clock.Now(), time.Now()
		if err := ann.SendDatagram(protocol.AppendProbe(nil, protocol.Probe{T1: 42})); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		got := came()
		if len(got) != 1 {
			t.Fatalf("%d messages came, want one: %+v", len(got), got)
		}
		if took := got[0].at.Sub(begin); took < 2*near || took > 2*near+time.Millisecond {
			t.Errorf("the answer took %v, want a round trip of %v", took, 2*near)
		}
		c, ok := got[0].message.(*protocol.Clock)
		if !ok || c.T1 != 42 || c.T2 < before+near.Microseconds() || c.T3 < c.T2 || c.T3 > before+2*near.Microseconds() {
			t.Errorf("%+v, want the time in the middle of the way from %d", got[0].message, before)
		}
	})
}

// A probe on the stream is answered by datagram as well.
func TestClockOnStream(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		ann.silent = true // keeps clocks
		_ = ann.Send(&protocol.Probe{T1: 7})
		w.rest()
		if c := only[*protocol.Clock](ann); c.T1 != 7 {
			t.Errorf("%+v", c)
		}
	})
}

// A seat moves between the transports; nothing is missed or repeated, which
// every peer checks in all that it reads.
func TestResumeAcrossTransports(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		ben := w.joinQUIC(ann.room, "Ben", office, testclient.WebTransportOptions{})
		w.rest()
		ben.events()
		ann.say("one")
		w.rest()
		ben.saw("chat Ann one")
		w.sockets[ben].vanish() // UDP is dropped from here on
		ben.silent = true
		ann.say("two")
		onWebSocket := ben.resume()
		ann.say("three")
		w.rest()
		onWebSocket.saw("chat Ann two", "chat Ann three")
		back := w.dialQUIC(office, testclient.WebTransportOptions{})
		back.resumeAs(onWebSocket)
		onWebSocket.wantClosed(protocol.CloseReplaced)
		ann.say("four")
		w.rest()
		back.saw("chat Ann four")
		ann.saw("joined Ben", "chat Ann one", "chat Ann two", "chat Ann three", "chat Ann four")
	})
}

func TestTakeoverQUIC(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		w.rest()
		other := w.dialQUIC(cafe, testclient.WebTransportOptions{})
		other.resumeAs(ann)
		w.rest()
		ann.wantClosed(protocol.CloseReplaced)
		other.say("here")
		if n := w.g.counters.Closed(protocol.CloseReplaced); n != 1 {
			t.Errorf("%d sessions counted as replaced, want 1", n)
		}
	})
}

func TestSilenceQUIC(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		ben := w.joinQUIC(ann.room, "Ben", office, testclient.WebTransportOptions{})
		ann.settle()
		for range 12 { // Ann's datagrams are signs of life, Ben says nothing
			time.Sleep(10 * time.Second)
			if err := ann.SendDatagram(protocol.AppendProbe(nil, protocol.Probe{T1: 1})); err != nil {
				t.Fatalf("after silence on the stream: %v", err)
			}
		}
		ben.wantClosed(protocol.CloseSilent)
		ann.say("still here")
		if n := w.g.counters.Closed(protocol.CloseSilent); n != 1 {
			t.Errorf("%d sessions counted as silent, want 1", n)
		}
	})
}

func TestSilenceQUICTime(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		begin := time.Now()
		came := ann.record()
		time.Sleep(time.Minute)
		for _, a := range came() {
			if b, ok := a.message.(*protocol.Bye); ok {
				if took := a.at.Sub(begin); b.Code != protocol.CloseSilent || took < 40*time.Second-2*near || took > 40*time.Second+2*near {
					t.Errorf("%+v after %v", b, took)
				}
				return
			}
		}
		t.Error("no bye came")
	})
}

// Who never says hello is closed after 10 s, however it goes about it.
func TestNoHelloQUIC(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		begin := time.Now()
		noStream := w.dialQUIC(home, testclient.WebTransportOptions{}) // a stream is not seen until something is sent on it
		dribble := w.dialQUIC(office, testclient.WebTransportOptions{})
		rubbish := w.dialQUIC(cafe, testclient.WebTransportOptions{})
		for i := range 60 {
			_, _ = dribble.Stream().Write([]byte{0, 0, 0, 100}[min(i, 3):][:1])
			_ = rubbish.SendDatagram([]byte{1})
			_ = rubbish.SendDatagram(nil)
			time.Sleep(200 * time.Millisecond)
		}
		dribble.settle()
		if b := only[*protocol.Bye](dribble); b.Code != protocol.CloseHelloTimeout {
			t.Errorf("%+v", b)
		}
		time.Sleep(3 * time.Second)
		for _, c := range []*peer{noStream, dribble, rubbish} {
			if c.settle(); !c.over || c.CloseCode() != protocol.CloseHelloTimeout {
				t.Errorf("closed: %v, with %d, want %d", c.over, c.CloseCode(), protocol.CloseHelloTimeout)
			}
		}
		if took := time.Since(begin); took > 16*time.Second {
			t.Errorf("it took %v", took)
		}
		if n := w.g.counters.Closed(protocol.CloseHelloTimeout); n != 3 {
			t.Errorf("%d sessions counted, want 3", n)
		}
	})
}

// A message that never ends is no sign of life: neither its bytes on the
// stream before the end, nor a length that promises too much.
func TestEndlessMessage(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.host("Ann")
		dribble := w.joinQUIC(ann.room, "Ben", office, testclient.WebTransportOptions{})
		huge := w.joinQUIC(ann.room, "Cem", cafe, testclient.WebTransportOptions{})
		if _, err := huge.Stream().Write(binary.BigEndian.AppendUint32(nil, 0xFFFFFFFF)); err != nil {
			t.Fatal(err)
		}
		w.rest()
		huge.wantClosed(protocol.CloseTooLarge)
		_, _ = dribble.Stream().Write(binary.BigEndian.AppendUint32(nil, protocol.MaxMessage))
		begin := time.Now()
		for !dribble.over && time.Since(begin) < time.Minute {
			_, _ = dribble.Stream().Write([]byte{' '})
			time.Sleep(time.Second)
			dribble.settle()
			_ = ann.Send(&probe)
		}
		dribble.wantClosed(protocol.CloseSilent)
		if took := time.Since(begin); took > 45*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// At a stop each session is told in band, and ends when the client has had time
// to close by itself.
func TestShutdownQUIC(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		w.rest()
		came := ann.record()
		begin := time.Now()
		w.stop()
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("the stop took %v", took)
		}
		var bye *protocol.Bye
		for _, a := range came() {
			if b, ok := a.message.(*protocol.Bye); ok {
				bye = b
				if took := a.at.Sub(begin); took > near+time.Millisecond {
					t.Errorf("the bye came after %v", took)
				}
			}
		}
		if bye == nil || bye.Code != protocol.CloseRestart {
			t.Errorf("the bye is %+v", bye)
		}
		if _, err := w.tryDialQUIC(home, testclient.WebTransportOptions{}); err == nil {
			t.Error("a stopped gateway takes sessions")
		}
	})
}

// A client that closes when it reads the bye, as the SDK does, holds nothing up.
func TestShutdownQUICPrompt(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		w.rest()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if _, err := testclient.Await[*protocol.Bye](ctx, ann.Client, nil); err == nil {
				// As browsers do; Close drops what is still to be sent.
				_ = ann.Session().CloseWithError(0, "")
			}
		}()
		synctest.Wait()
		begin := time.Now()
		w.stop()
		if took := time.Since(begin); took > 10*near {
			t.Errorf("the stop took %v", took)
		}
	})
}

// Rubbish in datagrams is not answered, and closes the session in the end.
func TestRubbishDatagrams(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		eve := w.joinQUIC(ann.room, "Eve", cafe, testclient.WebTransportOptions{})
		random := make([]byte, 1100)
		_, _ = rand.Read(random)
		// Over a network of this size the library refuses 1,200 bytes; over sockets it sends them.
		for i := range 120 {
			_ = eve.SendDatagram(random[:[]int{0, 1, 1100}[i%3]])
			time.Sleep(time.Millisecond)
		}
		w.rest()
		eve.wantClosed(protocol.CloseProtocol)
		if n := w.g.counters.Refused(v1.RefusedDatagram); n < 50 {
			t.Errorf("%d datagrams counted as refused", n)
		}
		ann.say("unmoved")
	})
}

// A flood of good probes is a flood too.
func TestProbeFlood(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		ann := w.hostQUIC("Ann")
		eve := w.joinQUIC(ann.room, "Eve", cafe, testclient.WebTransportOptions{})
		for i := range 1000 {
			_ = eve.SendDatagram(protocol.AppendProbe(nil, protocol.Probe{T1: int64(i)}))
			time.Sleep(time.Millisecond)
		}
		w.rest()
		eve.wantClosed(protocol.CloseRateLimited)
		ann.say("unmoved")
	})
}

func TestOriginQUIC(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		_, err := w.tryDialQUIC(home, testclient.WebTransportOptions{Header: http.Header{"Origin": {"https://evil.example"}}})
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("a page of another site: %v, want 403", err)
		}
		if n := w.g.counters.Refused(v1.RefusedOrigin); n != 1 {
			t.Errorf("%d counted, want 1", n)
		}
		w.dialQUIC(home, testclient.WebTransportOptions{Header: http.Header{"Origin": {"https://tandem.test"}}})
	})
}

// A connection without a session is not held for ever, though both ends are
// there: keep-alive is for sessions.
func TestIdleConnectionIsClosed(t *testing.T) {
	virtualQUIC(t, quick(), func(t *testing.T, w *quicWorld) {
		transport := &quic.Transport{Conn: w.air.socket(cafe)}
		defer transport.Close()
		c, err := transport.Dial(t.Context(), w.server.LocalAddr(), believing, &quic.Config{KeepAlivePeriod: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ann := w.hostQUIC("Ann")
		begin := time.Now()
		w.pass(50 * time.Second)
		if c.Context().Err() != nil {
			t.Error("it was closed early")
		}
		w.pass(5 * time.Minute)
		if c.Context().Err() == nil {
			t.Errorf("it is still open after %v", time.Since(begin))
		}
		ann.say("still here")
	})
}
