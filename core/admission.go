package core

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"tandem.watch/tandem/protocol"
)

// keys are derived from a configured secret, a label for each use.
type keys struct{ pin, address, alias []byte }

// keyring holds the keys of all secrets in force: the first one's make hashes,
// all of them check, so that a secret can be rotated.
type keyring []keys

func deriveKeys(secrets [][]byte) (keyring, error) {
	var ring keyring
	for _, secret := range secrets {
		var k keys
		for label, key := range map[string]*[]byte{"tandem pin v1": &k.pin, "tandem address v1": &k.address, "tandem alias v1": &k.alias} {
			derived, err := hkdf.Key(sha256.New, secret, nil, label, sha256.Size)
			if err != nil {
				return nil, fmt.Errorf("core: deriving keys: %w", err)
			}
			*key = derived
		}
		ring = append(ring, k)
	}
	return ring, nil
}

// Names of secrets.
const (
	secretPIN  = "pin"
	secretSeat = "seat:" // and the token's hash; the value is the member
	secretAddr = "addr:" // and the member; the value is the hash of its address
	secretBan  = "ban:"  // and the member; the value is the hash of its address
)

// hashPIN is a keyed hash rather than a slow one: a PIN has so few values that
// no work factor protects it once the table is read; the key, which is not in
// the table, does. Guessing through the front door is throttled.
func (r keyring) hashPIN(room, pin string) []byte { return mac(r[0].pin, room, pin) }

func (r keyring) isPIN(hash []byte, room, pin string) bool {
	for _, k := range r {
		if hmac.Equal(hash, mac(k.pin, room, pin)) {
			return true
		}
	}
	return false
}

// hashAddress returns the hashes of an address under all secrets, the one to
// keep first.
func (r keyring) hashAddress(room, address string) []string {
	hashes := make([]string, len(r))
	for i, k := range r {
		hashes[i] = hex.EncodeToString(mac(k.address, room, address)[:16])
	}
	return hashes
}

func mac(key []byte, room, value string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(h, "%d:%s%s", len(room), room, value)
	return h.Sum(nil)
}

func seatSecret(token string) string {
	sum := sha256.Sum256([]byte(token))
	return secretSeat + hex.EncodeToString(sum[:])
}

// CreateRequest asks for a room.
type CreateRequest struct {
	// Name is the host's; PIN, if any, will be asked of everybody else.
	Name, PIN string
	// Title is what the room is called; "" is no title.
	Title string
	Media Media
	// Address is whoever asks, as limits count it.
	Address string
}

// CreatedRoom is what Create made.
type CreatedRoom struct{ Room, Member, Seat string }

// Create makes a room whose host is a new member, not yet connected: it enters
// with the seat token within the grace, or departs.
func (h *Hub) Create(ctx context.Context, req CreateRequest) (CreatedRoom, error) {
	made := CreatedRoom{Room: NewRoomID(), Member: newMemberID(), Seat: newSeatToken()}
	create := Create{Settings: Settings{GuestControl: true, Title: req.Title}, Media: req.Media, Member: made.Member, Name: req.Name}
	batch, err := h.createBatch(made.Room, create, req.PIN, h.seatSecrets(made.Room, made.Member, made.Seat, req.Address))
	if err != nil {
		return CreatedRoom{}, err
	}
	// Whoever asked may be gone before the log has answered; the room is made
	// or not all the same, and its host's seat must get its grace.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.opts.Patience)
	defer cancel()
	if _, err := commit(ctx, h.opts.Log, made.Room, Head{}, batch); err != nil {
		return CreatedRoom{}, publicError(err)
	}
	// Loading it begins the grace of the host's seat.
	l, err := h.acquire(ctx, made.Room)
	if err != nil {
		return CreatedRoom{}, err
	}
	l.release()
	return made, nil
}

// createBatch returns the first entries of a room's log.
func (h *Hub) createBatch(id string, c Create, pin string, secrets []Secret) (Batch, error) {
	c.Settings.PIN, c.Gateway = pin != "", h.peers.self
	room := NewRoom(id)
	d, err := Decide(room, Ref{}, c, h.opts.Clock.Now(), Hints{})
	if err != nil {
		return Batch{}, err
	}
	batch := Batch{Members: 1, Secrets: secrets}
	if pin != "" {
		batch.Secrets = append(batch.Secrets, Secret{Name: secretPIN, Value: h.keys.hashPIN(id, pin)})
	}
	if batch.Events, err = room.extend(Ref{}, d.Bodies, h.opts.Clock.Now()); err != nil {
		return Batch{}, err
	}
	if h.full() {
		return Batch{}, errFull
	}
	if h.pressed.Load() >= fullForRooms {
		return Batch{}, errLogFull
	}
	return batch, nil
}

func (h *Hub) seatSecrets(room, member, token, address string) []Secret {
	return []Secret{
		{Name: seatSecret(token), Member: member, Value: []byte(member)},
		h.addressSecret(room, member, address),
	}
}

func (h *Hub) addressSecret(room, member, address string) Secret {
	return Secret{Name: secretAddr + member, Member: member, Value: []byte(h.keys.hashAddress(room, address)[0])}
}

// JoinRequest asks to enter a room.
type JoinRequest struct {
	Room, Name, PIN string
	// Resume comes back to a seat; nil takes a new one.
	Resume *Resume
	// Address is where the connection comes from, as limits count it.
	Address string
	// Slow marks a client that needs long to get ready.
	Slow bool
	// Beats asks for a Beat now and then.
	Beats bool
	Conn  Conn

	// Member is an id that the client has made itself; "" has one made. See claim.
	Member string
	// Found makes the room if there is none; it needs Member. nil does not.
	Found *Founding
	// Again is the session that the same connection has already: that needs no
	// further proof. May be nil.
	Again *Session
}

// Founding is what a room begins with that is made for its first member.
type Founding struct {
	Settings Settings
	Media    Media
	// Allow says whether another room may be made: nil, or why not.
	Allow func() error
}

// Resume names a seat by its token, and the last event that its client has seen.
type Resume struct {
	Token         string
	Epoch, Number uint64
}

// Join enters a room. When it returns a session, the Conn has been sent a
// Welcomed. Refusals are of type *protocol.Error; others are ctx's.
func (h *Hub) Join(ctx context.Context, req JoinRequest) (*Session, error) {
	l, err := h.acquire(ctx, req.Room)
	if req.Found != nil && (errors.Is(err, &protocol.Error{Code: protocol.CodeRoomNotFound}) || err == errArchiveAway) { //nolint:errorlint // this very one
		if err = h.found(ctx, req); err == nil {
			l, err = h.acquire(ctx, req.Room)
		}
	}
	if err != nil {
		return nil, err
	}
	s, err := h.enter(ctx, l, req)
	if err != nil {
		l.release()
		return nil, err
	}
	return s, nil
}

func (h *Hub) enter(ctx context.Context, l *loop, req JoinRequest) (*Session, error) {
	ctx, cancel := context.WithTimeout(ctx, h.opts.Patience+h.opts.Patience/2)
	defer cancel()
	if wait, ok := h.joins.Take(l.id + "|" + req.Address); !ok {
		return nil, &protocol.Error{
			Code: protocol.CodeRateLimited, Message: "too many hellos from your address", RetryAfterMs: wait.Milliseconds() + 1,
		}
	}
	if req.Resume != nil {
		return h.resume(ctx, l, req)
	}
	if req.Member != "" {
		return h.claim(ctx, l, req)
	}
	// Who may enter can change between the check and the join; then again.
	for range 4 {
		access, err := h.admit(ctx, l, req)
		if err != nil {
			return nil, err
		}
		member, token := newMemberID(), newSeatToken()
		s := &Session{loop: l, member: member, token: token, conn: req.Conn, address: req.Address, hears: req.Beats}
		err = l.enter(ctx, s, nil, &pending{
			cmd:     Join{Member: member, Name: req.Name, Access: access, Slow: req.Slow, Gateway: h.peers.self},
			secrets: h.seatSecrets(l.id, member, token, req.Address),
		})
		if !errors.Is(err, ErrAccessChanged) {
			return s, err
		}
	}
	return nil, protocol.Errorf(protocol.CodeUnavailable, "the room's settings keep changing; try again")
}

func (h *Hub) resume(ctx context.Context, l *loop, req JoinRequest) (*Session, error) {
	secret, err := h.opts.Log.Secret(ctx, l.id, seatSecret(req.Resume.Token))
	if err != nil {
		return nil, publicError(err)
	}
	if secret == nil {
		return nil, protocol.Errorf(protocol.CodeSeatUnknown, "this seat is not, or no longer, in the room")
	}
	member := string(secret.Value)
	s := &Session{loop: l, member: member, token: req.Resume.Token, conn: req.Conn, address: req.Address, returns: true, hears: req.Beats}
	return s, l.enter(ctx, s, req.Resume, &pending{
		cmd:     Attach{Member: member, Fresh: req.Resume.Number == 0, Gateway: h.peers.self},
		secrets: []Secret{h.addressSecret(l.id, member, req.Address)},
	})
}

// admit checks bans and the PIN, and returns the access number that the check
// holds for.
func (h *Hub) admit(ctx context.Context, l *loop, req JoinRequest) (access uint64, err error) {
	door, err := l.door(ctx)
	if err != nil {
		return 0, err
	}
	if err := h.checkBans(ctx, l.id, door.banned, req.Address); err != nil {
		return 0, err
	}
	if door.locked {
		return 0, protocol.Errorf(protocol.CodeRoomLocked, "the room is locked")
	}
	if door.pin {
		if err := h.checkPIN(ctx, l.id, req); err != nil {
			return 0, err
		}
	}
	return door.access, nil
}

// checkBans refuses the address of any of the banned members.
func (h *Hub) checkBans(ctx context.Context, room string, banned []string, address string) error {
	hashes := h.keys.hashAddress(room, address)
	for _, member := range banned {
		secret, err := h.opts.Log.Secret(ctx, room, secretBan+member)
		if err != nil {
			return publicError(err)
		}
		if secret != nil && slices.Contains(hashes, string(secret.Value)) {
			return protocol.Errorf(protocol.CodeBanned, "you are banned from this room")
		}
	}
	return nil
}

func (h *Hub) checkPIN(ctx context.Context, room string, req JoinRequest) error {
	if req.PIN == "" {
		return protocol.Errorf(protocol.CodePINRequired, "this room asks for a PIN")
	}
	if err := h.pins.begin(room, req.Address); err != nil {
		return err
	}
	secret, err := h.opts.Log.Secret(ctx, room, secretPIN)
	if err != nil {
		h.pins.forgive(room, req.Address)
		return publicError(err)
	}
	if secret == nil {
		h.pins.forgive(room, req.Address)
		return protocol.Errorf(protocol.CodeForbidden, "this room is back from the archive, which keeps no PINs, so nobody can be let in; create another room")
	}
	if !h.keys.isPIN(secret.Value, room, req.PIN) {
		return protocol.Errorf(protocol.CodePINInvalid, "wrong PIN")
	}
	h.pins.forgive(room, req.Address)
	return nil
}

// RoomInfo is what somebody outside may know of a room whose id they have.
type RoomInfo struct {
	// Title is "" where there is none, or where a PIN is asked.
	Title       string
	PIN, Locked bool
	Members     int
}

// Info returns what somebody outside may know of a room.
func (h *Hub) Info(ctx context.Context, room string) (RoomInfo, error) {
	l, err := h.acquire(ctx, room)
	if err != nil {
		return RoomInfo{}, err
	}
	defer l.release()
	d, err := l.door(ctx)
	if d.pin {
		d.title = ""
	}
	return RoomInfo{Title: d.title, PIN: d.pin, Locked: d.locked, Members: d.members}, err
}

// Seated returns the member whose seat in a room a token is for; "" if it is for
// none. It does not load the room.
func (h *Hub) Seated(ctx context.Context, room, token string) (member string, err error) {
	secret, err := h.opts.Log.Secret(ctx, room, seatSecret(token))
	if err != nil || secret == nil {
		return "", publicError(err)
	}
	return string(secret.Value), nil
}

// History returns at most limit events of a room after a number, oldest first:
// from the log, or from the archive what the log has let go of. None is no
// error.
func (h *Hub) History(ctx context.Context, room string, after uint64, limit int) ([]Event, error) {
	events, err := h.opts.Log.Read(ctx, room, after, limit)
	if err != nil {
		return nil, publicError(err)
	}
	if h.opts.Archive == nil || len(events) > 0 && events[0].Number == after+1 {
		return events, nil
	}
	old, err := h.opts.Archive.Read(ctx, room, after, limit)
	if err != nil {
		return nil, publicError(err)
	}
	for _, e := range events { // the log's come after the archive's
		if n := len(old); n > 0 && n < limit && e.Number == old[n-1].Number+1 {
			old = append(old, e)
		}
	}
	if len(old) == 0 {
		return events, nil
	}
	return old, nil
}

// publicError turns any error into one that a client may see.
func publicError(err error) error {
	var public *protocol.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &public), errors.Is(err, ErrAccessChanged):
		return err
	case errors.Is(err, ErrUnknown):
		return protocol.Errorf(protocol.CodeUnknown, "this may or may not have been done; ask again with the same id")
	case errors.Is(err, ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &protocol.Error{Code: protocol.CodeUnavailable, Message: "not done; try again", RetryAfterMs: 1000}
	default:
		return protocol.Errorf(protocol.CodeInternal, "a fault of the gateway")
	}
}
