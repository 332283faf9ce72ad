package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"tandem.watch/tandem/core"
	"tandem.watch/tandem/core/roomlog"
)

// What scripts/append.lua answers with.
const (
	otherHistory = iota
	behind
	appended
	placed
)

// Append implements core.Log. A batch that is in the log already, right after
// its head, was appended by an earlier try: that is no conflict.
func (l *Log) Append(ctx context.Context, room string, head core.Head, b core.Batch) error {
	_, err := l.append(ctx, room, head, b, nil)
	return err
}

// Place implements core.Placer.
func (l *Log) Place(ctx context.Context, room string, head core.Head, b core.Batch, past []string) ([]core.Event, error) {
	return l.append(ctx, room, head, b, past)
}

func (l *Log) append(ctx context.Context, room string, head core.Head, b core.Batch, past []string) ([]core.Event, error) {
	a, err := roomlog.Prepare(room, head, b)
	if err != nil {
		return nil, err
	}
	if err := alive(ctx); err != nil {
		return nil, err
	}
	k := keysOf(room)
	answer, err := l.run(ctx, appendScript, []string{k.room, k.log, k.index, k.backlog}, l.arguments(a, b, k, past)...).Slice()
	if err != nil {
		return nil, appendFailed(ctx, err)
	}
	code, missed, err := parseAnswer(answer)
	switch {
	case err != nil:
		return nil, err
	case code == appended, code == placed:
		return missed, nil
	case len(missed) >= len(b.Events) && missed[0].ID == b.Events[0].ID:
		return nil, nil
	default:
		return nil, &core.Conflict{Missed: missed}
	}
}

// arguments are those that scripts/append.lua describes.
func (l *Log) arguments(a *roomlog.Append, b core.Batch, k keys, past []string) []any {
	kinds := ""
	if len(past) > 0 {
		kinds = "," + strings.Join(past, ",") + ","
	}
	args := make([]any, 0, 18+3*len(a.Events)+len(a.Forget)+3*len(a.Secrets))
	args = append(args, k.channel, a.Room, l.self, a.Head.Epoch, a.Head.Number, hexID(a.Head.ID),
		a.Next.Epoch, a.Next.Number, hexID(a.Next.ID), a.At, a.Members, a.Change, l.emptyTTL, roomlog.MaxMissed, kinds, len(a.Events))
	for i, e := range b.Events {
		args = append(args, e.Epoch, hexID(e.ID), a.Events[i])
	}
	args = append(args, len(a.Forget))
	for _, member := range a.Forget {
		args = append(args, member)
	}
	args = append(args, len(a.Secrets))
	for _, s := range a.Secrets {
		args = append(args, s.Name, s.Member, s.Value)
	}
	return args
}

func parseAnswer(answer []any) (code int, missed []core.Event, err error) {
	if len(answer) == 0 {
		return 0, nil, fmt.Errorf("redis: the append script answered nothing")
	}
	n, ok := answer[0].(int64)
	if !ok {
		return 0, nil, fmt.Errorf("redis: the append script answered %T", answer[0])
	}
	missed, err = decodeEvents(answer[1:])
	if int(n) == behind && missed == nil && err == nil {
		missed = []core.Event{}
	}
	return int(n), missed, err
}

// decodeEvents decodes a list of stored events; none is nil.
func decodeEvents(list []any) ([]core.Event, error) {
	var events []core.Event
	for _, v := range list {
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("redis: a stored event is a %T", v)
		}
		e, err := core.DecodeEvent([]byte(text))
		if err != nil {
			return nil, err
		}
		if events == nil {
			events = make([]core.Event, 0, len(list))
		}
		events = append(events, e)
	}
	return events, nil
}

func hexID(id core.EventID) string {
	text, _ := id.MarshalText() // never fails
	return string(text)
}

// parseHead reads a head from its three texts; ok is false when they are none.
func parseHead(epoch, number, id string) (h core.Head, ok bool) {
	var err [3]error
	h.Epoch, err[0] = strconv.ParseUint(epoch, 10, 64)
	h.Number, err[1] = strconv.ParseUint(number, 10, 64)
	err[2] = h.ID.UnmarshalText([]byte(id))
	return h, err[0] == nil && err[1] == nil && err[2] == nil
}
