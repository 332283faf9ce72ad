// Command plain is what the gateway's fan-out is measured beside: a server
// that does nothing but broadcast. Each path is a room, each member has a
// goroutine that writes, and each message is one WriteMessage for each member.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

type room struct {
	mu      sync.Mutex
	members map[chan []byte]struct{}
}

func (r *room) broadcast(data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for m := range r.members {
		select {
		case m <- data:
		default: // it does not read
		}
	}
}

var (
	mu       sync.Mutex
	rooms    = map[string]*room{}
	upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024, CheckOrigin: func(*http.Request) bool { return true }}
)

func enter(name string, queue chan []byte) *room {
	mu.Lock()
	r := rooms[name]
	if r == nil {
		r = &room{members: map[chan []byte]struct{}{}}
		rooms[name] = r
	}
	mu.Unlock()
	r.mu.Lock()
	r.members[queue] = struct{}{}
	r.mu.Unlock()
	return r
}

func serve(w http.ResponseWriter, req *http.Request) {
	conn, err := upgrader.Upgrade(w, req, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	queue := make(chan []byte, 64)
	r := enter(req.URL.Path, queue)
	go func() {
		for data := range queue {
			if conn.WriteMessage(websocket.TextMessage, data) != nil {
				return
			}
		}
	}()
	for {
		_, data, err := conn.ReadMessage()
		if err != nil {
			break
		}
		r.broadcast(data)
	}
	r.mu.Lock()
	delete(r.members, queue)
	r.mu.Unlock()
	close(queue)
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("Open http://%s/\n", listener.Addr())
	server := http.Server{Handler: http.HandlerFunc(serve), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintln(os.Stderr, server.Serve(listener))
}
