//go:build linux

package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

// BenchmarkWebTransport measures what sessions over WebTransport cost a gateway
// of its own: memory while they are idle, and CPU for each message delivered,
// in rooms of at most 100. Sessions over WebSocket, by the same client, stand
// beside them.
func BenchmarkWebTransport(b *testing.B) {
	for _, sessions := range []int{100, 1000, 3000} {
		for _, transport := range []string{"webtransport", "websocket"} {
			b.Run(fmt.Sprintf("%d/%s", sessions, transport), func(b *testing.B) { benchSessions(b, transport, sessions) })
		}
	}
}

func benchSessions(b *testing.B, transport string, sessions int) {
	const roomSize = 100
	p := startProcess(b, buildServer(b, "tandem.watch/tandem"), append([]string{"--max-sessions-per-ip=100000"}, benchFlags...)...)
	pinLoad(b)
	url := benchEndpoint(b, p.addr, transport)
	c := &benchClients{b: b, transport: transport, url: url}
	c.join(benchRoom(b, p.addr), 1) // what the first session costs is not the others'
	before := p.resident()
	for n := 0; n < sessions; n += roomSize {
		c.join(benchRoom(b, p.addr), min(roomSize, sessions-n))
	}
	time.Sleep(3 * time.Second) // the joins' garbage
	resident := p.resident() - before

	members := len(c.clients) - 1
	cpu := p.cpu()
	for b.Loop() {
		want := c.seen.Load() + int64(members)
		for _, first := range c.firsts[1:] {
			if err := first.Send(&protocol.React{Reaction: "🎉"}); err != nil {
				b.Fatal(err)
			}
		}
		for end := time.Now().Add(10 * time.Second); c.seen.Load() < want; {
			if time.Now().After(end) {
				b.Fatalf("%d of %d messages were lost", want-c.seen.Load(), members)
			}
			time.Sleep(50 * time.Microsecond)
		}
	}
	b.ReportMetric(float64(resident)/float64(sessions)/1e3, "kB/session")
	b.ReportMetric(float64((p.cpu()-cpu).Microseconds())/float64(b.N)/float64(members), "CPU-µs/delivery")
	c.close()
}

// benchClients are the sessions of one run. They drop what they receive.
type benchClients struct {
	b              *testing.B
	transport, url string
	clients        []*testclient.Client
	firsts         []*testclient.Client // one of each room
	seen           atomic.Int64
	drains         sync.WaitGroup
}

func (c *benchClients) join(room string, n int) {
	ctx, cancel := context.WithTimeout(c.b.Context(), time.Minute)
	defer cancel()
	for i := range n {
		client, err := c.dial(ctx)
		if err != nil {
			c.b.Fatal(err)
		}
		if _, err := client.Join(ctx, protocol.Hello{Room: room, Name: fmt.Sprint("m", i)}); err != nil {
			c.b.Fatal(err)
		}
		c.drains.Go(func() {
			for m := range client.Incoming() {
				if _, ok := m.(*protocol.Reaction); ok {
					c.seen.Add(1)
				}
			}
		})
		c.clients = append(c.clients, client)
		if i == 0 {
			c.firsts = append(c.firsts, client)
		}
	}
}

func (c *benchClients) dial(ctx context.Context) (*testclient.Client, error) {
	if c.transport == "websocket" {
		return testclient.DialWebSocket(ctx, c.url, testclient.Options{Queue: 16})
	}
	return testclient.DialWebTransport(ctx, c.url, testclient.WebTransportOptions{Queue: 16})
}

func (c *benchClients) close() {
	for _, client := range c.clients {
		client.Close()
	}
	c.drains.Wait()
}

func benchRoom(b *testing.B, addr string) string {
	b.Helper()
	response, err := http.Post("http://"+addr+"/v1/rooms", "application/json", bytes.NewReader([]byte(`{"name":"host"}`)))
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	var made struct{ ID string }
	if err := json.NewDecoder(response.Body).Decode(&made); err != nil || made.ID == "" {
		b.Fatalf("no room: %s, %v", response.Status, err)
	}
	return made.ID
}

func benchEndpoint(b *testing.B, addr, transport string) string {
	b.Helper()
	response, err := http.Get("http://" + addr + "/v1/endpoints")
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	var list struct{ Endpoints []protocol.Endpoint }
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		b.Fatal(err)
	}
	for _, e := range list.Endpoints {
		if e.Transport == transport {
			return e.URL
		}
	}
	b.Fatalf("no endpoint for %s in %+v", transport, list)
	return ""
}
