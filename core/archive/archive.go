// Package archive holds what the implementations of core.Archive have in common.
package archive

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tandem.watch/tandem/core"
)

// Bounds of transactions, so that others do not wait long for one.
const (
	// StepEvents is how many events are deleted or blanked at once.
	StepEvents = 2000
	// MaxRead bounds what one Read or Chat returns.
	MaxRead = 10_000
)

// Row is an event as archives keep it.
type Row struct {
	Number, Epoch int64
	// ID is the event's, 16 hexadecimal digits.
	ID   string
	Type string
	// At is the event's time.
	At         int64
	Superseded bool
	// JSON is the event as logs keep it.
	JSON []byte
}

// Encode checks that a piece is a part of one history, and returns its rows.
func Encode(p core.Piece, forgotten bool) ([]Row, error) {
	if p.Room == "" {
		return nil, fmt.Errorf("archive: a piece of no room")
	}
	if p.Snapshot != nil && (p.Snapshot.ID != p.Room || !p.Snapshot.Exists()) {
		return nil, fmt.Errorf("archive: a snapshot of room %q for room %q", p.Snapshot.ID, p.Room)
	}
	rows := make([]Row, len(p.Events))
	for i, e := range p.Events {
		switch {
		case e.Number == 0 || e.Number > math.MaxInt64 || e.Epoch > math.MaxInt64 || e.ID == 0 || e.Body == nil:
			return nil, fmt.Errorf("archive: room %q: event %d is none", p.Room, e.Number)
		case i > 0 && (e.Number != p.Events[i-1].Number+1 || e.Prev != p.Events[i-1].ID || e.Epoch < p.Events[i-1].Epoch):
			return nil, fmt.Errorf("archive: room %q: event %d does not follow %d", p.Room, e.Number, p.Events[i-1].Number)
		}
		if forgotten {
			e = core.ForgetMember(e, "")
		}
		data, err := core.EncodeEvent(e)
		if err != nil {
			return nil, err
		}
		rows[i] = Row{Number: int64(e.Number), Epoch: int64(e.Epoch), ID: Hex(e.ID), Type: core.Kind(e.Body), At: e.At, JSON: data}
	}
	return rows, nil
}

// Settle says which rows are superseded once incoming, consecutive rows of the
// log, have joined existing: all that is kept of the room from incoming's first
// number on. before is the highest epoch among what is kept before that. It
// returns the new rows, the ids of existing ones that have become superseded,
// and the newest row of the history, nil if that is before the first number.
func Settle(before int64, existing, incoming []Row) (added, superseded []Row, head *Row) {
	type key struct {
		number int64
		id     string
	}
	all := make(map[key]*Row, len(existing)+len(incoming))
	rows := make([]*Row, 0, len(existing)+len(incoming))
	for i := range existing {
		r := existing[i]
		all[key{r.Number, r.ID}] = &r
		rows = append(rows, &r)
	}
	isNew := map[*Row]bool{}
	for i := range incoming {
		r := incoming[i]
		if known := all[key{r.Number, r.ID}]; known != nil {
			continue
		}
		// The log holds another event here: what is kept of its epoch from
		// here on is of a history that the log has lost.
		if conflicts(rows, r, isNew) {
			for _, other := range rows {
				if other.Epoch == r.Epoch && other.Number >= r.Number && !isNew[other] {
					other.Superseded = true
				}
			}
		}
		rows = append(rows, &r)
		isNew[&r] = true
	}
	// first is the lowest number of each epoch.
	first := map[int64]int64{}
	for _, r := range rows {
		if n, ok := first[r.Epoch]; !ok || r.Number < n {
			first[r.Epoch] = r.Number
		}
	}
	was := map[key]bool{}
	for _, r := range existing {
		was[key{r.Number, r.ID}] = r.Superseded
	}
	for _, r := range rows {
		if before > r.Epoch {
			r.Superseded = true
		}
		for epoch, number := range first {
			if epoch > r.Epoch && number <= r.Number {
				r.Superseded = true
			}
		}
		switch {
		case isNew[r]:
			added = append(added, *r)
		case r.Superseded && !was[key{r.Number, r.ID}]:
			superseded = append(superseded, *r)
		}
		if !r.Superseded && (head == nil || r.Number > head.Number) {
			head = r
		}
	}
	slices.SortFunc(added, func(a, b Row) int { return cmp.Compare(a.Number, b.Number) })
	return added, superseded, head
}

// conflicts says whether a known row that is not superseded has r's number and
// epoch.
func conflicts(rows []*Row, r Row, isNew map[*Row]bool) bool {
	return slices.ContainsFunc(rows, func(o *Row) bool {
		return o.Number == r.Number && o.Epoch == r.Epoch && !o.Superseded && !isNew[o]
	})
}

// Follows says whether rows simply go on where a room's history stands, so that
// nothing is to be settled.
func Follows(p core.Piece, head core.Head) bool {
	if len(p.Events) == 0 {
		return true
	}
	e := p.Events[0]
	return e.Number == head.Number+1 && e.Prev == head.ID && e.Epoch >= head.Epoch
}

// HeadOf is where a history stands after a row.
func HeadOf(r *Row) (core.Head, error) {
	var id core.EventID
	err := id.UnmarshalText([]byte(r.ID))
	return core.Head{Epoch: uint64(r.Epoch), Number: uint64(r.Number), ID: id}, err
}

// Blank returns a stored event without what it says of a member, "" for
// everybody, and whether that changed anything.
func Blank(data []byte, member string) (blanked []byte, changed bool, err error) {
	e, err := core.DecodeEvent(data)
	if err != nil {
		return nil, false, err
	}
	blanked, err = core.EncodeEvent(core.ForgetMember(e, member))
	return blanked, err == nil && string(blanked) != string(data), err
}

// Decode reads stored events.
func Decode(list [][]byte) ([]core.Event, error) {
	var events []core.Event
	for _, data := range list {
		e, err := core.DecodeEvent(data)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// Lines makes lines of chat of stored events, which come newest first.
func Lines(list [][]byte) ([]core.ChatLine, error) {
	events, err := Decode(list)
	if err != nil {
		return nil, err
	}
	slices.Reverse(events)
	var lines []core.ChatLine
	for _, e := range events {
		if b, ok := e.Body.(core.Said); ok {
			lines = append(lines, core.ChatLine{Number: e.Number, At: e.At, Member: b.Member, Name: b.Name, Text: b.Text})
		}
	}
	return lines, nil
}

// Hex writes an event's id as archives keep it.
func Hex(id core.EventID) string {
	text, _ := id.MarshalText() // never fails
	return string(text)
}
