//go:build linux

package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// process is a server under measurement, pinned to the machine's first core if
// there is another one for the load.
type process struct {
	b    *testing.B
	cmd  *exec.Cmd
	addr string
}

// buildServer builds a package into the benchmark's directory.
func buildServer(b *testing.B, pkg string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, pkg).CombinedOutput(); err != nil {
		b.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// startProcess starts a server that says "Open http://…" when it listens.
func startProcess(b *testing.B, path string, args ...string) *process {
	b.Helper()
	p := &process{b: b, cmd: exec.Command(path, args...)}
	p.cmd.Dir = b.TempDir()
	p.cmd.Env = []string{"HOME=" + p.cmd.Dir, "PATH=" + os.Getenv("PATH")}
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	runtime.LockOSThread() // what a thread starts runs where the thread may
	if runtime.NumCPU() > 1 {
		setAffinity(b, 0, 1<<0)
		defer setAffinity(b, 0, 1<<1)
	}
	err = p.cmd.Start()
	runtime.UnlockOSThread()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.stop)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatalf("%s: %v", path, err)
	}
	_, text, _ := strings.Cut(strings.TrimSpace(line), "Open ")
	u, err := url.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	p.addr = u.Host
	go io.Copy(io.Discard, stdout) // ends with the process
	return p
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// cpu is the time that the process has run, over all of its threads.
func (p *process) cpu() time.Duration {
	// The process's clock: clock_getcpuclockid(3).
	clock := uintptr(^p.cmd.Process.Pid<<3 | 2)
	var t syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		p.b.Fatal("clock_gettime: ", errno)
	}
	return time.Duration(t.Nano())
}

// resident is the memory of the process, in bytes.
func (p *process) resident() int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), "VmRSS:")
	kB, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		p.b.Fatal(err)
	}
	return kB << 10
}

// pinLoad keeps this process on the second core while the benchmark runs.
func pinLoad(b *testing.B) {
	b.Helper()
	if runtime.NumCPU() < 2 {
		return
	}
	before := runtime.GOMAXPROCS(1)
	everyThread(b, 1<<1)
	b.Cleanup(func() {
		everyThread(b, 1<<runtime.NumCPU()-1)
		runtime.GOMAXPROCS(before)
	})
}

func everyThread(b *testing.B, cpus uint64) {
	b.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range tasks {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			setAffinity(b, id, cpus)
		}
	}
}

// setAffinity says on which cores a thread runs; 0 is this one.
func setAffinity(b *testing.B, thread int, cpus uint64) {
	b.Helper()
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(thread), unsafe.Sizeof(cpus), uintptr(unsafe.Pointer(&cpus)))
	if errno != 0 && errno != syscall.ESRCH {
		b.Fatal("sched_setaffinity: ", errno)
	}
}
