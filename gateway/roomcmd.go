package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tandem.watch/tandem/core"
)

const roomUsage = `Usage: tandem room list [flags]                     rooms that are archived
       tandem room events <id> [after [limit]] [flags]  events of a room, one JSON object in a line
       tandem room export [<id>…] [flags]          rooms with all their events (all rooms, unless some are named)
       tandem room import [flags] <file            what export printed, into an archive that lacks these rooms
       tandem room forget <id> [<member>] [flags]  blank what a member, or everybody, said and was called

They work on the archive (postgres-url, or data-dir), while gateways run or not.
What a gateway has not archived yet, less than a few seconds' worth, is not there.
`

// line is one event in an export.
type line struct {
	Room  string          `json:"room"`
	Event json.RawMessage `json:"event"`
}

// roomCommand runs one of "tandem room".
func roomCommand(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return fmt.Errorf("room: which command?\n\n%s", strings.TrimSpace(roomUsage))
	}
	command, args := args[0], args[1:]
	var names []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		names, args = append(names, args[0]), args[1:]
	}
	run, ok := map[string]func(*rooms, context.Context, []string) error{
		"list": (*rooms).list, "events": (*rooms).events, "export": (*rooms).export, "import": (*rooms).importAll, "forget": (*rooms).forget,
	}[strings.ToLower(command)]
	if !ok {
		return fmt.Errorf("room: there is no command %q\n\n%s", command, strings.TrimSpace(roomUsage))
	}
	return withArchive(args, environ, stderr, func(ctx context.Context, c *Config, a Archive) error {
		out := bufio.NewWriter(stdout)
		err := run(&rooms{archive: a, config: c, in: stdin, out: out}, ctx, names)
		return errors.Join(err, out.Flush())
	})
}

// withArchive runs a function with the archive that the configuration names.
func withArchive(args, environ []string, stderr io.Writer, f func(context.Context, *Config, Archive) error) error {
	c, err := LoadConfig(args, environ)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a, err := openArchive(ctx, c, slog.New(c.handler(stderr)))
	if err != nil {
		return err
	}
	if a == nil {
		return errors.New("there is no archive: archive is off")
	}
	return errors.Join(f(ctx, c, a), a.Close(context.WithoutCancel(ctx)))
}

// rooms are the commands of "tandem room".
type rooms struct {
	archive Archive
	config  *Config
	in      io.Reader
	out     *bufio.Writer
}

// each calls f for every archived room.
func (c *rooms) each(ctx context.Context, f func(core.ArchivedRoom) error) error {
	for after := ""; ; {
		page, err := c.archive.Rooms(ctx, after, 500)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, r := range page {
			after = r.ID
			if err := f(r); err != nil {
				return err
			}
		}
	}
}

func (c *rooms) list(ctx context.Context, names []string) error {
	if len(names) > 0 {
		return errors.New("room list: names no room; tandem room events <id> shows one")
	}
	return c.each(ctx, func(r core.ArchivedRoom) error {
		note := ""
		if r.Forgotten {
			note = "\tforgotten"
		}
		_, err := fmt.Fprintf(c.out, "%s\t%d events\t%s to %s%s\n", r.ID, r.Head.Number, instant(r.Created), instant(r.At), note)
		return err
	})
}

func instant(at int64) string { return time.UnixMicro(at).UTC().Format(time.RFC3339) }

// page is how many events are read at once.
const page = 1000

func (c *rooms) events(ctx context.Context, names []string) error {
	if len(names) < 1 || len(names) > 3 {
		return errors.New("room events: name a room, and perhaps the number after which to begin, and how many")
	}
	after, limit := uint64(0), uint64(1<<63)
	for i, n := range []*uint64{&after, &limit} {
		if len(names) > i+1 {
			v, err := strconv.ParseUint(names[i+1], 10, 63)
			if err != nil {
				return fmt.Errorf("room events: %q is no number", names[i+1])
			}
			*n = v
		}
	}
	head, err := c.archive.Head(ctx, names[0])
	if err == nil && head == (core.Head{}) {
		err = fmt.Errorf("room %q is not in the archive; tandem room list shows what is", names[0])
	}
	if err != nil {
		return err
	}
	return c.read(ctx, names[0], after, limit, func(event []byte) error {
		_, err := c.out.Write(append(event, '\n'))
		return err
	})
}

// read calls f for at most limit events of a room.
func (c *rooms) read(ctx context.Context, room string, after, limit uint64, f func([]byte) error) error {
	for limit > 0 {
		events, err := c.archive.Read(ctx, room, after, int(min(limit, page)))
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			data, err := core.EncodeEvent(e)
			if err == nil {
				err = f(data)
			}
			if err != nil {
				return err
			}
		}
		after = events[len(events)-1].Number
		limit -= min(limit, uint64(len(events)))
	}
	return nil
}

func (c *rooms) export(ctx context.Context, names []string) error {
	one := func(room string) error {
		return c.read(ctx, room, 0, 1<<63, func(event []byte) error {
			return json.NewEncoder(c.out).Encode(line{Room: room, Event: event})
		})
	}
	if len(names) == 0 {
		return c.each(ctx, func(r core.ArchivedRoom) error {
			if r.Forgotten {
				return nil
			}
			return one(r.ID)
		})
	}
	for _, room := range names {
		if _, err := c.archive.Load(ctx, room); err != nil {
			return fmt.Errorf("room %q: %w", room, err)
		}
		if err := one(room); err != nil {
			return err
		}
	}
	return nil
}

// importAll takes an export in. Doing it again changes nothing.
func (c *rooms) importAll(ctx context.Context, names []string) error {
	if len(names) > 0 {
		return errors.New("room import: names no room; it reads an export from its standard input")
	}
	in := bufio.NewScanner(c.in)
	in.Buffer(nil, 4<<20)
	var piece core.Piece
	rooms, events, number := 0, 0, 0
	flush := func() error {
		if len(piece.Events) == 0 {
			return nil
		}
		events += len(piece.Events)
		err := c.archive.Store(ctx, []core.Piece{piece})
		piece.Events = nil
		return err
	}
	for in.Scan() {
		number++
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		var l line
		err := json.Unmarshal(in.Bytes(), &l)
		var e core.Event
		if err == nil {
			e, err = core.DecodeEvent(l.Event)
		}
		if err == nil && l.Room == "" {
			err = errors.New("it names no room")
		}
		if err != nil {
			return fmt.Errorf("line %d is none of an export: %w (%d events before it are imported; import again once it is mended)", number, err, events)
		}
		if l.Room != piece.Room {
			if err := flush(); err != nil {
				return err
			}
			if err := c.mayImport(ctx, l.Room, e); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			piece.Room = l.Room
			rooms++
		}
		if piece.Events = append(piece.Events, e); len(piece.Events) == page {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(in.Err(), flush()); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "imported %d rooms with %d events\n", rooms, events)
	return err
}

// mayImport refuses a room that the archive has with another history.
func (c *rooms) mayImport(ctx context.Context, room string, first core.Event) error {
	have, err := c.archive.Read(ctx, room, first.Number-1, 1)
	if err != nil {
		return err
	}
	if len(have) > 0 && have[0].ID != first.ID {
		return fmt.Errorf("the archive has a room %q with another history; import into one that does not have it", room)
	}
	return nil
}

func (c *rooms) forget(ctx context.Context, names []string) error {
	if len(names) < 1 || len(names) > 2 {
		return errors.New("room forget: name a room, and perhaps one of its members")
	}
	member := ""
	if len(names) == 2 {
		if member = names[1]; member == "" {
			return errors.New("room forget: the member has no name; leave it out to forget the whole room")
		}
	}
	rooms, err := c.archive.Read(ctx, names[0], 0, 1)
	if err == nil && len(rooms) == 0 {
		err = fmt.Errorf("room %q is not in the archive", names[0])
	}
	if err != nil {
		return err
	}
	if last, err := c.lastEvent(ctx, names[0]); err != nil {
		return err
	} else if age := time.Since(time.UnixMicro(last)); age < c.config.RoomTTL {
		return fmt.Errorf("room %q had an event %v ago, so a gateway may still hold it and write more: forget it room-ttl (%v) after its last event",
			names[0], age.Round(time.Second), c.config.RoomTTL)
	}
	if err := c.archive.Forget(ctx, names[0], member); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, "forgotten")
	return err
}

func (c *rooms) lastEvent(ctx context.Context, room string) (int64, error) {
	head, err := c.archive.Head(ctx, room)
	if err != nil || head.Number == 0 {
		return 0, err
	}
	events, err := c.archive.Read(ctx, room, head.Number-1, 1)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return events[0].At, nil
}
