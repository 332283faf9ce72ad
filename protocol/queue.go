package protocol

// Enqueue adds to the queue of what comes next.
type Enqueue struct {
	Command
	Media Media `json:"media"`
	// Next puts it at the front; otherwise it comes last.
	Next bool `json:"next,omitempty"`
}

// Unqueue takes an item out of the queue.
type Unqueue struct {
	Command
	// Item is the item's id.
	Item uint64 `json:"item"`
}

// Move gives an item of the queue another place.
type Move struct {
	Command
	Item uint64 `json:"item"`
	// Before is the item that it is to stand in front of; without it, it comes last.
	Before uint64 `json:"before,omitempty"`
}

// Next goes on to an item of the queue, which leaves the queue and becomes the
// media. Everybody may say so at once, at a clip's end for instance: it happens
// once, for it names what it comes after.
type Next struct {
	Command
	// After is Room.MediaNumber of the media that is over. If the room watches
	// something else by now, nothing changes.
	After uint64 `json:"after"`
	// Item is where to go; without it, to the first of the queue.
	Item uint64 `json:"item,omitempty"`
	// Play says whether to play from there; absent keeps what the room does.
	Play *bool `json:"play,omitempty"`
	// Wait opens a ready gate first when the room is to play from there.
	Wait bool `json:"wait,omitempty"`
}

// Type returns "enqueue".
func (*Enqueue) Type() string { return "enqueue" }

// Type returns "unqueue".
func (*Unqueue) Type() string { return "unqueue" }

// Type returns "move".
func (*Move) Type() string { return "move" }

// Type returns "next".
func (*Next) Type() string { return "next" }

func (m *Enqueue) validate() error { return first(m.Command.validate(), m.Media.Check()) }
func (m *Unqueue) validate() error { return first(m.Command.validate(), checkItem(m.Item)) }
func (m *Move) validate() error    { return first(m.Command.validate(), checkItem(m.Item)) }

func (m *Next) validate() error {
	if m.After > 1<<53-1 {
		return invalid("after", "must be the number of the media that is over")
	}
	return m.Command.validate()
}

func checkItem(id uint64) error {
	if id == 0 {
		return invalid("item", "must be the id of an item of the queue")
	}
	return nil
}
