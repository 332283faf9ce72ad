// Fake stands in for the tandem program in the tests of testenv.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	addr := flag.String("http-addr", "", "where to listen")
	flag.String("https-addr", "", "is ignored")
	stubborn := flag.Bool("stubborn", false, "exit with an error on SIGTERM")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	asked := 0
	http.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	fmt.Printf("fake\nOpen http://%s/\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) || *stubborn {
		os.Exit(1)
	}
	fmt.Println("clean stop")
}
