package gateway

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	postgresarchive "tandem.watch/tandem/core/archive/postgres"
	redislog "tandem.watch/tandem/core/roomlog/redis"
)

// option is a line of the configuration.
type option struct {
	Name, Default, Help string
	// List options take several values, separated by commas or repeated.
	List bool
	// Secret values are never shown, and may come from TANDEM_…_FILE.
	Secret bool

	set func(*Config, string) error
	get func(*Config) string
}

// options is the one table of everything that can be configured; those of TLS
// are in tlsOptions.
var options = slices.Concat(addressOptions, tlsOptions, otherOptions)

var addressOptions = []option{
	text("http-addr", ":4001", "address for HTTP and WebSocket", func(c *Config) *string { return &c.HTTPAddr }, isAddr),
	text("https-addr", ":4433", "address for HTTPS, wss and WebTransport, TCP and UDP", func(c *Config) *string { return &c.HTTPSAddr }, isAddr),
}

var otherOptions = []option{
	text("data-dir", "data", "folder for rooms, history and the secret", func(c *Config) *string { return &c.DataDir }, nil),
	{
		Name: "redis-url", Secret: true,
		Help: "Redis that gateways share rooms in, instead of data-dir: " + redislog.URLHelp,
		set: func(c *Config, v string) error {
			c.RedisURL = v
			if v == "" {
				return nil
			}
			_, err := redislog.ParseURL(v)
			return err
		},
		get: func(c *Config) string { return c.RedisURL },
	},
	{
		Name: "postgres-url", Secret: true,
		Help: "Postgres that history is kept in, instead of data-dir, and the certificates that gateways share, sealed with secret: postgres://user:password@host:5432/database?sslmode=verify-full; required with redis-url unless archive=off",
		set: func(c *Config, v string) error {
			c.PostgresURL = v
			if v == "" {
				return nil
			}
			return postgresarchive.Check(v)
		},
		get: func(c *Config) string {
			if c.PostgresURL == "" {
				return ""
			}
			return "set"
		},
	},
	text("archive", archiveAuto, "auto (history is kept, in Postgres or in data-dir) or off (it ends with the room)", func(c *Config) *string { return &c.Archive }, func(v string) error {
		if v != archiveAuto && v != archiveOff {
			return errors.New("must be auto or off")
		}
		return nil
	}),
	{
		Name: "archive-ttl", Default: "720h", Help: "how long the history of a room is kept after its last event; 0 is for ever",
		set: func(c *Config, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d < 0 || d > 0 && d < time.Hour {
				return errors.New("must be a duration of at least an hour such as 720h, or 0")
			}
			c.ArchiveTTL = d
			return nil
		},
		get: func(c *Config) string { return c.ArchiveTTL.String() },
	},
	{
		Name: "operator-token", Secret: true,
		Help: "what an operator may read every room's history with over HTTP (Authorization: Bearer …), at least 16 characters; unset: only members may",
		set: func(c *Config, v string) error {
			if v != "" && len(v) < 16 {
				return errors.New("must have at least 16 characters")
			}
			c.OperatorToken = v
			return nil
		},
		get: func(c *Config) string {
			if c.OperatorToken == "" {
				return ""
			}
			return "set"
		},
	},
	text("node-id", defaultNodeID(), "name of this gateway", func(c *Config) *string { return &c.NodeID }, nil),
	{
		Name: "public-url", Help: "address that people reach this gateway at, such as https://watch.example",
		set: func(c *Config, v string) error {
			c.PublicURL = nil
			if v == "" {
				return nil
			}
			u, err := url.Parse(v)
			if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
				return errors.New("must be an address such as https://watch.example")
			}
			c.PublicURL = u
			return nil
		},
		get: func(c *Config) string {
			if c.PublicURL == nil {
				return ""
			}
			return c.PublicURL.String()
		},
	},
	{
		Name: "allowed-origins", List: true,
		Help: "further origins whose pages may connect, such as https://site.example; * allows all",
		set: func(c *Config, v string) error {
			c.AllowedOrigins = splitList(v)
			for _, o := range c.AllowedOrigins {
				if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
					return fmt.Errorf("%q must be an origin such as https://site.example", o)
				}
			}
			return nil
		},
		get: func(c *Config) string { return strings.Join(c.AllowedOrigins, ",") },
	},
	{
		Name: "trusted-proxies", List: true,
		Help: "addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed",
		set: func(c *Config, v string) (err error) {
			c.TrustedProxies, err = parsePrefixes(v)
			return err
		},
		get: func(c *Config) string {
			list := make([]string, len(c.TrustedProxies))
			for i, p := range c.TrustedProxies {
				list[i] = p.String()
			}
			return strings.Join(list, ",")
		},
	},
	{
		Name: "log-level", Default: "info", Help: "debug, info, warn or error",
		set: func(c *Config, v string) error {
			if c.LogLevel.UnmarshalText([]byte(v)) != nil {
				return errors.New("must be debug, info, warn or error")
			}
			return nil
		},
		get: func(c *Config) string { return strings.ToLower(c.LogLevel.String()) },
	},
	text("log-format", "text", "text or json", func(c *Config) *string { return &c.LogFormat }, func(v string) error {
		if v != "text" && v != "json" {
			return errors.New("must be text or json")
		}
		return nil
	}),
	{
		Name: "secret", Secret: true, List: true,
		Help: "what PINs and addresses are hashed with, at least 16 characters; \"new,old\" while rotating; made and kept in data-dir when unset; required with redis-url, the same at all gateways",
		set: func(c *Config, v string) error {
			c.Secrets = nil
			for _, s := range splitList(v) {
				if len(s) < 16 {
					return errors.New("must have at least 16 characters")
				}
				c.Secrets = append(c.Secrets, []byte(s))
			}
			return nil
		},
		get: func(c *Config) string {
			if len(c.Secrets) == 0 {
				return ""
			}
			return "set"
		},
	},
	iceURLs("stun-urls", "STUN servers for face cameras between networks, such as stun:stun.example:3478; without any, cameras work in one network", "stun", func(c *Config) *[]string { return &c.STUNURLs }),
	iceURLs("turn-urls", "TURN servers for face cameras that cannot connect directly, such as turn:turn.example:3478", "turn", func(c *Config) *[]string { return &c.TURNURLs }),
	{
		Name: "turn-secret", Secret: true,
		Help: "secret of the TURN servers (coturn's static-auth-secret), of which members get credentials for a day",
		set:  func(c *Config, v string) error { c.TURNSecret = v; return nil },
		get: func(c *Config) string {
			if c.TURNSecret == "" {
				return ""
			}
			return "set"
		},
	},
	duration("drain-timeout", "10s", "how long a stop may take to tell everybody", func(c *Config) *time.Duration { return &c.DrainTimeout }),
	duration("seat-grace", "30s", "how long a seat waits for a dropped connection to come back", func(c *Config) *time.Duration { return &c.SeatGrace }),
	duration("room-ttl", "24h", "how long an empty room is kept", func(c *Config) *time.Duration { return &c.RoomTTL }),
	number("max-members", "300", "members of one room", func(c *Config) *int { return &c.MaxMembers }),
	number("max-sessions", "20000", "connections to this gateway", func(c *Config) *int { return &c.MaxSessions }),
	number("max-sessions-per-ip", "200", "connections from one address (IPv6: one /64)", func(c *Config) *int { return &c.SessionsPerIP }),
	number("max-rooms-per-ip", "60", "rooms created from one address in an hour; half as many may come at once", func(c *Config) *int { return &c.RoomsPerIPPerHour }),
	number("max-connects-per-ip", "600", "sessions begun from one address in a minute; half as many may come at once", func(c *Config) *int { return &c.ConnectsPerIP }),
	rateOption("max-message-rate", "60", "messages of one session in a second; three seconds' worth may come at once", func(c *Config) *float64 { return &c.MessagesPerSecond }),
	rateOption("max-command-rate", "15", "commands among them, which are kept; six seconds' worth may come at once", func(c *Config) *float64 { return &c.CommandsPerSecond }),
}

func optionNamed(name string) *option {
	for i := range options {
		if options[i].Name == name {
			return &options[i]
		}
	}
	return nil
}

// PrintOptions writes every option with its default, its variable and its help.
func PrintOptions(w io.Writer) error {
	for _, o := range options {
		def := ""
		if o.Default != "" && o.Name != "node-id" {
			def = " (default " + o.Default + ")"
		}
		_, err := fmt.Fprintf(w, "  --%s, %s\n        %s%s\n", o.Name, variable(o.Name), o.Help, def)
		if err != nil {
			return err
		}
	}
	return nil
}

func variable(name string) string {
	return "TANDEM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func text(name, def, help string, field func(*Config) *string, check func(string) error) option {
	return option{
		Name: name, Default: def, Help: help,
		set: func(c *Config, v string) error {
			if check != nil {
				if err := check(v); err != nil {
					return err
				}
			}
			*field(c) = v
			return nil
		},
		get: func(c *Config) string { return *field(c) },
	}
}

func duration(name, def, help string, field func(*Config) *time.Duration) option {
	return option{
		Name: name, Default: def, Help: help,
		set: func(c *Config, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d <= 0 {
				return errors.New("must be a duration such as 30s or 24h")
			}
			*field(c) = d
			return nil
		},
		get: func(c *Config) string { return field(c).String() },
	}
}

func number(name, def, help string, field func(*Config) *int) option {
	return option{
		Name: name, Default: def, Help: help,
		set: func(c *Config, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 {
				return errors.New("must be a whole number of at least 1")
			}
			*field(c) = n
			return nil
		},
		get: func(c *Config) string { return strconv.Itoa(*field(c)) },
	}
}

func rateOption(name, def, help string, field func(*Config) *float64) option {
	return option{
		Name: name, Default: def, Help: help,
		set: func(c *Config, v string) error {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil || !(f >= 1 && f <= 1e6) {
				return errors.New("must be a number from 1 to 1000000")
			}
			*field(c) = f
			return nil
		},
		get: func(c *Config) string { return strconv.FormatFloat(*field(c), 'g', -1, 64) },
	}
}

func splitList(v string) []string {
	var list []string
	for s := range strings.SplitSeq(v, ",") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

func parsePrefixes(v string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, s := range splitList(v) {
		if p, err := netip.ParsePrefix(s); err == nil {
			list = append(list, p.Masked())
			continue
		}
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("%q must be an address or a network such as 10.0.0.0/8", s)
		}
		list = append(list, netip.PrefixFrom(a, a.BitLen()))
	}
	return list, nil
}

func isAddr(v string) error {
	if _, port, err := net.SplitHostPort(v); err != nil || port == "" {
		return errors.New("must be host:port or :port")
	}
	return nil
}

func defaultNodeID() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "tandem"
	}
	return name
}

// handler returns the log handler that was chosen.
func (c *Config) handler(w io.Writer) slog.Handler {
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}
