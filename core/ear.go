package core

import (
	"slices"
	"sync"
)

// Bounds of what waits for a room to hear it.
const (
	maxHeard = 2048 // events
	maxNotes = 512
)

// ear is a room's Follower: it keeps what is told until the room's goroutine
// takes it. What does not fit is read from the log, or lost if it was never to
// last.
type ear struct {
	// ready has room for one: there is something to take.
	ready chan struct{}

	mu sync.Mutex
	heard
}

// heard is what a room has been told.
type heard struct {
	events []Event
	// missed: there was more.
	missed bool
	// head is the newest that was told, if any was.
	head   Head
	headed bool
	notes  []toldNote
	// peers: other gateways live than before; reseat: this one's lease had run out.
	peers, reseat bool
}

type toldNote struct {
	from string
	text []byte
}

func newEar() *ear { return &ear{ready: make(chan struct{}, 1)} }

func (e *ear) keep(change func(*heard)) {
	e.mu.Lock()
	change(&e.heard)
	e.mu.Unlock()
	select {
	case e.ready <- struct{}{}:
	default:
	}
}

// Appended implements Follower.
func (e *ear) Appended(events []Event) {
	e.keep(func(h *heard) {
		if len(h.events)+len(events) > maxHeard {
			h.missed = true
			return
		}
		h.events = append(h.events, events...)
	})
}

// Head implements Follower.
func (e *ear) Head(head Head) {
	e.keep(func(h *heard) { h.head, h.headed = head, true })
}

// Told implements Follower.
func (e *ear) Told(from string, text []byte) {
	e.keep(func(h *heard) {
		if len(h.notes) < maxNotes {
			h.notes = append(h.notes, toldNote{from, text})
		}
	})
}

// peersChanged tells that other gateways live than before.
func (e *ear) peersChanged(reseat bool) {
	e.keep(func(h *heard) { h.peers, h.reseat = true, h.reseat || reseat })
}

// take returns what was heard since, events in the order of their numbers.
func (e *ear) take() heard {
	e.mu.Lock()
	h := e.heard
	e.heard = heard{}
	e.mu.Unlock()
	slices.SortStableFunc(h.events, func(a, b Event) int { return int(int64(a.Number) - int64(b.Number)) }) //nolint:gosec // far below 2^63
	return h
}
