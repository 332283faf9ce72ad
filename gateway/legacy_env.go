package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// readLegacy honours the old server's variables.
func (c *Config) readLegacy(env map[string]string) error {
	get := func(key string) string {
		value := env[key]
		if strings.HasPrefix(value, "tcp://") {
			c.Warnings = append(c.Warnings, fmt.Sprintf("variable %s is ignored: %s is what Kubernetes makes for a Service of that name", key, value))
			return ""
		}
		return value
	}
	set := func(name, key, value string) error {
		switch {
		case value == "":
			return nil
		case optionNamed(name) == nil:
			c.Warnings = append(c.Warnings, fmt.Sprintf("variable %s is ignored: this release has no %s", key, name))
			return nil
		default:
			return c.assign(name, value, "variable "+key)
		}
	}
	host, port := get("HOST"), get("PORT")
	var errs []error
	switch {
	case host != "":
		errs = append(errs, set("http-addr", "HOST", net.JoinHostPort(host, cmp.Or(port, "4001"))))
	case port != "":
		errs = append(errs, set("http-addr", "PORT", ":"+port))
	}
	for _, o := range []struct{ name, key, value string }{
		{"node-id", "NODE_ID", get("NODE_ID")},
		{"log-level", "LOG_LEVEL", legacyLevel(get("LOG_LEVEL"))},
		{"redis-url", "REDIS_HOST", legacyRedis(get)},
		{"postgres-url", "POSTGRES_HOST", legacyPostgres(get)},
	} {
		errs = append(errs, set(o.name, o.key, o.value))
	}
	return errors.Join(errs...)
}

// legacyLevel is the level that the old server's log had more names for.
func legacyLevel(level string) string {
	switch level {
	case "trace":
		return "debug"
	case "fatal", "silent":
		return "error"
	default:
		return level
	}
}

// legacyRedis is the address of the old server's Redis; "" unless its host is
// named: the defaults that it had are nobody's wish.
func legacyRedis(get func(string) string) string {
	host := get("REDIS_HOST")
	if host == "" {
		return ""
	}
	u := url.URL{Scheme: "redis", Host: net.JoinHostPort(host, cmp.Or(get("REDIS_PORT"), "6379"))}
	if password := get("REDIS_PASSWORD"); password != "" {
		u.User = url.UserPassword("", password)
	}
	if db := get("REDIS_DB"); db != "" {
		u.Path = "/" + db
	}
	return u.String()
}

// legacyPostgres is the address of the old server's Postgres; "" unless its host
// is named.
func legacyPostgres(get func(string) string) string {
	host := get("POSTGRES_HOST")
	if host == "" {
		return ""
	}
	u := url.URL{
		Scheme: "postgres", Host: net.JoinHostPort(host, cmp.Or(get("POSTGRES_PORT"), "5432")), Path: "/" + cmp.Or(get("POSTGRES_DB"), "tandem_watch"),
		User: url.User(cmp.Or(get("POSTGRES_USER"), "tandem")),
	}
	if password := get("POSTGRES_PASSWORD"); password != "" {
		u.User = url.UserPassword(u.User.Username(), password)
	}
	u.RawQuery = "pool_max_conns=" + url.QueryEscape(cmp.Or(get("POSTGRES_POOL_SIZE"), "20"))
	return u.String()
}
