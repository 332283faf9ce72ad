package core

import (
	"context"
	"errors"
	"fmt"
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
// gives no sign of life; from another address it loses its rank. Whoever had it
// before may have it back, see evicted.
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
		if c.evicted, err = h.evicted(ctx, l.id, req.Member); err != nil {
			return nil, err
		}
		if c.generation == 0 {
			p.cmd, err = h.claimNew(ctx, l, req, c)
		} else {
			p.cmd, err = h.claimTaken(ctx, l, req, c, p)
		}
		if err != nil {
			return nil, err
		}
		if c.back(h, req) {
			p.secrets = append(p.secrets, Secret{Name: secretEvicted + req.Member}) // that is over
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

// claimNew joins with an id that nobody has. Whoever was evicted and whose seat
// was given up after that gets its rank back, through a door that has been shut
// meanwhile.
func (h *Hub) claimNew(ctx context.Context, l *loop, req JoinRequest, c claim) (Command, error) {
	join := Join{Member: req.Member, Name: req.Name, Slow: req.Slow, Gateway: h.peers.self}
	if !c.back(h, req) || c.evicted.role == RoleGuest {
		access, err := h.admit(ctx, l, req)
		join.Access = access
		return join, err
	}
	door, err := l.door(ctx)
	if err != nil {
		return nil, err
	}
	join.Access, join.Rank = door.access, c.evicted.role
	return join, h.checkBans(ctx, l.id, door.banned, req.Address)
}

// claimTaken takes a seat over. While somebody evicted may come back, everybody
// else is a stranger.
func (h *Hub) claimTaken(ctx context.Context, l *loop, req JoinRequest, c claim, p *pending) (Command, error) {
	attach := Attach{Member: req.Member, Generation: c.generation, Fresh: true, Gateway: h.peers.self}
	if c.back(h, req) {
		door, err := l.door(ctx)
		if err != nil {
			return nil, err
		}
		attach.Rank = c.evicted.role
		return attach, h.checkBans(ctx, l.id, door.banned, req.Address)
	}
	recorded, err := h.opts.Log.Secret(ctx, l.id, secretAddr+req.Member)
	if err != nil {
		return nil, publicError(err)
	}
	foreign, err := h.plausible(ctx, l, req, c, recorded)
	if err != nil {
		return nil, err
	}
	if foreign && c.evicted == (evicted{}) && recorded != nil {
		until := h.opts.Clock.Now() + h.opts.Grace.Microseconds()
		value := fmt.Appendf(nil, "%d %s %s", until, c.role, recorded.Value)
		// It goes with the room, not with the member: a stranger may give up the seat.
		p.secrets = append(p.secrets, Secret{Name: secretEvicted + req.Member, Value: value})
	}
	attach.Foreign = foreign || c.evicted != (evicted{})
	return attach, nil
}

// plausible says whether the seat may be taken over, and whether it is by
// somebody from elsewhere. An id is no secret, so a PIN is asked for again; those
// who guess it elsewhere do not keep out who comes from the address recorded.
func (h *Hub) plausible(ctx context.Context, l *loop, req JoinRequest, c claim, recorded *Secret) (foreign bool, err error) {
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
	known := recorded != nil && !req.Shared && h.keys.isAddress(string(recorded.Value), l.id, req.Address)
	if door.pin {
		if err := h.checkPIN(ctx, l.id, req, known); err != nil {
			return false, err
		}
	}
	if known {
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
	role       Role
	same       bool // it is the claimer's own
	conn       Conn // of who has it; nil when away
	evicted    evicted
}

// evicted is who had a seat before somebody from another address took it over,
// in whose favour that is undone for another grace: an address is a better proof
// than an id that everybody in the room knows. The zero value is nobody.
type evicted struct {
	role    Role
	address string // its hash
}

// back says that it is the claimer who was evicted.
func (c claim) back(h *Hub, req JoinRequest) bool {
	return c.evicted != (evicted{}) && !req.Shared && h.keys.isAddress(c.evicted.address, req.Room, req.Address)
}

func (h *Hub) evicted(ctx context.Context, room, member string) (evicted, error) {
	secret, err := h.opts.Log.Secret(ctx, room, secretEvicted+member)
	if err != nil || secret == nil || len(secret.Value) == 0 {
		return evicted{}, publicError(err)
	}
	var e evicted
	var until int64
	if _, err := fmt.Sscan(string(secret.Value), &until, &e.role, &e.address); err != nil || until <= h.opts.Clock.Now() {
		return evicted{}, nil //nolint:nilerr // what cannot be read is nobody
	}
	return e, nil
}

func (l *loop) claimed(ctx context.Context, req JoinRequest) (claim, error) {
	return ask(ctx, l, func(l *loop) claim {
		m, st := l.room.Member(req.Member), l.seats[req.Member]
		if m == nil || st == nil {
			return claim{}
		}
		c := claim{generation: m.Generation, role: m.Role}
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
