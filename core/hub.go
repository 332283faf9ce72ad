package core

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tandem.watch/tandem/internal/limit"
	"tandem.watch/tandem/protocol"
)

// Options configure a Hub. Zero values mean the defaults named.
type Options struct {
	// Log keeps the rooms' events. Required.
	Log Log
	// Archive is where rooms come back from that Log no longer has; nil for none.
	// Log must be a Backlog then.
	Archive Archive
	// Clock is the cluster's clock. Required.
	Clock Clock
	// Secrets are what hashes of PINs and addresses are made with, each at least
	// 16 bytes: the first one makes new hashes, all of them check. Required.
	Secrets [][]byte
	// Logger receives what an operator should know. Required.
	Logger *slog.Logger

	// Grace is how long a seat outlives its connection: 30 s.
	Grace time.Duration
	// Unload is how long an unused room stays in memory: 1 min.
	Unload time.Duration
	// Patience is how long a command waits for the log: 5 s.
	Patience time.Duration
	// MaxMembers bounds a room: 300.
	MaxMembers int
	// JoinBurst bounds how often one address may enter a room, or come back to
	// it, at once, and then once a second: 200.
	JoinBurst int
	// MaxRooms bounds the rooms in memory: 100,000.
	MaxRooms int
	// SnapshotEvents and SnapshotEvery are after how many events, and at the
	// latest after how long, a changed room is snapshotted: 500 and 5 min.
	SnapshotEvents int
	SnapshotEvery  time.Duration
}

func (o *Options) defaults() error {
	switch {
	case o.Log == nil, o.Clock == nil, o.Logger == nil:
		return errors.New("core: Log, Clock and Logger are required")
	case len(o.Secrets) == 0:
		return errors.New("core: a secret is required")
	}
	for _, s := range o.Secrets {
		if len(s) < 16 {
			return errors.New("core: a secret must have at least 16 bytes")
		}
	}
	setDefault(&o.Grace, 30*time.Second)
	setDefault(&o.Unload, time.Minute)
	setDefault(&o.Patience, 5*time.Second)
	setDefault(&o.MaxMembers, 300)
	setDefault(&o.JoinBurst, 200)
	setDefault(&o.MaxRooms, 100_000)
	setDefault(&o.SnapshotEvents, 500)
	setDefault(&o.SnapshotEvery, 5*time.Minute)
	return nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Hub holds the rooms in use. Its methods are safe for use by several
// goroutines.
type Hub struct {
	opts    Options
	keys    keyring
	pins    *pinThrottle
	joins   *limit.Keyed
	peers   *peers
	loops   sync.WaitGroup
	lease   sync.WaitGroup     // keepLease
	release context.CancelFunc // ends keepLease
	ctx     context.Context    // ends when waiting for rooms is over
	cancel  context.CancelFunc

	// pressed is how full the log is, in thousandths.
	pressed atomic.Int64

	mu     sync.Mutex
	rooms  map[string]*loop
	closed bool
}

// NewHub returns a hub, or says which option is wrong.
func NewHub(o Options) (*Hub, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	k, err := deriveKeys(o.Secrets)
	if err != nil {
		return nil, err
	}
	h := &Hub{opts: o, keys: k, rooms: map[string]*loop{}, peers: newPeers(o.Log), pins: newPINThrottle(), joins: limit.NewKeyed(o.JoinBurst, time.Second, 50_000)}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	var ctx context.Context
	ctx, h.release = context.WithCancel(context.Background())
	if h.peers.leases != nil {
		h.lease.Go(func() { h.keepLease(ctx) })
	}
	return h, nil
}

// Recover takes up the rooms that have members but are not in memory: whose
// gateway is gone, as all are when the process starts, or whose loading failed.
// Who does not come back within the grace departs. It is to be called after
// the start and then now and again; rooms that members come back to meanwhile
// load by themselves. Rooms that other gateways hold are theirs.
func (h *Hub) Recover(ctx context.Context, keeper Keeper) error {
	const workers = 8
	ids, err := keeper.Occupied(ctx)
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, h.holds)
	if h.peers.leases != nil {
		// Those that no gateway holds, each by the one that it falls to.
		ids = slices.DeleteFunc(ids, func(id string) bool { return !h.peers.first(id) })
		if ids, err = h.peers.leases.Unfollowed(ctx, ids); err != nil {
			return err
		}
	}
	next := make(chan string)
	var loading sync.WaitGroup
	for range workers {
		loading.Go(func() {
			for id := range next {
				h.recover(ctx, id)
			}
		})
	}
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		if !h.holds(id) {
			next <- id
		}
	}
	close(next)
	loading.Wait()
	return ctx.Err()
}

func (h *Hub) recover(ctx context.Context, id string) {
	l, err := h.acquire(ctx, id)
	if err == nil {
		l.release()
	} else if ctx.Err() == nil {
		h.opts.Logger.Warn("room not recovered", "room", id, "error", err)
	}
}

// Owns says whether this gateway, of all that share the log and live, is the one
// to look after a room as a whole: to archive it, say.
func (h *Hub) Owns(room string) bool { return h.peers.leases == nil || h.peers.first(room) }

// How full the log may be before new rooms, and then chat, are refused: what is
// left is for the rooms that there are.
const (
	fullForRooms = 800
	fullForChat  = 900
)

var errLogFull = &protocol.Error{
	Code: protocol.CodeUnavailable, Message: "there is no room for more history at this moment; try again later", RetryAfterMs: 30_000,
}

// Press tells the hub how full the log is, from 0 to 1; see Pressure.
func (h *Hub) Press(used float64) {
	now := int64(1000 * min(max(used, 0), 1))
	before := h.pressed.Swap(now)
	switch {
	case now >= fullForRooms && before < fullForRooms:
		h.opts.Logger.Error("the log is 80 % full: new rooms are refused, chat at 90 %; give it more memory, or bring the archive back")
	case now < fullForRooms && before >= fullForRooms:
		h.opts.Logger.Info("the log has space again")
	}
}

// Context ends when the hub has been shut down.
func (h *Hub) Context() context.Context { return h.ctx }

// Stats counts what the hub holds.
type Stats struct{ Rooms int }

// Stats returns what the hub holds now.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{Rooms: len(h.rooms)}
}

// acquire returns the room's loop, loaded, and keeps it in memory until its
// release is called.
func (h *Hub) acquire(ctx context.Context, id string) (*loop, error) {
	l, err := h.hold(id)
	if err != nil {
		return nil, err
	}
	select {
	case <-l.loaded:
		err = l.loadErr
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		return l, nil
	}
	l.release()
	switch {
	case errors.Is(err, errArchiveAway):
		return nil, errArchiveAway
	case errors.Is(err, ErrNoRoom):
		return nil, protocol.Errorf(protocol.CodeRoomNotFound, "there is no such room")
	case ctx.Err() != nil:
		return nil, ctx.Err()
	default:
		h.opts.Logger.Error("room cannot be loaded", "room", id, "error", err)
		return nil, protocol.Errorf(protocol.CodeUnavailable, "the room cannot be loaded now; try again")
	}
}

func (h *Hub) hold(id string) (*loop, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, protocol.Errorf(protocol.CodeUnavailable, "this gateway is stopping")
	}
	l := h.rooms[id]
	if l == nil {
		if len(h.rooms) >= h.opts.MaxRooms {
			return nil, errFull
		}
		l = newLoop(h, id)
		h.rooms[id] = l
		h.loops.Go(func() {
			l.run()
		})
	}
	l.refs++
	return l, nil
}

var errFull = &protocol.Error{Code: protocol.CodeUnavailable, Message: "this gateway holds as many rooms as it may", RetryAfterMs: 5000}

// full says that no further room can be held.
func (h *Hub) full() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rooms) >= h.opts.MaxRooms
}

// holds says whether a room is in memory.
func (h *Hub) holds(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[id] != nil
}

// release gives back what acquire gave.
func (l *loop) release() {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.refs--
}

// retire takes an idle loop out of the hub, unless somebody holds it.
func (h *Hub) retire(l *loop) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l.refs > 0 {
		return false
	}
	h.forget(l)
	return true
}

// abandon takes a failed loop out of the hub, whoever holds it: they find it
// done, and the next to come loads the room anew.
func (h *Hub) abandon(l *loop) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(l)
}

func (h *Hub) forget(l *loop) {
	if h.rooms[l.id] == l {
		delete(h.rooms, l.id)
	}
}

// Shutdown ends all rooms: what was asked is still done and answered, every
// connection gets a bye that makes it come back, the rooms are snapshotted. It
// returns when all are done, or with an error when ctx ends before that.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	for _, l := range h.rooms {
		l.stop()
	}
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		h.loops.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	h.cancel()
	<-done
	h.release()
	h.lease.Wait()
	return err
}

// pinThrottle bounds tries of PINs, by address and by room.
type pinThrottle struct{ address, room *limit.Keyed }

func newPINThrottle() *pinThrottle {
	return &pinThrottle{
		address: limit.NewKeyed(5, 12*time.Second, 20_000),
		room:    limit.NewKeyed(50, 6*time.Second, 20_000),
	}
}

// begin counts a try, before it is known whether the PIN is right: tries at the
// same time are tries too.
func (p *pinThrottle) begin(room, address string) error {
	wait, ok := p.address.Take(room + "|" + address)
	if ok {
		if wait, ok = p.room.Take(room); !ok {
			p.address.Give(room + "|" + address)
		}
	}
	if ok {
		return nil
	}
	return &protocol.Error{
		Code: protocol.CodePINThrottled, Message: "too many wrong PINs; wait before the next try", RetryAfterMs: wait.Milliseconds() + 1,
	}
}

// forgive takes a try back that was not wrong.
func (p *pinThrottle) forgive(room, address string) {
	p.address.Give(room + "|" + address)
	p.room.Give(room)
}
