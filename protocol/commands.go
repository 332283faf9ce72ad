package protocol

import (
	"strings"
	"unicode"
)

// Play starts the timeline for everybody, a short lead ahead so that all start
// together. While the room plays it changes nothing.
type Play struct {
	Command
	// Position starts there instead of where the timeline stands.
	Position *float64 `json:"position,omitempty"`
	// Wait opens a ready gate first: the room starts when its members are ready.
	Wait bool `json:"wait,omitempty"`
}

// Pause stops the timeline. While the room is paused it changes nothing.
type Pause struct {
	Command
	// Position is where the presser saw it stop; without it, where the timeline stands.
	Position *float64 `json:"position,omitempty"`
}

// Seek moves the timeline.
type Seek struct {
	Command
	// Position is the target.
	Position float64 `json:"position"`
	// Play says whether to play from there; absent keeps what the room does.
	Play *bool `json:"play,omitempty"`
	// Wait opens a ready gate at the target when the room is to play from there.
	Wait bool `json:"wait,omitempty"`
}

// Rate changes the playback rate.
type Rate struct {
	Command
	// Rate is from 0.25 to 4; 1 is normal speed.
	Rate float64 `json:"rate"`
}

// SetMedia changes what the room watches; the timeline stops at 0.
type SetMedia struct {
	Command
	Media Media `json:"media"`
}

// Ready tells the open ready gate that this member can play.
type Ready struct {
	Command
	// Gate is the gate's number.
	Gate uint64 `json:"gate"`
}

// Say adds a line to the chat.
type Say struct {
	Command
	// Text has 1 to 500 characters.
	Text string `json:"text"`
}

// Rename changes the sender's display name.
type Rename struct {
	Command
	Name string `json:"name"`
}

// ChangeSettings changes the room's settings; absent fields stay. Host only.
type ChangeSettings struct {
	Command
	// GuestControl lets every member control playback and media.
	GuestControl *bool `json:"guestControl,omitempty"`
	// Locked keeps new members out.
	Locked *bool `json:"locked,omitempty"`
	// PIN is asked of new members; "" removes it.
	PIN *string `json:"pin,omitempty"`
	// Title is what the room is called: at most 100 characters; "" removes it.
	Title *string `json:"title,omitempty"`
}

// Transfer makes another member host. Host only.
type Transfer struct {
	Command
	Member string `json:"member"`
}

// SetRole changes a member's role. Host only.
type SetRole struct {
	Command
	Member string `json:"member"`
	// Role is RoleGuest or RoleModerator.
	Role Role `json:"role"`
}

// Remove removes a member from the room. Host and moderators.
type Remove struct {
	Command
	Member string `json:"member"`
	// Ban also keeps it out: its seat, and whoever comes from its address.
	Ban bool `json:"ban,omitempty"`
}

// Unban lets a banned member come again. Host and moderators.
type Unban struct {
	Command
	Member string `json:"member"`
}

// Leave gives up the seat. The gateway answers with ack, then closes.
type Leave struct {
	Command
}

// Type returns "play".
func (*Play) Type() string { return "play" }

// Type returns "pause".
func (*Pause) Type() string { return "pause" }

// Type returns "seek".
func (*Seek) Type() string { return "seek" }

// Type returns "rate".
func (*Rate) Type() string { return "rate" }

// Type returns "media".
func (*SetMedia) Type() string { return "media" }

// Type returns "ready".
func (*Ready) Type() string { return "ready" }

// Type returns "chat".
func (*Say) Type() string { return "chat" }

// Type returns "rename".
func (*Rename) Type() string { return "rename" }

// Type returns "settings".
func (*ChangeSettings) Type() string { return "settings" }

// Type returns "transfer".
func (*Transfer) Type() string { return "transfer" }

// Type returns "role".
func (*SetRole) Type() string { return "role" }

// Type returns "remove".
func (*Remove) Type() string { return "remove" }

// Type returns "unban".
func (*Unban) Type() string { return "unban" }

// Type returns "leave".
func (*Leave) Type() string { return "leave" }

// A command is what embeds Command; the embedding makes all of them client messages.
func (Command) fromClient() {}

func (m *Play) validate() error {
	return first(m.Command.validate(), checkOptionalPosition(m.Position))
}

func (m *Pause) validate() error {
	return first(m.Command.validate(), checkOptionalPosition(m.Position))
}

func (m *Seek) validate() error {
	return first(m.Command.validate(), checkPosition(m.Position))
}

func (m *Rate) validate() error {
	if !(m.Rate >= MinRate && m.Rate <= MaxRate) {
		return invalid("rate", "must be from %g to %g", MinRate, MaxRate)
	}
	return m.Command.validate()
}

func (m *SetMedia) validate() error { return first(m.Command.validate(), m.Media.Check()) }

func (m *Say) validate() error {
	if isBlank(m.Text) {
		return invalid("text", "is blank")
	}
	return first(m.Command.validate(), checkText("text", m.Text, MaxChat))
}

func (m *Rename) validate() error { return first(m.Command.validate(), CheckName(m.Name)) }

func (m *ChangeSettings) validate() error {
	if m.GuestControl == nil && m.Locked == nil && m.PIN == nil && m.Title == nil {
		return invalid("settings", "names nothing to change")
	}
	if m.PIN != nil && *m.PIN != "" {
		if err := CheckPIN(*m.PIN); err != nil {
			return err
		}
	}
	if m.Title != nil && *m.Title != "" {
		if err := CheckTitle(*m.Title); err != nil {
			return err
		}
	}
	return m.Command.validate()
}

func (m *Transfer) validate() error { return first(m.Command.validate(), checkMember(m.Member)) }

func (m *SetRole) validate() error {
	if m.Role != RoleGuest && m.Role != RoleModerator {
		return invalid("role", "must be %q or %q", RoleGuest, RoleModerator)
	}
	return first(m.Command.validate(), checkMember(m.Member))
}

func (m *Remove) validate() error { return first(m.Command.validate(), checkMember(m.Member)) }
func (m *Unban) validate() error  { return first(m.Command.validate(), checkMember(m.Member)) }

func checkOptionalPosition(p *float64) error {
	if p == nil {
		return nil
	}
	return checkPosition(*p)
}

func checkMember(id string) error { return checkText("member", id, MaxName) }

func isBlank(s string) bool {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) == ""
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
