package gateway

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/testenv"
)

// oldTables are the old server's, filled by hand.
const oldTables = `
CREATE TABLE rooms (id varchar(50) PRIMARY KEY, host_user_id varchar(50), current_url text, "current_time" double precision DEFAULT 0,
	is_playing boolean DEFAULT false, guest_control_enabled boolean DEFAULT false, created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now(), archived_at timestamptz);
CREATE TABLE users (id varchar(50) PRIMARY KEY, room_id varchar(50) REFERENCES rooms(id), username varchar(50), "current_time" double precision,
	is_playing boolean, connection_quality varchar(20), last_heartbeat timestamptz, created_at timestamptz DEFAULT now(), updated_at timestamptz);
CREATE TABLE room_events (id serial PRIMARY KEY, room_id varchar(50), event_type varchar(50), user_id varchar(50), data jsonb, created_at timestamptz DEFAULT now());
INSERT INTO rooms VALUES ('default_room_1', 'user_b', 'https://www.netflix.com/watch/1', 125.5, true, true, '2026-10-01 20:00Z', '2026-10-01 22:00Z', NULL),
	('empty', NULL, NULL, NULL, NULL, NULL, '2026-10-02 20:00Z', NULL, '2026-10-03 20:00Z');
INSERT INTO users VALUES ('user_a', 'default_room_1', 'Ann', 1, true, 'good', now(), '2026-10-01 20:00Z', now()), ('user_b', 'default_room_1', NULL, 1, true, NULL, NULL, now(), NULL);
INSERT INTO room_events (room_id, event_type, user_id, data, created_at) VALUES
	('default_room_1', 'JOIN', 'user_a', '{"username": "Ann"}', '2026-10-01 20:00:01Z'),
	('default_room_1', 'JOIN', 'user_b', NULL, '2026-10-01 20:00:02Z'),
	('default_room_1', 'PLAY_PAUSE', 'user_a', '{"control": "play", "currentTime": 10.25}', '2026-10-01 20:00:03Z'),
	('default_room_1', 'CHAT_MESSAGE', 'user_a', '{"message": "hello"}', '2026-10-01 20:00:04Z'),
	('default_room_1', 'SEEK', 'user_b', '{"currentTime": "rubbish"}', '2026-10-01 20:00:05Z'),
	('default_room_1', 'SOMETHING', NULL, '[1]', '2026-10-01 20:00:06Z'),
	('default_room_1', 'LEAVE', 'user_a', NULL, '2026-10-01 20:00:07Z'),
	('another', 'JOIN', 'user_c', NULL, now());`

// TestMigrateLegacy takes the old server's rooms over, from a database of their
// own and from the archive's, and they can be read and entered.
func TestMigrateLegacy(t *testing.T) {
	postgres := testenv.StartPostgres(t)
	old := postgres.URL()
	conn, err := pgx.Connect(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), oldTables); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, to := range [][]string{{"--data-dir", t.TempDir()}, {"--postgres-url", old, "--data-dir", t.TempDir()}} {
		for range 2 { // again changes nothing
			if code, out := command(t, "", append([]string{"migrate-legacy", old}, to...)...); code != 0 || !strings.Contains(out, "migrated 2 rooms") {
				t.Fatalf("%d %s", code, out)
			}
		}
		r := startReal(t, append(to, "--archive-ttl", "0")...)
		var kinds []string
		for _, e := range r.events("default_room_1") {
			kinds = append(kinds, core.Kind(e.Body))
		}
		if got, want := strings.Join(kinds, " "), "created joined hosted joined timeline chat timeline noted left hosted timeline left"; got != want {
			t.Errorf("the events are\n%s, want\n%s", got, want)
		}
		w := r.talk("default_room_1", "Dan", "", 1)
		if len(w.Room.Members) != 1 || w.Room.Timeline.Position != 125.5 || w.Room.Timeline.Playing || w.Room.Media.URL != "https://www.netflix.com/watch/1" {
			t.Errorf("welcome %+v", w.Room)
		}
		if _, body := r.get("/v1/rooms/default_room_1/chat", operator); !strings.Contains(string(body), `"name":"Ann","text":"hello"`) {
			t.Errorf("chat %s", body)
		}
		r.stop()
	}
	if code, out := command(t, "", "migrate-legacy", strings.Replace(old, "test1", "nowhere", 1), "--data-dir", t.TempDir()); code == 0 {
		t.Errorf("%d %s", code, out)
	}
	if code, out := command(t, "", "migrate-legacy"); code == 0 || !strings.Contains(out, "name the old server's database") {
		t.Errorf("%d %s", code, out)
	}
}
