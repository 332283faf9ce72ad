package gateway

import (
	"log/slog"
	"strings"
	"testing"
)

func TestLegacyVariables(t *testing.T) {
	env := func(vars ...string) func(string) string {
		return func(key string) string {
			for _, kv := range vars {
				if k, v, _ := strings.Cut(kv, "="); k == key {
					return v
				}
			}
			return ""
		}
	}
	for _, c := range []struct {
		vars            []string
		redis, postgres string
	}{
		{nil, "", ""},
		{[]string{"REDIS_PORT=6380", "REDIS_PASSWORD=x", "POSTGRES_DB=d"}, "", ""},
		{[]string{"REDIS_HOST=r", "POSTGRES_HOST=p"}, "redis://r:6379", "postgres://tandem@p:5432/tandem_watch?pool_max_conns=20"},
		{
			[]string{
				"REDIS_HOST=::1", "REDIS_PORT=6380", "REDIS_PASSWORD=a/b@c", "REDIS_DB=3", "POSTGRES_HOST=p", "POSTGRES_PORT=5433",
				"POSTGRES_DB=d", "POSTGRES_USER=u", "POSTGRES_PASSWORD=p:w", "POSTGRES_POOL_SIZE=5",
			},
			"redis://:a%2Fb%40c@[::1]:6380/3", "postgres://u:p%3Aw@p:5433/d?pool_max_conns=5",
		},
	} {
		if got := legacyRedis(env(c.vars...)); got != c.redis {
			t.Errorf("%v: %s, want %s", c.vars, got, c.redis)
		}
		if got := legacyPostgres(env(c.vars...)); got != c.postgres {
			t.Errorf("%v: %s, want %s", c.vars, got, c.postgres)
		}
	}
	c := load(t, nil, []string{"LOG_LEVEL=trace", "NODE_ID=n", "REDIS_HOST=tcp://10.0.0.1:6379", "POSTGRES_PORT=tcp://10.0.0.1:5432"})
	if c.LogLevel != slog.LevelDebug || c.NodeID != "n" || !strings.Contains(strings.Join(c.Warnings, "\n"), "REDIS_HOST is ignored") {
		t.Errorf("%+v", c)
	}
	c = load(t, nil, []string{"POSTGRES_HOST=p", "POSTGRES_PASSWORD=hunter2"})
	if optionNamed("postgres-url") == nil && (len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "POSTGRES_HOST") || strings.Contains(c.Warnings[0], "hunter2")) {
		t.Errorf("the warnings are %q", c.Warnings)
	}
}
