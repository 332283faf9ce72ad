package core

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tandem.watch/tandem/protocol"
)

// found makes the room for its first member, who is away until it is seated.
// Whoever finds that somebody else was first joins that room.
func (h *Hub) found(ctx context.Context, req JoinRequest) error {
	if err := claimable(req.Member); err != nil {
		return err
	}
	if req.Found.Allow != nil {
		if err := req.Found.Allow(); err != nil {
			return err
		}
	}
	create := Create{Settings: req.Found.Settings, Media: req.Found.Media, Member: req.Member, Name: req.Name, Slow: req.Slow}
	batch, err := h.createBatch(req.Room, create, req.PIN, []Secret{h.addressSecret(req.Room, req.Member, req.Address)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.opts.Patience)
	defer cancel()
	_, err = commit(ctx, h.opts.Log, req.Room, Head{}, batch)
	if _, ok := errors.AsType[*Conflict](err); ok {
		return nil
	}
	return publicError(err)
}

// claimable refuses ids that only gateways make: their seats have tokens.
func claimable(member string) error {
	if strings.HasPrefix(member, memberPrefix) {
		return protocol.Errorf(protocol.CodeInvalid, "ids that begin with %q are the gateway's own", memberPrefix)
	}
	return nil
}

// claim enters as the member that the client names itself. A new one joins. A
// seat that is there is taken over when it is plausibly the same client: over
// the same connection, from the same address, or when the one before is gone or
// gives no sign of life; from another address it loses its rank.
func (h *Hub) claim(ctx context.Context, l *loop, req JoinRequest) (*Session, error) {
	if err := claimable(req.Member); err != nil {
		return nil, err
	}
	for range 4 {
		c, err := l.claimed(ctx, req)
		if err != nil {
			return nil, err
		}
		p := &pending{secrets: []Secret{h.addressSecret(l.id, req.Member, req.Address)}}
		if c.generation == 0 {
			access, err := h.admit(ctx, l, req)
			if err != nil {
				return nil, err
			}
			p.cmd = Join{Member: req.Member, Name: req.Name, Access: access, Slow: req.Slow, Gateway: h.peers.self}
		} else {
			foreign, err := h.plausible(ctx, l, req, c)
			if err != nil {
				return nil, err
			}
			p.cmd = Attach{Member: req.Member, Generation: c.generation, Fresh: true, Foreign: foreign, Gateway: h.peers.self}
		}
		s := &Session{loop: l, member: req.Member, conn: req.Conn, address: req.Address, returns: c.generation != 0, hears: req.Beats}
		err = l.enter(ctx, s, nil, p)
		if !errors.Is(err, ErrAccessChanged) && !errors.Is(err, errJoined) {
			return s, err
		}
	}
	return nil, protocol.Errorf(protocol.CodeUnavailable, "the room's settings keep changing; try again")
}

// errJoined is what a Join is refused with when its seat is there already:
// somebody has joined with the same id at the same time.
var errJoined = &protocol.Error{Code: protocol.CodeInvalid}

// probePatience is how long a connection whose seat is claimed from elsewhere
// has to give a sign of life.
const probePatience = 2 * time.Second

// plausible says whether the seat may be taken over, and whether it is by
// somebody from elsewhere. An id is no secret, so a PIN is asked for again.
func (h *Hub) plausible(ctx context.Context, l *loop, req JoinRequest, c claim) (foreign bool, err error) {
	if c.same {
		return false, nil
	}
	door, err := l.door(ctx)
	if err != nil {
		return false, err
	}
	if err := h.checkBans(ctx, l.id, door.banned, req.Address); err != nil {
		return false, err
	}
	if door.pin {
		if err := h.checkPIN(ctx, l.id, req); err != nil {
			return false, err
		}
	}
	secret, err := h.opts.Log.Secret(ctx, l.id, secretAddr+req.Member)
	if err != nil {
		return false, publicError(err)
	}
	if secret != nil && slices.Contains(h.keys.hashAddress(l.id, req.Address), string(secret.Value)) {
		return false, nil
	}
	if c.conn == nil {
		return true, nil
	}
	if p, ok := c.conn.(Prober); ok {
		ctx, cancel := context.WithTimeout(ctx, probePatience)
		defer cancel()
		if !p.Probe(ctx) {
			return true, nil
		}
	}
	return false, protocol.Errorf(protocol.CodeForbidden, "this id is in use from another address")
}

// claim is what is known of a seat that somebody claims.
type claim struct {
	generation uint64 // 0 when there is no such seat
	same       bool   // it is the claimer's own
	conn       Conn   // of who has it; nil when away
}

func (l *loop) claimed(ctx context.Context, req JoinRequest) (claim, error) {
	return ask(ctx, l, func(l *loop) claim {
		m, st := l.room.Member(req.Member), l.seats[req.Member]
		if m == nil || st == nil {
			return claim{}
		}
		c := claim{generation: m.Generation}
		if s := st.session; s != nil {
			c.conn, c.same = s.conn, s == req.Again
		}
		return c
	})
}

// ask has a question answered by the room's goroutine.
func ask[T any](ctx context.Context, l *loop, question func(*loop) T) (T, error) {
	var none T
	answer := make(chan T, 1)
	if err := l.post(ctx, postedFunc(func(l *loop) { answer <- question(l) })); err != nil {
		return none, err
	}
	select {
	case a := <-answer:
		return a, nil
	case <-l.gone:
		return none, publicError(ErrUnavailable)
	case <-ctx.Done():
		return none, publicError(ctx.Err())
	}
}
