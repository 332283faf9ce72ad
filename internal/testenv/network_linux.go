package testenv

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// insideVariable says that this process is in a network of its own.
const insideVariable = "TANDEM_TEST_NETWORK"

// Network is a network that nobody else is in. At first it has a loopback
// device and nothing else.
type Network struct{ t *testing.T }

// OwnNetwork runs the calling test once more, as a process in a network of its
// own, with all that it starts. There it returns the network; to the test that
// called first it returns nil, when the other is over:
//
//	network := testenv.OwnNetwork(t)
//	if network == nil {
//		return
//	}
//
// Linux only. Who is not root needs a kernel that gives users namespaces.
func OwnNetwork(t *testing.T) *Network {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		n := &Network{t}
		n.ip("link", "set", "lo", "up")
		return n
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.paniconexit0"}
	for _, name := range []string{"test.artifacts", "test.outputdir"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != f.DefValue {
			args = append(args, "-"+name+"="+f.Value.String())
		}
	}
	if deadline, ok := t.Deadline(); ok {
		// It is to name what hangs before this process is ended for waiting.
		args = append(args, "-test.timeout="+max(time.Second, time.Until(deadline)-5*time.Second).String())
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), insideVariable+"=1", builtVariable+"="+Program(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	output, err := cmd.CombinedOutput()
	t.Logf("in a network of its own:\n%s", output)
	if err != nil {
		t.Errorf("in a network of its own: %v (as root it needs nothing; otherwise a kernel that lets users make namespaces)", err)
	}
	return nil
}

// AddAddress gives the loopback device one more address, such as "192.0.2.1/24".
func (n *Network) AddAddress(address string) {
	n.t.Helper()
	n.ip("address", "add", address, "dev", "lo")
}

// dropUDP is the rule for it, for nft.
const dropUDP = `table inet tandem {
	chain input {
		type filter hook input priority 0
		meta l4proto udp drop
	}
}
`

// DropUDP drops all UDP on its way in, so that no sender is told.
func (n *Network) DropUDP() {
	n.t.Helper()
	n.run("nft", dropUDP, "-f", "-")
}

// PassUDP lets UDP through again.
func (n *Network) PassUDP() {
	n.t.Helper()
	n.run("nft", "", "delete", "table", "inet", "tandem")
}

func (n *Network) ip(args ...string) {
	n.t.Helper()
	n.run("ip", "", args...)
}

func (n *Network) run(tool, input string, args ...string) {
	n.t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		path = filepath.Join("/usr/sbin", tool) // not on everybody's PATH
	}
	cmd := exec.CommandContext(n.t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(input)
	if output, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v (`make setup` installs it)\n%s", tool, strings.Join(args, " "), err, output)
	}
}
