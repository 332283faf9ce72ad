package gateway

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Config is what an operator chooses. The zero value is not usable; see
// LoadConfig.
type Config struct {
	HTTPAddr  string
	HTTPSAddr string
	TLS       string
	// PostgresURL is where history is kept, and certificates that gateways share;
	// "" for neither. Archive says whether there is history, ArchiveTTL how long
	// (0 is for ever).
	PostgresURL, Archive string
	ArchiveTTL           time.Duration
	// OperatorToken reads every room's history; "" reads none.
	OperatorToken string
	TLSCache      string // on or off
	// Domains are the names and addresses that people reach this gateway by.
	Domains []string
	// TLSCerts and TLSKeys are files, for tls=files.
	TLSCerts, TLSKeys []string
	// ACMECAs are directories of authorities; ACMEProfiles and ACMEAccounts
	// (key-id:key) have a value for each, or "-", and may be shorter.
	ACMECAs, ACMEProfiles, ACMEAccounts []string
	ACMEEmail, ACMERoots                string
	ACMEChallenges                      []string
	DataDir                             string
	RedisURL                            string // "" for rooms in DataDir; holds a password
	NodeID                              string
	PublicURL                           *url.URL // nil when unknown
	AllowedOrigins                      []string
	TrustedProxies                      []netip.Prefix
	LogLevel                            slog.Level
	LogFormat                           string
	// Secrets are those in force, the newest first; none means: make and keep
	// one in DataDir.
	Secrets [][]byte
	// STUNURLs and TURNURLs are servers for the members' WebRTC connections,
	// TURNSecret what credentials for the latter are made with.
	STUNURLs, TURNURLs []string
	TURNSecret         string
	DrainTimeout       time.Duration
	SeatGrace          time.Duration
	RoomTTL            time.Duration
	MaxMembers         int
	MaxSessions        int
	SessionsPerIP      int
	RoomsPerIPPerHour  int
	ConnectsPerIP      int // in a minute
	MessagesPerSecond  float64
	CommandsPerSecond  float64

	// Warnings say what of the environment was ignored, and why.
	Warnings []string

	// sources says where each option's value came from.
	sources map[string]string
}

// LoadConfig reads flags over the environment over the old server's variables
// over a YAML file over defaults. Unknown flags, unknown TANDEM_ variables and
// unknown keys of the file are errors. environ is os.Environ's.
func LoadConfig(args, environ []string) (*Config, error) {
	c := &Config{sources: map[string]string{}}
	for _, o := range options {
		if err := o.set(c, o.Default); err != nil {
			return nil, fmt.Errorf("default of %s: %w", o.Name, err)
		}
		c.sources[o.Name] = "default"
	}
	env := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	flags, err := parseFlags(args)
	if err != nil {
		return nil, err
	}
	file := flags["config"]
	if file == "" {
		file = env["TANDEM_CONFIG"]
	}
	if err := c.readFile(file); err != nil {
		return nil, err
	}
	if err := c.readLegacy(env); err != nil {
		return nil, err
	}
	if err := c.readEnvironment(env); err != nil {
		return nil, err
	}
	for name, value := range flags {
		if name == "config" {
			continue
		}
		if err := c.assign(name, value, "flag --"+name); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(c.checkICE(), c.checkTLS()); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Config) assign(name, value, source string) error {
	o := optionNamed(name)
	if o == nil {
		return fmt.Errorf("%s: there is no such option; tandem help lists them", source)
	}
	if err := o.set(c, value); err != nil {
		shown := " " + fmt.Sprintf("%q", value)
		if o.Secret {
			shown = ""
		}
		return fmt.Errorf("%s:%s %w", source, shown, err)
	}
	c.sources[name] = source
	return nil
}

func (c *Config) readFile(path string) error {
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	var values map[string]yaml.Node
	if err := yaml.Unmarshal(data, &values); err != nil {
		return fmt.Errorf("configuration file %s: %w", path, err)
	}
	for name, node := range values {
		var value string
		switch node.Kind {
		case yaml.ScalarNode:
			value = node.Value
		case yaml.SequenceNode:
			var list []string
			if err := node.Decode(&list); err != nil {
				return fmt.Errorf("configuration file %s: %s: %w", path, name, err)
			}
			value = strings.Join(list, ",")
		default:
			return fmt.Errorf("configuration file %s: %s must be a value or a list", path, name)
		}
		if err := c.assign(name, value, "file "+path); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) readEnvironment(env map[string]string) error {
	for key, value := range env {
		rest, ok := strings.CutPrefix(key, "TANDEM_")
		if !ok || key == "TANDEM_CONFIG" {
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if secret, ok := strings.CutSuffix(name, "-file"); ok && optionNamed(secret) != nil && optionNamed(secret).Secret {
			data, err := os.ReadFile(value) //nolint:gosec // the operator names it
			if err != nil {
				return fmt.Errorf("variable %s: %w", key, err)
			}
			if _, both := env[variable(secret)]; both {
				return fmt.Errorf("variables %s and %s: set one of them", variable(secret), key)
			}
			name, value = secret, strings.TrimSpace(string(data))
		}
		if optionNamed(name) == nil {
			if fromKubernetes.MatchString(key) {
				continue
			}
			return fmt.Errorf("variable %s: there is no such option; tandem help lists them", key)
		}
		if err := c.assign(name, value, "variable "+key); err != nil {
			return err
		}
	}
	return nil
}

// fromKubernetes matches the variables that Kubernetes makes in every container
// for a Service named tandem, or tandem-something.
var fromKubernetes = regexp.MustCompile(`^TANDEM_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// parseFlags reads --name value and --name=value. A repeated list option adds.
func parseFlags(args []string) (map[string]string, error) {
	flags := map[string]string{}
	for len(args) > 0 {
		name, ok := strings.CutPrefix(args[0], "-")
		if !ok {
			return nil, fmt.Errorf("%q is no flag; tandem help lists them", args[0])
		}
		name = strings.TrimPrefix(name, "-")
		name, value, ok := strings.Cut(name, "=")
		args = args[1:]
		if !ok {
			if len(args) == 0 {
				return nil, fmt.Errorf("flag --%s needs a value", name)
			}
			value, args = args[0], args[1:]
		}
		if o := optionNamed(name); o != nil && o.List && flags[name] != "" {
			value = flags[name] + "," + value
		}
		flags[name] = value
	}
	return flags, nil
}

// Print writes what is in force and from where. Secrets are not shown.
func (c *Config) Print(w io.Writer) error {
	for _, o := range options {
		value := o.get(c)
		if o.Secret && value != "" {
			value = "(set)"
		}
		if _, err := fmt.Fprintf(w, "%-24s %-32s # %s\n", o.Name+":", value, c.sources[o.Name]); err != nil {
			return err
		}
	}
	return nil
}
