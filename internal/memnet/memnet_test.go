package memnet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestBytesArriveInOrder(t *testing.T) {
	for name, o := range map[string]Options{
		"fast": {}, "small buffer": {Buffer: 3}, "far": {Latency: 40 * time.Millisecond}, "both": {Buffer: 5, Latency: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := Pipe(o, nil, nil)
				sent := bytes.Repeat([]byte("0123456789"), 500)
				go func() {
					for b := sent; len(b) > 0; b = b[min(7, len(b)):] {
						if n, err := near.Write(b[:min(7, len(b))]); err != nil {
							t.Errorf("wrote %d: %v", n, err)
						}
					}
					_ = near.Close()
				}()
				got, err := io.ReadAll(far)
				if err != nil || !bytes.Equal(got, sent) {
					t.Fatalf("read %d bytes, %v; want %d", len(got), err, len(sent))
				}
				if _, err := far.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
					t.Errorf("writing to a closed end: %v", err)
				}
			})
		})
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := Pipe(Options{Latency: 30 * time.Millisecond}, nil, nil)
		begin := time.Now()
		_, _ = near.Write([]byte("a"))
		time.Sleep(10 * time.Millisecond)
		_, _ = near.Write([]byte("b"))
		for _, want := range []time.Duration{30 * time.Millisecond, 40 * time.Millisecond} {
			var b [8]byte
			n, err := far.Read(b[:])
			if n != 1 || err != nil || time.Since(begin) != want {
				t.Errorf("read %d bytes after %v, %v; want 1 after %v", n, time.Since(begin), err, want)
			}
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := Pipe(Options{Buffer: 4}, nil, nil)
		begin := time.Now()
		_ = near.SetDeadline(begin.Add(time.Second))
		var timeout net.Error
		if _, err := near.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(begin) != time.Second {
			t.Errorf("read: %v after %v", err, time.Since(begin))
		}
		_ = near.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := near.Write([]byte("123456")); n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 2*time.Second {
			t.Errorf("wrote %d: %v after %v", n, err, time.Since(begin))
		}
		// A deadline that is set while somebody waits holds for them.
		go func() { _ = far.SetReadDeadline(time.Now().Add(-time.Second)) }()
		_, _ = io.ReadFull(far, make([]byte, 5))
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestVanish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := Pipe(Options{Buffer: 4}, nil, nil)
		near.Vanish()
		_, _ = near.Write([]byte("lost"))
		_ = near.Close()
		_ = far.SetDeadline(time.Now().Add(time.Minute))
		if n, err := far.Read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d bytes, %v", n, err)
		}
	})
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen(Options{})
		c, err := l.Dial(t.Context(), "198.51.100.7")
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil || s.RemoteAddr().String() != c.LocalAddr().String() {
			t.Fatalf("accepted %v, %v; dialled from %v", s.RemoteAddr(), err, c.LocalAddr())
		}
		waiting, err := l.Dial(t.Context(), "198.51.100.7")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("who waited reads %v", err)
		}
		if _, err := l.Dial(t.Context(), "198.51.100.7"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dialled a closed listener: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accepted from a closed listener: %v", err)
		}
	})
}
