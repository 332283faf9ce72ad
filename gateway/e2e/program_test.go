package e2e

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/internal/testenv"
	"tandem.watch/tandem/protocol"
)

// ran is how a command of the program ended.
type ran struct {
	code           int
	stdout, stderr string
}

// run runs the program to its end, in an empty folder and environment.
func run(t *testing.T, environ []string, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	readSources()
	cmd := exec.CommandContext(ctx, testenv.Program(t), args...)
	cmd.Dir, cmd.Env = t.TempDir(), append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("tandem %s did not end within %v:\n%s%s", strings.Join(args, " "), patience, &stdout, &stderr)
	case err != nil && !errors.As(err, &exit):
		t.Fatal(err)
	}
	return ran{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

func TestCommands(t *testing.T) {
	for _, test := range []struct {
		name           string
		environ, args  []string
		code           int
		stdout, stderr []string // what they contain; nil means nothing at all
	}{
		{name: "version", args: []string{"version"}, stdout: []string{"tandem "}},
		{name: "help", args: []string{"help"}, stdout: []string{"Usage: tandem", "--http-addr", "TANDEM_DATA_DIR", "default :4001"}},
		{name: "--help", args: []string{"--help"}, stdout: []string{"Usage: tandem", "--http-addr"}},
		{
			name: "config", args: []string{"config", "--room-ttl", "2h"},
			environ: []string{"TANDEM_LOG_LEVEL=warn", "TANDEM_SECRET=a secret of the operator"},
			stdout: []string{
				"http-addr:", ":4001", "# default", "room-ttl:", "2h0m0s", "# flag --room-ttl",
				"log-level:", "# variable TANDEM_LOG_LEVEL", "secret:", "(set)",
			},
		},
		{name: "unknown command", args: []string{"fly"}, code: 2, stderr: []string{`"fly"`, "tandem help"}},
		{name: "unknown flag", args: []string{"--colour", "red"}, code: 1, stderr: []string{"--colour", "tandem help"}},
		{name: "flag without value", args: []string{"--http-addr"}, code: 1, stderr: []string{"--http-addr", "value"}},
		{name: "bad value", args: []string{"--seat-grace", "soon"}, code: 1, stderr: []string{"--seat-grace", `"soon"`, "30s"}},
		{name: "unknown variable", environ: []string{"TANDEM_COLOUR=red"}, args: []string{"serve"}, code: 1, stderr: []string{"TANDEM_COLOUR", "tandem help"}},
		{name: "short secret", args: []string{"--secret", "hunter2"}, code: 1, stderr: []string{"secret", "16"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := run(t, test.environ, test.args...)
			if got.code != test.code {
				t.Errorf("exit code %d, want %d", got.code, test.code)
			}
			checkText(t, "stdout", got.stdout, test.stdout)
			checkText(t, "stderr", got.stderr, test.stderr)
			for _, secret := range []string{"a secret of the operator", "hunter2"} {
				if strings.Contains(got.stdout+got.stderr, secret) {
					t.Error("it shows the secret")
				}
			}
		})
	}
}

func checkText(t *testing.T, what, got string, want []string) {
	t.Helper()
	if want == nil && got != "" {
		t.Errorf("%s: %q, want nothing", what, got)
	}
	for _, part := range want {
		if !strings.Contains(got, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, got)
		}
	}
}

// TestSecondProcess starts a second program on the data of one that runs.
func TestSecondProcess(t *testing.T) {
	first := start(t)
	got := run(t, nil, "--http-addr", "127.0.0.1:0", "--https-addr", "127.0.0.1:0", "--data-dir", filepath.Join(first.Dir(), "data"))
	if got.code != 1 || strings.Contains(got.stdout, "Open") {
		t.Errorf("a second program on the same data: exit code %d, want 1; stdout %q", got.code, got.stdout)
	}
	checkText(t, "stderr", got.stderr, []string{"another process", first.Dir(), "data folder of its own"})
	createRoom(t, first.URL(), "Ann") // the first one does not mind
}

// TestPortTaken starts a program on a port that is taken.
func TestPortTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	addr := listener.Addr().String()
	got := run(t, nil, "--http-addr", addr, "--https-addr", "127.0.0.1:0")
	if got.code != 1 {
		t.Errorf("exit code %d, want 1", got.code)
	}
	checkText(t, "stderr", got.stderr, []string{addr, "in use", "--http-addr"})
}

// TestRestartKeepsRoom stops and kills a program that nobody is connected to,
// in turn: the room, its PIN, its chat and its seats are there each time.
func TestRestartKeepsRoom(t *testing.T) {
	program := start(t)
	room := createRoom(t, program.URL(), "Ann")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	enter := func(h protocol.Hello) (*testclient.Client, *protocol.Welcome) {
		t.Helper()
		c, err := testclient.DialWebSocket(ctx, socketURL(program.URL()), testclient.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		h.Room, h.Name = room.ID, "Ann"
		w, err := c.Join(ctx, h)
		if err != nil {
			t.Fatal(err)
		}
		return c, w
	}
	pin, seat := "1234", &protocol.Resume{Seat: room.Seat}
	c, _ := enter(protocol.Hello{Resume: seat})
	do := func(m protocol.CommandMessage) *protocol.Ack {
		t.Helper()
		if err := c.Send(m); err != nil {
			t.Fatal(err)
		}
		ack, err := testclient.Await(ctx, c, func(a *protocol.Ack) bool { return a.ID == m.CommandID() })
		if err != nil {
			t.Fatal(err)
		}
		return ack
	}
	do(&protocol.ChangeSettings{Command: protocol.Command{ID: 1}, PIN: &pin})
	said := do(&protocol.Say{Command: protocol.Command{ID: 2}, Text: "remember"})

	for i, end := range []func(){program.Stop, program.Kill, program.Stop} {
		c.Close()
		end()
		program.Restart()
		info := getRoom(t, program.URL(), room.ID)
		if !strings.Contains(info, `"pin":true`) || !strings.Contains(info, `"members":1`) {
			t.Errorf("after restart %d the room is %s", i, info)
		}
		var w *protocol.Welcome
		c, w = enter(protocol.Hello{Resume: seat})
		if w.Member != room.Member || w.LastCommand != 2 || w.Room == nil || w.Room.Host != room.Member || !w.Room.Settings.PIN {
			t.Errorf("after restart %d: %+v, %+v", i, w, w.Room)
		}
		if err := c.Send(&protocol.GetHistory{}); err != nil {
			t.Fatal(err)
		}
		history, err := testclient.Await[*protocol.History](ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(history.Lines) != 1 || history.Lines[0].Number != said.Number || history.Lines[0].Text != "remember" {
			t.Errorf("after restart %d the chat is %+v", i, history.Lines)
		}
		if again := do(&protocol.Say{Command: protocol.Command{ID: 2}, Text: "remember"}); again.Number != said.Number {
			t.Errorf("after restart %d the same command is answered %d, was %d", i, again.Number, said.Number)
		}
	}
}

func getRoom(t *testing.T, gateway, id string) string {
	t.Helper()
	response, err := http.Get(gateway + "/v1/rooms/" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return body.String()
}
