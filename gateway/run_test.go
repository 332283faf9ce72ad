package gateway

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name           string
		args, env      []string
		code           int
		stdout, stderr string
	}{
		{"version", []string{"version"}, nil, 0, "tandem ", ""},
		{"help", []string{"help"}, nil, 0, "--http-addr, TANDEM_HTTP_ADDR", ""},
		{"--help", []string{"--help"}, nil, 0, "Usage:", ""},
		{"config", []string{"config", "--secret", "swordfish swordfish"}, []string{"TANDEM_NODE_ID=n7"}, 0, "n7 ", ""},
		{"an unknown command", []string{"dance"}, nil, 2, "", `"dance"`},
		{"an unknown flag", []string{"--dance", "x"}, nil, 1, "", "no such option"},
		{"a wrong variable", []string{"config"}, []string{"TANDEM_DANCE=1"}, 1, "", "TANDEM_DANCE"},
		{"Redis without a secret", []string{"--redis-url", "redis://:swordfish@127.0.0.1:1"}, nil, 1, "", "openssl rand"},
		{"Redis that is away", []string{"--redis-url", "redis://:swordfish@127.0.0.1:1", "--secret", "swordfish swordfish"}, nil, 1, "", "is it running"},
		{"Redis of the old server's variables", nil, []string{"REDIS_HOST=127.0.0.1", "REDIS_PORT=1", "REDIS_PASSWORD=swordfish/@:", "TANDEM_SECRET=swordfish swordfish"}, 1, "", "127.0.0.1:1"},
		{"a wrong address of Redis", []string{"config", "--redis-url", "redis://:swordfish@a:1,b:2"}, nil, 1, "", "redis-sentinel://"},
		{"an address that is not there", []string{"--data-dir", t.TempDir(), "--http-addr", "192.0.2.1:1"}, nil, 1, "", "--http-addr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := Run(c.args, c.env, &stdout, &stderr); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) || c.stderr == "" && stderr.Len() > 0 {
				t.Errorf("stdout:\n%s\nstderr:\n%s", stdout.String(), stderr.String())
			}
			if strings.Contains(stdout.String()+stderr.String(), "swordfish") {
				t.Error("the secret is told")
			}
		})
	}
}

// What Kubernetes puts into the environment is ignored, and said.
func TestRunWarns(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := []string{"--data-dir", t.TempDir(), "--http-addr", "192.0.2.1:1", "--log-format", "json"}
	Run(args, []string{"PORT=tcp://10.0.0.3:80"}, &stdout, &stderr)
	if !strings.Contains(stderr.String(), `"level":"WARN"`) || !strings.Contains(stderr.String(), "variable PORT is ignored") {
		t.Errorf("stderr:\n%s", stderr.String())
	}
}
