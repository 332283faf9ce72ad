package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem.watch/tandem/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// start starts the program.
func start(t *testing.T, args ...string) *testenv.Process {
	t.Helper()
	readSources()
	return testenv.StartProgram(t, args...)
}

// readSources looks into the folders that the program is built from. The tests
// run it without importing it, and go test reuses an earlier result unless
// something has changed that a test has imported or looked at.
var readSources = sync.OnceFunc(func() {
	const root = "../.."
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "data"):
			return fs.SkipDir
		default:
			return nil
		}
	})
})

// patience bounds the wait for anything that is to happen: far longer than it
// takes, for machines that are busy with something else.
const patience = 45 * time.Second

// eventually asks again and again until check has nothing to say, and fails
// the test with its last word.
func eventually(t *testing.T, what string, check func() (missing string)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		missing := check()
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %s", what, patience, missing)
		}
		<-tick.C
	}
}

// made is the answer to POST /v1/rooms.
type made struct{ ID, URL, Member, Seat string }

func createRoom(t *testing.T, gateway, name string) made {
	t.Helper()
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, gateway+"/v1/rooms", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var room made
	if err := json.NewDecoder(response.Body).Decode(&room); err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("POST /v1/rooms: %s, %v", response.Status, err)
	}
	return room
}

// socketURL is where a gateway serves protocol version 1.
func socketURL(gateway string) string { return "ws" + strings.TrimPrefix(gateway, "http") + "/v1/ws" }
