package core

import "slices"

// MediaKind says where members get the picture from.
type MediaKind string

// Every kind of media.
const (
	MediaURL  MediaKind = "url"
	MediaFile MediaKind = "file"
	MediaClip MediaKind = "clip"
)

// Media is what the room watches.
type Media struct {
	Kind       MediaKind `json:"kind"`
	URL        string    `json:"url,omitempty"`
	Title      string    `json:"title,omitempty"`
	DurationMs int64     `json:"durationMs,omitempty"`
	// Subtitles are not changed once they are here.
	Subtitles []Subtitle `json:"subtitles,omitempty"`
}

// Equal says whether both are the same in every field.
func (m Media) Equal(other Media) bool {
	return m.Kind == other.Kind && m.URL == other.URL && m.Title == other.Title && m.DurationMs == other.DurationMs &&
		slices.Equal(m.Subtitles, other.Subtitles)
}

// Subtitle is a track of subtitles.
type Subtitle struct {
	URL   string `json:"url"`
	Label string `json:"label,omitempty"`
	Lang  string `json:"lang,omitempty"`
}

// QueueItem is something that comes next. Its JSON is as long as the wire's,
// which the queue's limit in bytes counts.
type QueueItem struct {
	ID     uint64 `json:"id"`
	Media  Media  `json:"media"`
	Member string `json:"member"`
	Name   string `json:"name"`
}

// UnqueueReason says why an item is no longer in the queue.
type UnqueueReason string

// Every reason to leave the queue.
const (
	UnqueuedPlayed  UnqueueReason = "played"
	UnqueuedRemoved UnqueueReason = "removed"
)

// queued is where in the queue an item is; -1 if it is not there.
func (r *Room) queued(item uint64) int {
	return slices.IndexFunc(r.Queue, func(q QueueItem) bool { return q.ID == item })
}

func (r *Room) unqueue(id uint64) (item QueueItem, ok bool) {
	i := r.queued(id)
	if i < 0 {
		return QueueItem{}, false
	}
	item = r.Queue[i]
	r.Queue = slices.Delete(r.Queue, i, i+1)
	return item, true
}

// placeIn is an index that something can be inserted at.
func placeIn(queue []QueueItem, index int) int { return min(max(index, 0), len(queue)) }
