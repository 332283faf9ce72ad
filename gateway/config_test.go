package gateway

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// write makes a file and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, args, environ []string) *Config {
	t.Helper()
	c, err := LoadConfig(args, environ)
	if err != nil {
		t.Fatalf("%v, %v: %v", args, environ, err)
	}
	return c
}

func TestConfigDefaults(t *testing.T) {
	c := load(t, nil, []string{"HOME=/nowhere", "PATH=/bin", "TANDEM=x"})
	if c.HTTPAddr != ":4001" || c.DataDir != "data" || c.NodeID == "" || c.PublicURL != nil || c.AllowedOrigins != nil || c.TrustedProxies != nil ||
		c.LogLevel != slog.LevelInfo || c.LogFormat != "text" || c.Secrets != nil || c.DrainTimeout != 10*time.Second || c.SeatGrace != 30*time.Second ||
		c.RoomTTL != 24*time.Hour || c.MaxMembers != 300 || c.MaxSessions != 20_000 || c.MessagesPerSecond != 60 || len(c.Warnings) != 0 {
		t.Errorf("the defaults are %+v", c)
	}
}

// Flags over the environment over the old server's variables over the file
// over defaults.
func TestConfigPrecedence(t *testing.T) {
	file := write(t, "tandem.yaml", "http-addr: \":1\"\nlog-level: error\nnode-id: file\nroom-ttl: 5h\nallowed-origins: [https://a.example, https://b.example]\n")
	args := []string{"--config", file}
	env := []string{}
	check := func(addr, source string) {
		t.Helper()
		c := load(t, args, env)
		if c.HTTPAddr != addr || !strings.HasPrefix(c.sources["http-addr"], source) {
			t.Errorf("the address is %s, from %s; want %s, from %s", c.HTTPAddr, c.sources["http-addr"], addr, source)
		}
		if c.RoomTTL != 5*time.Hour || len(c.AllowedOrigins) != 2 {
			t.Errorf("of the file: %v, %v", c.RoomTTL, c.AllowedOrigins)
		}
	}
	check(":1", "file ")
	env = append(env, "PORT=2")
	check(":2", "variable PORT")
	env = append(env, "HOST=::1")
	check("[::1]:2", "variable HOST")
	env = append(env, "TANDEM_HTTP_ADDR=:3")
	check(":3", "variable TANDEM_HTTP_ADDR")
	args = append(args, "--http-addr=:4")
	check(":4", "flag ")

	c := load(t, nil, []string{"TANDEM_CONFIG=" + file, "NODE_ID=legacy", "LOG_LEVEL=debug", "HOST=192.0.2.1"})
	if c.NodeID != "legacy" || c.LogLevel != slog.LevelDebug || c.HTTPAddr != "192.0.2.1:4001" {
		t.Errorf("of the old server's variables: %+v", c)
	}
	c = load(t, []string{"-allowed-origins", "https://c.example", "--allowed-origins=https://d.example"}, []string{"TANDEM_ALLOWED_ORIGINS=https://e.example"})
	if diff := cmp.Diff([]string{"https://c.example", "https://d.example"}, c.AllowedOrigins); diff != "" {
		t.Errorf("a repeated flag (-want +got):\n%s", diff)
	}
}

// An error names the cause and what would be right.
func TestConfigErrors(t *testing.T) {
	secret := "swordfish swordfish"
	for _, c := range []struct {
		name      string
		args, env []string
		want      []string
	}{
		{"an unknown flag", []string{"--colour", "red"}, nil, []string{"--colour", "no such option", "tandem help"}},
		{"no flag", []string{"serve", "x"}, nil, []string{`"serve"`, "no flag"}},
		{"no value", []string{"--http-addr"}, nil, []string{"--http-addr", "needs a value"}},
		{"an unknown variable", nil, []string{"TANDEM_COLOUR=red"}, []string{"TANDEM_COLOUR", "no such option"}},
		{"an unknown key", []string{"--config", write(t, "c.yaml", "colour: red\n")}, nil, []string{"c.yaml", "no such option"}},
		{"a nested key", []string{"--config", write(t, "c.yaml", "http-addr: {port: 1}\n")}, nil, []string{"c.yaml", "http-addr", "a value or a list"}},
		{"no YAML", []string{"--config", write(t, "c.yaml", ":\n\t- {")}, nil, []string{"c.yaml"}},
		{"no such file", []string{"--config", "/nowhere/c.yaml"}, nil, []string{"/nowhere/c.yaml", "no such file"}},
		{"an address", nil, []string{"TANDEM_HTTP_ADDR=4001"}, []string{"TANDEM_HTTP_ADDR", `"4001"`, ":port"}},
		{"a port", nil, []string{"PORT=80:81"}, []string{"PORT", ":port"}},
		{"a duration", []string{"--seat-grace", "30"}, nil, []string{"--seat-grace", `"30"`, "30s"}},
		{"a duration below zero", []string{"--seat-grace", "-1s"}, nil, []string{"--seat-grace", "30s"}},
		{"a number", []string{"--max-members", "many"}, nil, []string{"--max-members", `"many"`, "whole number"}},
		{"zero", []string{"--max-members", "0"}, nil, []string{"at least 1"}},
		{"a rate", []string{"--max-message-rate", "NaN"}, nil, []string{"--max-message-rate", "1 to 1000000"}},
		{"a level", []string{"--log-level", "loud"}, nil, []string{"debug, info, warn or error"}},
		{"a format", []string{"--log-format", "xml"}, nil, []string{"text or json"}},
		{"a URL", []string{"--public-url", "watch.example"}, nil, []string{"https://watch.example"}},
		{"an origin", []string{"--allowed-origins", "site.example"}, nil, []string{`"site.example"`, "https://site.example"}},
		{"an origin with a path", []string{"--allowed-origins", "https://site.example/"}, nil, []string{"an origin such as"}},
		{"a proxy", []string{"--trusted-proxies", "10.0.0.0/8,proxy"}, nil, []string{`"proxy"`, "10.0.0.0/8"}},
		{"a short secret", []string{"--secret", "swordfish"}, nil, []string{"--secret", "at least 16"}},
		{"a short old secret", nil, []string{"TANDEM_SECRET=" + secret + ",swordfish"}, []string{"TANDEM_SECRET", "at least 16"}},
		{"a secret file that is not there", nil, []string{"TANDEM_SECRET_FILE=/nowhere/secret"}, []string{"TANDEM_SECRET_FILE", "/nowhere/secret"}},
		{"TURN without a secret", []string{"--turn-urls", "turn:turn.example"}, nil, []string{"turn-urls", "turn-secret", "static-auth-secret"}},
		{"a secret of no TURN", []string{"--turn-secret", secret}, nil, []string{"turn-secret", "turn-urls", "turn:turn.example:3478"}},
		{"a STUN server with slashes", []string{"--stun-urls", "stun://stun.example"}, nil, []string{"--stun-urls", `"stun://stun.example"`, "stun:stun.example:3478"}},
		{"a TURN server for STUN", nil, []string{"TANDEM_STUN_URLS=turn:turn.example"}, []string{"TANDEM_STUN_URLS", "stun:stun.example:3478"}},
		{"a TURN server over SCTP", []string{"--turn-urls", "turn:turn.example?transport=sctp"}, nil, []string{"--turn-urls", "transport=tcp"}},
		{"many STUN servers", []string{"--stun-urls", strings.Repeat("stun:stun.example,", 9)}, nil, []string{"--stun-urls", "9", "8 are the most"}},
		{"two secrets", nil, []string{"TANDEM_SECRET_FILE=" + write(t, "s", secret), "TANDEM_SECRET=" + secret}, []string{"TANDEM_SECRET_FILE", "one of them"}},
		{"a file for what is no secret", nil, []string{"TANDEM_NODE_ID_FILE=/etc/hostname"}, []string{"TANDEM_NODE_ID_FILE", "no such option"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := LoadConfig(c.args, c.env)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error %q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "swordfish") {
				t.Errorf("the error %q tells the secret", err)
			}
		})
	}
}

// Kubernetes puts the addresses of Services into every container.
func TestConfigOfKubernetes(t *testing.T) {
	c := load(t, nil, []string{
		"TANDEM_SERVICE_HOST=10.0.0.1", "TANDEM_SERVICE_PORT=4001", "TANDEM_SERVICE_PORT_HTTP=4001", "TANDEM_PORT=tcp://10.0.0.1:4001",
		"TANDEM_PORT_4001_TCP=tcp://10.0.0.1:4001", "TANDEM_PORT_4001_TCP_PROTO=tcp", "TANDEM_PORT_4001_TCP_PORT=4001",
		"TANDEM_PORT_4433_UDP=udp://10.0.0.1:4433", "TANDEM_PORT_4433_UDP_ADDR=10.0.0.1",
		"TANDEM_EDGE_SERVICE_HOST=10.0.0.2", "TANDEM_EDGE_PORT=tcp://10.0.0.2:80", "TANDEM_EDGE_PORT_80_TCP_ADDR=10.0.0.2",
		"PORT=tcp://10.0.0.3:80", "HOST=tcp://10.0.0.3:80",
	})
	if c.HTTPAddr != ":4001" || c.sources["http-addr"] != "default" {
		t.Errorf("the address is %s, from %s", c.HTTPAddr, c.sources["http-addr"])
	}
	if len(c.Warnings) != 2 || !strings.Contains(c.Warnings[0], "HOST") || !strings.Contains(c.Warnings[1], "PORT") {
		t.Errorf("the warnings are %q", c.Warnings)
	}
}

func TestConfigSecrets(t *testing.T) {
	file := write(t, "secret", "new secret of the file,old secret of the file\n")
	c := load(t, nil, []string{"TANDEM_SECRET_FILE=" + file})
	if len(c.Secrets) != 2 || string(c.Secrets[0]) != "new secret of the file" || string(c.Secrets[1]) != "old secret of the file" {
		t.Errorf("the secrets are %q", c.Secrets)
	}
	var printed bytes.Buffer
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	if out := printed.String(); strings.Contains(out, "secret of") || !strings.Contains(out, "(set)") || !strings.Contains(out, "TANDEM_SECRET_FILE") {
		t.Errorf("printed:\n%s", out)
	}
}

// Every option is printed, documented, and can be set in each of the three ways.
func TestEveryOption(t *testing.T) {
	values := map[string]string{
		"http-addr": "[::1]:80", "https-addr": "[::1]:443", "tls": "off", "data-dir": "elsewhere", "node-id": "n1", "public-url": "https://watch.example", "allowed-origins": "https://a.example,https://b.example",
		"trusted-proxies": "10.0.0.0/8,192.0.2.1/32", "log-level": "debug", "log-format": "json", "secret": "a long enough secret", "postgres-url": "postgres://u:p@a:1/b", "archive": "off", "archive-ttl": "48h0m0s", "operator-token": "an operator's token", "redis-url": "redis-cluster://u:p@a:1,b:2", "drain-timeout": "1m0s",
		"stun-urls": "stun:a.example,stuns:b.example:5349", "turn-urls": "turn:a.example?transport=tcp", "turn-secret": "a secret of TURN",
		"seat-grace": "1s", "room-ttl": "2h0m0s", "max-members": "7", "max-sessions": "8", "max-sessions-per-ip": "9", "max-rooms-per-ip": "10", "max-connects-per-ip": "12", "max-message-rate": "11.5", "max-command-rate": "13.5",
		"domain": "a.example,192.0.2.1", "tls-cert": "a.pem,b.pem", "tls-key": "a.key,b.key", "acme-ca": "https://ca.example/dir", "acme-profile": "shortlived",
		"acme-eab": "kid:a2V5", "acme-email": "ops@watch.example", "acme-challenges": "http-01", "acme-roots": "roots.pem", "tls-cache": "off",
	}
	var help bytes.Buffer
	if err := PrintOptions(&help); err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		value, ok := values[o.Name]
		if !ok {
			t.Errorf("%s: the test has no value for it", o.Name)
			continue
		}
		// What needs another option gets that by a flag.
		var also []string
		if needed, ok := map[string]string{
			"turn-urls": "turn-secret", "turn-secret": "turn-urls", "tls-cert": "tls-key", "tls-key": "tls-cert",
		}[o.Name]; ok {
			also = []string{"--" + needed, values[needed]}
		}
		file := write(t, "c.yaml", o.Name+`: "`+value+"\"\n")
		for how, c := range map[string]*Config{
			"flag": load(t, append(also, "--"+o.Name, value), nil), "variable": load(t, also, []string{variable(o.Name) + "=" + value}),
			"file": load(t, append(also, "--config", file), nil),
		} {
			if got := o.get(c); got != value && !o.Secret || !strings.HasPrefix(c.sources[o.Name], how) {
				t.Errorf("%s by %s is %q, from %s", o.Name, how, got, c.sources[o.Name])
			}
		}
		if !strings.Contains(help.String(), "--"+o.Name+", "+variable(o.Name)+"\n") || o.Help == "" {
			t.Errorf("%s is not explained", o.Name)
		}
	}
}
