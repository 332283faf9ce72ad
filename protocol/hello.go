package protocol

// Hello is a session's first message. It enters a room, or with Resume comes
// back to a seat. A refused hello leaves the session open for another try.
type Hello struct {
	// Version is the protocol version: 1.
	Version int `json:"version"`
	// Room is the room's id: 1 to 50 characters. Dashes and letter case in a
	// typed code do not matter (see ParseRoomCode).
	Room string `json:"room"`
	// Name is the display name: 1 to 50 characters.
	Name string `json:"name"`
	// PIN opens a room that has one.
	PIN string `json:"pin,omitempty"`
	// Auth is reserved for deployments with accounts; version 1 ignores it.
	Auth string `json:"auth,omitempty"`
	// Resume comes back to a seat instead of taking a new one.
	Resume *Resume `json:"resume,omitempty"`
}

// Resume names a seat, and what its client has seen of the room.
type Resume struct {
	// Seat is the seat token that welcome gave.
	Seat string `json:"seat"`
	// Epoch and Number are those of the last event seen; 0 asks for a snapshot.
	Epoch  uint64 `json:"epoch"`
	Number uint64 `json:"number"`
}

// Type returns "hello".
func (*Hello) Type() string { return "hello" }
func (*Hello) fromClient()  {}

func (h *Hello) validate() error {
	// The version comes first: what else is in a future hello is not ours to judge.
	if h.Version != Version {
		return Errorf(CodeUnsupportedVersion, "this gateway speaks version %d", Version)
	}
	if err := checkText("room", h.Room, MaxRoomID); err != nil {
		return err
	}
	if err := CheckName(h.Name); err != nil {
		return err
	}
	if h.PIN != "" {
		if err := checkText("pin", h.PIN, MaxPIN); err != nil {
			return err
		}
	}
	if h.Resume != nil && (h.Resume.Seat == "" || len(h.Resume.Seat) > 64) {
		return invalid("resume.seat", "must be a seat token")
	}
	return nil
}

// CheckName checks a display name: 1 to 50 characters, none of them a control
// character, not only spaces. Its error is an *Error with CodeInvalid.
func CheckName(name string) error {
	if isBlank(name) && name != "" {
		return invalid("name", "is blank")
	}
	return checkText("name", name, MaxName)
}

// CheckTitle checks a room's title: 1 to 100 characters, with the rules of
// names. Its error is an *Error with CodeInvalid.
func CheckTitle(title string) error {
	if isBlank(title) && title != "" {
		return invalid("title", "is blank")
	}
	return checkText("title", title, MaxRoomTitle)
}

// CheckPIN checks a PIN that is to be set: 1 to 32 characters.
func CheckPIN(pin string) error { return checkText("pin", pin, MaxPIN) }
