package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programPackage is what [Program] builds.
const programPackage = "tandem.watch/tandem"

// builds are the programs that this test process has built, in a directory
// that [Main] makes and removes.
var builds struct {
	mu   sync.Mutex
	dir  string
	done map[string]func() (string, error)
}

// Main runs a package's tests. A package that starts the program calls it:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M) {
	os.Exit(runMain(m))
}

func runMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tandem-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	builds.dir, builds.done = dir, map[string]func() (string, error){}
	return m.Run()
}

// builtVariable names a program that is built already: that of the test which
// started this process (see [OwnNetwork]).
const builtVariable = "TANDEM_TEST_PROGRAM"

// Program builds the tandem program once per test process, with the race
// detector if the tests have it, and returns its path.
func Program(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(builtVariable); path != "" {
		return path
	}
	return build(t, programPackage)
}

func build(t testing.TB, pkg string) string {
	t.Helper()
	if builds.dir == "" {
		t.Fatal("testenv: this package needs: func TestMain(m *testing.M) { testenv.Main(m) }")
	}
	builds.mu.Lock()
	once := builds.done[pkg]
	if once == nil {
		once = sync.OnceValues(func() (string, error) { return goBuild(pkg) })
		builds.done[pkg] = once
	}
	builds.mu.Unlock()
	path, err := once()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func goBuild(pkg string) (string, error) {
	path := filepath.Join(builds.dir, filepath.Base(pkg))
	// -buildvcs=false: a test must not depend on the state of a checkout.
	args := []string{"build", "-buildvcs=false", "-o", path}
	if raceEnabled {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, pkg)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}
