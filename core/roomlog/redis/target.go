package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Target is what a redis-url names.
type Target struct {
	// Addrs are the servers', the sentinels' or some of the cluster's nodes.
	Addrs []string
	// Master is the name that Sentinel has for the primary, else "".
	Master  string
	Cluster bool
	DB      int

	username, password                 string
	sentinelUsername, sentinelPassword string
	tls                                *tls.Config
	name                               string // of connections, in CLIENT LIST
}

// URLHelp says what forms a redis-url has.
const URLHelp = "redis://[user:password@]host:port[/database], redis-sentinel://[user:password@]host:port,host:port/name, " +
	"or redis-cluster://[user:password@]host:port,host:port; rediss… for TLS"

// ParseURL reads a redis-url:
//
//	redis://[user:password@]host[:port][/database]
//	redis-sentinel://[user:password@]host[:port][,host[:port]…]/name[/database]
//	redis-cluster://[user:password@]host[:port][,host[:port]…]
//
// The schemes rediss, rediss-sentinel and rediss-cluster use TLS, with these
// optional parameters: ca (a file with the authorities to trust instead of the
// system's), cert and key (files, for a client's certificate), server-name.
// sentinel-user and sentinel-password are those of the sentinels. Users and
// passwords are percent-encoded. Errors do not show the URL, which has a password.
func ParseURL(text string) (*Target, error) {
	t, err := parseURL(text)
	if err != nil {
		return nil, fmt.Errorf("%w; it has the form %s", err, URLHelp)
	}
	return t, nil
}

func parseURL(text string) (*Target, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return nil, errors.New("it has no scheme")
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	secure, kind, port := strings.HasPrefix(scheme, "rediss"), strings.TrimPrefix(strings.TrimPrefix(scheme, "redis"), "s"), "6379"
	t := &Target{name: "tandem"}
	switch kind {
	case "":
	case "-sentinel":
		port = "26379"
		if t.Master, path, _ = strings.Cut(path, "/"); t.Master == "" {
			return nil, errors.New("it lacks the name that Sentinel has for the primary")
		}
	case "-cluster":
		t.Cluster = true
	default:
		return nil, fmt.Errorf("%q is no scheme of Redis", scheme)
	}
	if !strings.HasPrefix(scheme, "redis") {
		return nil, fmt.Errorf("%q is no scheme of Redis", scheme)
	}
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		user, password, _ := strings.Cut(authority[:i], ":")
		var err1, err2 error
		t.username, err1 = url.PathUnescape(user)
		t.password, err2 = url.PathUnescape(password)
		if err1 != nil || err2 != nil {
			return nil, errors.New("its user or password is not percent-encoded")
		}
		authority = authority[i+1:]
	}
	if err := t.addresses(authority, port); err != nil {
		return nil, err
	}
	if path != "" {
		db, err := strconv.Atoi(path)
		if err != nil || db < 0 || t.Cluster {
			return nil, errors.New("what follows the address is no database")
		}
		t.DB = db
	}
	return t, t.parameters(query, secure)
}

func (t *Target) addresses(list, port string) error {
	for host := range strings.SplitSeq(list, ",") {
		if host == "" {
			return errors.New("it lacks a host")
		}
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
		if _, _, err := net.SplitHostPort(host); err != nil {
			return errors.New("an address is not host:port")
		}
		t.Addrs = append(t.Addrs, host)
	}
	if len(t.Addrs) > 1 && t.Master == "" && !t.Cluster {
		return errors.New("several addresses are for redis-sentinel:// and redis-cluster://")
	}
	return nil
}

func (t *Target) parameters(query string, secure bool) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("its parameters cannot be read")
	}
	if secure {
		t.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	for name := range values {
		value := values.Get(name)
		switch name {
		case "sentinel-user":
			t.sentinelUsername = value
		case "sentinel-password":
			t.sentinelPassword = value
		case "ca", "cert", "key", "server-name":
			if !secure {
				return fmt.Errorf("%s needs a scheme with TLS: rediss", name)
			}
		default:
			return fmt.Errorf("there is no parameter %q", name)
		}
	}
	if !secure {
		return nil
	}
	t.tls.ServerName = values.Get("server-name")
	if file := values.Get("ca"); file != "" {
		data, err := os.ReadFile(file) //nolint:gosec // the operator names it
		if err != nil {
			return fmt.Errorf("ca: %w", err)
		}
		t.tls.RootCAs = x509.NewCertPool()
		if !t.tls.RootCAs.AppendCertsFromPEM(data) {
			return fmt.Errorf("ca: %s holds no certificate", file)
		}
	}
	if cert, key := values.Get("cert"), values.Get("key"); cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("cert and key: %w", err)
		}
		t.tls.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// String names the target for people; there is no password in it.
func (t *Target) String() string {
	switch {
	case t.Cluster:
		return "the Redis Cluster at " + strings.Join(t.Addrs, ", ")
	case t.Master != "":
		return fmt.Sprintf("the primary %q of the sentinels at %s", t.Master, strings.Join(t.Addrs, ", "))
	default:
		return "Redis at " + t.Addrs[0]
	}
}

// Time limits of one command. Rooms wait longer, by trying again.
const (
	dialTimeout = 2 * time.Second
	// ioTimeout is above what a fork for a snapshot or a slow script may take.
	ioTimeout = 3 * time.Second
	poolSize  = 64
	// reloadEvery is how often a cluster is asked where slots are, beside whenever
	// a command went astray.
	reloadEvery = 10 * time.Second
)

// client returns a client that does not repeat commands by itself, but follows
// redirections of a cluster. What may be repeated is core's to say.
func (t *Target) client() redis.UniversalClient {
	o := &redis.UniversalOptions{
		Addrs: t.Addrs, MasterName: t.Master, DB: t.DB, ClientName: t.name,
		Username: t.username, Password: t.password,
		SentinelUsername: t.sentinelUsername, SentinelPassword: t.sentinelPassword,
		TLSConfig: t.tls, Protocol: 2, DisableIdentity: true,
		MaxRetries: -1, DialTimeout: dialTimeout, DialerRetries: 1, ReadTimeout: ioTimeout, WriteTimeout: ioTimeout,
		ContextTimeoutEnabled: true, PoolSize: poolSize, PipelinePoolSize: -1, PoolTimeout: ioTimeout,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch {
	case t.Cluster:
		c := o.Cluster()
		c.ClusterStateReloadInterval = reloadEvery
		return redis.NewClusterClient(c)
	case t.Master != "":
		return redis.NewFailoverClient(o.Failover())
	default:
		return redis.NewClient(o.Simple())
	}
}
