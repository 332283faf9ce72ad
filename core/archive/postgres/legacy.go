package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/protocol"
)

// legacyRoom is a row of the old server's rooms.
type legacyRoom struct {
	id               string
	host, url        *string
	position         *float64
	guestControl     *bool
	created, updated int64
	events           []core.Event
	head             core.Head
	state            *core.Room
	names            map[string]string
}

// ReadLegacy reads the old server's rooms, users and room_events, in one
// snapshot and without changing anything, and calls f with each room as a whole
// history. What it does not know of an old event it keeps as an event of its
// time that says nothing. The same rooms get the same event ids, so that doing
// it again changes nothing.
func ReadLegacy(ctx context.Context, url string, f func(core.Piece) error) error {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return errors.New("the old server's database: must be an address such as postgres://user:password@host:5432/database")
	}
	if c.RuntimeParams["search_path"] == "" {
		c.RuntimeParams["search_path"] = "public"
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return fmt.Errorf("the old server's database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rooms, err := legacyRooms(ctx, tx)
		if err != nil {
			return fmt.Errorf("reading the old server's rooms: %w", err)
		}
		for _, r := range rooms {
			if err := r.read(ctx, tx); err != nil {
				return fmt.Errorf("reading the old server's room %q: %w", r.id, err)
			}
			if err := f(core.Piece{Room: r.id, Events: r.events, Snapshot: r.state}); err != nil {
				return err
			}
		}
		return nil
	})
}

func legacyRooms(ctx context.Context, tx pgx.Tx) ([]*legacyRoom, error) {
	rows, err := tx.Query(ctx, `
		SELECT id::text, host_user_id::text, current_url, "current_time"::float8, guest_control_enabled,
			coalesce(extract(epoch FROM created_at) * 1e6, 0)::bigint,
			coalesce(extract(epoch FROM coalesce(archived_at, updated_at, created_at)) * 1e6, 0)::bigint
		FROM rooms ORDER BY created_at, id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*legacyRoom, error) {
		r := &legacyRoom{names: map[string]string{}}
		err := row.Scan(&r.id, &r.host, &r.url, &r.position, &r.guestControl, &r.created, &r.updated)
		return r, err
	})
}

// add makes something a room's next event.
func (r *legacyRoom) add(at int64, b core.Body) error {
	sum := sha256.Sum256(fmt.Appendf(nil, "legacy %q %d", r.id, r.head.Number+1))
	e := core.Event{
		ID: core.EventID(binary.BigEndian.Uint64(sum[:]) | 1), Prev: r.head.ID, Epoch: 1, Number: r.head.Number + 1,
		At: max(at, r.state.At), Body: b,
	}
	if err := r.state.Apply(e); err != nil {
		return err
	}
	r.events = append(r.events, e)
	r.head = core.Head{Epoch: e.Epoch, Number: e.Number, ID: e.ID}
	return nil
}

func (r *legacyRoom) read(ctx context.Context, tx pgx.Tx) error {
	r.state = core.NewRoom(r.id)
	err := r.add(r.created, core.Created{
		Room: r.id, Settings: core.Settings{GuestControl: r.guestControl == nil || *r.guestControl}, Media: legacyMedia(r.url),
	})
	if err != nil {
		return err
	}
	if err := r.readUsers(ctx, tx); err != nil {
		return err
	}
	if err := r.readEvents(ctx, tx); err != nil {
		return err
	}
	if r.host != nil && r.state.Member(*r.host) != nil && r.state.Host != *r.host {
		if err := r.add(r.updated, core.Hosted{Member: *r.host}); err != nil {
			return err
		}
	}
	position := r.state.Timeline.Position
	if r.position != nil && sane(*r.position) {
		position = *r.position
	}
	if err := r.add(r.updated, core.TimelineSet{Cause: core.CausePause, Position: position, Rate: 1, At: max(r.updated, r.state.At)}); err != nil {
		return err
	}
	for len(r.state.Members()) > 0 {
		if err := r.add(r.updated, core.Left{Member: r.state.Members()[0].ID, Reason: core.LeftExpired}); err != nil {
			return err
		}
	}
	return nil
}

// readUsers learns the names of members.
func (r *legacyRoom) readUsers(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT id::text, coalesce(username, '') FROM users WHERE room_id::text = $1 ORDER BY created_at, id`, r.id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		r.names[id] = clip(name)
	}
	return rows.Err()
}

// legacyData is what the old server noted with its events.
type legacyData struct {
	Username, Message, Text, Control, URL *string
	TargetUserID                          *string
	CurrentTime                           *float64
	IsPlaying, Enabled                    *bool
}

func (r *legacyRoom) readEvents(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		SELECT event_type, coalesce(user_id::text, ''), coalesce(data::text, '{}'), coalesce(extract(epoch FROM created_at) * 1e6, 0)::bigint
		FROM room_events WHERE room_id::text = $1 ORDER BY id`, r.id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var kind, user, data string
		var at int64
		if err := rows.Scan(&kind, &user, &data, &at); err != nil {
			return err
		}
		var d legacyData
		_ = json.Unmarshal([]byte(data), &d) // what does not fit says nothing
		if err := r.take(kind, user, d, at); err != nil {
			return err
		}
	}
	return rows.Err()
}

// take makes events of one of the old server's.
func (r *legacyRoom) take(kind, user string, d legacyData, at int64) error {
	kind = strings.ToUpper(strings.ReplaceAll(kind, "-", "_"))
	if user != "" && kind != "LEAVE" && kind != "USER_LEFT" {
		if err := r.seat(user, d, at); err != nil {
			return err
		}
	}
	t := r.state.Timeline
	switch kind {
	case "JOIN", "USER_JOINED":
		return nil
	case "LEAVE", "USER_LEFT":
		if r.state.Member(user) == nil {
			return nil
		}
		return r.add(at, core.Left{Member: user, Reason: core.LeftSelf})
	case "PLAY_PAUSE", "PLAY", "PAUSE", "SEEK":
		set := core.TimelineSet{Cause: core.CausePause, Position: t.PositionAt(at), Rate: 1, At: max(at, r.state.At)}
		set.Playing = kind == "PLAY" || d.Control != nil && *d.Control == "play" || kind == "SEEK" && d.IsPlaying != nil && *d.IsPlaying
		if set.Playing {
			set.Cause = core.CausePlay
		}
		if kind == "SEEK" {
			set.Cause = core.CauseSeek
		}
		if d.CurrentTime != nil && sane(*d.CurrentTime) {
			set.Position = *d.CurrentTime
		}
		return r.add(at, set)
	case "CHAT", "CHAT_MESSAGE":
		text := ""
		for _, s := range []*string{d.Message, d.Text} {
			if s != nil {
				text = *s
			}
		}
		return r.add(at, core.Said{Member: user, Name: r.names[user], Text: strings.ToValidUTF8(text, "\ufffd")})
	case "UPDATE_USERNAME", "USERNAME_UPDATED":
		if d.Username == nil {
			return nil
		}
		r.names[user] = clip(*d.Username)
		return r.add(at, core.Renamed{Member: user, Name: r.names[user]})
	case "TRANSFER_HOST", "HOST_CHANGED":
		if d.TargetUserID == nil || r.state.Member(*d.TargetUserID) == nil {
			return r.add(at, core.Noted{})
		}
		return r.add(at, core.Hosted{Member: *d.TargetUserID})
	case "TOGGLE_GUEST_CONTROL", "GUEST_CONTROL":
		s := r.state.Settings
		s.GuestControl = d.Enabled != nil && *d.Enabled
		return r.add(at, core.SettingsSet{Settings: s})
	case "URL_CHANGE", "NAVIGATE":
		return r.add(at, core.MediaSet{Media: legacyMedia(d.URL)})
	default:
		return r.add(at, core.Noted{})
	}
}

// seat lets a user in that is not in.
func (r *legacyRoom) seat(user string, d legacyData, at int64) error {
	if r.state.Member(user) != nil {
		return nil
	}
	if d.Username != nil && r.names[user] == "" {
		r.names[user] = clip(*d.Username)
	}
	if err := r.add(at, core.Joined{Member: user, Name: r.names[user], Slow: true}); err != nil {
		return err
	}
	if r.state.Host == "" {
		return r.add(at, core.Hosted{Member: user})
	}
	return nil
}

func legacyMedia(url *string) core.Media {
	if url == nil || *url == "" {
		return core.Media{Kind: core.MediaURL}
	}
	return core.Media{Kind: core.MediaURL, URL: strings.ToValidUTF8(*url, "")}
}

func sane(position float64) bool {
	return position >= 0 && position <= protocol.MaxPosition && !math.IsNaN(position)
}

// clip is a name of at most 50 characters.
func clip(name string) string {
	name = strings.ToValidUTF8(name, "\ufffd")
	if utf8.RuneCountInString(name) > 50 {
		name = string([]rune(name)[:50])
	}
	return name
}
