package core

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"

	"tandem.watch/tandem/protocol"
)

// AliasTTL is how long a room's short code leads to it.
const AliasTTL = 4 * time.Hour

// Short codes.
const (
	// AliasLength is how many characters a short code has, of 0-9 and a-z.
	AliasLength = 7
	aliases     = 36 * 36 * 36 * 36 * 36 * 36 * 36
	// A code has a log of its own, which says what it leads to: so it outlives a
	// gateway, and is known to all. No room can be there, for this is longer than
	// the id of a room may be.
	aliasPrefix = "a short code, which is not the id of a room that one may join: "
	secretAlias = "alias"
)

// Alias returns a short code for a room in which somebody is, the same one while
// it is good for a while yet.
func (h *Hub) Alias(ctx context.Context, room string) (string, error) {
	info, err := h.Info(ctx, room)
	if err != nil {
		return "", err
	}
	if info.Members == 0 {
		return "", protocol.Errorf(protocol.CodeRoomNotFound, "there is nobody in this room")
	}
	ctx, cancel := context.WithTimeout(ctx, h.opts.Patience)
	defer cancel()
	for try := range 8 { // more than one only when two rooms, or two gateways, meet
		code := h.aliasCode(room, try/2)
		done, err := h.lead(ctx, code, room)
		if done || err != nil {
			return code, publicError(err)
		}
	}
	return "", publicError(ErrUnavailable)
}

// Room returns what a short code leads to.
func (h *Hub) Room(ctx context.Context, code string) (string, error) {
	unknown := protocol.Errorf(protocol.CodeRoomNotFound, "there is no such code")
	if len(code) != AliasLength {
		return "", unknown
	}
	secret, err := h.opts.Log.Secret(ctx, aliasPrefix+code, secretAlias)
	if err != nil {
		return "", publicError(err)
	}
	room, until := parseAlias(secret)
	if until <= h.opts.Clock.Now() {
		return "", unknown
	}
	if _, err := h.Info(ctx, room); err != nil {
		return "", err
	}
	return room, nil
}

// aliasCode is what no stranger can guess, and every gateway finds.
func (h *Hub) aliasCode(room string, n int) string {
	sum := mac(h.keys[0].alias, room, strconv.Itoa(n))
	code := strconv.FormatUint(binary.BigEndian.Uint64(sum)%aliases, 36)
	return strings.Repeat("0", AliasLength-len(code)) + code
}

// lead makes a code lead to a room. It returns false when another room has it,
// or when somebody else is making it do so at this moment.
func (h *Hub) lead(ctx context.Context, code, room string) (bool, error) {
	id, now := aliasPrefix+code, h.opts.Clock.Now()
	secret, err := h.opts.Log.Secret(ctx, id, secretAlias)
	if err != nil {
		return false, err
	}
	other, until := parseAlias(secret)
	switch {
	case other == room && until > now+AliasTTL.Microseconds()/2:
		return true, nil
	case other != room && until > now:
		return false, nil
	}
	log, err := h.logOf(ctx, id)
	if err != nil {
		return false, err
	}
	var body Body = Noted{}
	if !log.Exists() {
		body = Created{Room: id}
	}
	head := log.LogHead()
	b := Batch{Secrets: []Secret{{Name: secretAlias, Value: strconv.AppendInt(nil, now+AliasTTL.Microseconds(), 10)}}}
	b.Secrets[0].Value = append(append(b.Secrets[0].Value, ' '), room...)
	if b.Events, err = log.extend(Ref{}, []Body{body}, now); err != nil {
		return false, err
	}
	_, err = commit(ctx, h.opts.Log, id, head, b)
	if _, ok := errors.AsType[*Conflict](err); ok {
		return false, nil
	}
	return err == nil, err
}

// logOf returns the state that a log adds up to.
func (h *Hub) logOf(ctx context.Context, id string) (*Room, error) {
	stored, err := h.opts.Log.Load(ctx, id, 1)
	if errors.Is(err, ErrNoRoom) {
		return NewRoom(id), nil
	}
	if err != nil {
		return nil, err
	}
	return stored.room(id)
}

func parseAlias(s *Secret) (room string, until int64) {
	if s == nil {
		return "", 0
	}
	at, room, _ := strings.Cut(string(s.Value), " ")
	until, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return "", 0
	}
	return room, until
}
