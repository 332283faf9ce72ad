package redis

import (
	"hash/fnv"
	"strconv"
)

// partitions is how many hash slots rooms are spread over. Those of a partition
// share an index, which is changed in the same script as the room, and so must
// share its slot. It must never change: rooms would not be found.
const partitions = 256

// keys are what Redis has of a room, all in one hash slot.
type keys struct {
	// room is a hash: the head (epoch, number, id), at, members, epochs (each
	// with its first number), the snapshot with its number, archived (the number
	// up to which an archive has the events, and archivedId, that event's;
	// absent without one), secrets as
	// s:<name>, and as o:<member> whose they are.
	room string
	// log is a stream with an entry <epoch>-<number> for every event: i is its
	// id, e the event as JSON.
	log string
	// index is a sorted set of the partition's rooms: -1 for one that has
	// members, else since when it is empty.
	index string
	// backlog is a sorted set, all of score 0, of the partition's rooms that have
	// events which no archive is known to have.
	backlog string
	// channel carries what gateways tell each other of the room, see feed.go.
	channel string
}

func keysOf(room string) keys {
	p := prefix(partitionOf(room))
	// The room's id comes last: it is any text.
	return keys{room: p + "room:" + room, log: p + "log:" + room, index: p + "index", backlog: p + "unarchived", channel: p + "to:" + room}
}

func partitionOf(room string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(room))
	return int(h.Sum32() % partitions)
}

// prefix begins the keys of a partition. What is in the braces chooses the slot.
func prefix(partition int) string { return "tandem:{" + strconv.Itoa(partition) + "}:" }

func indexOf(partition int) string { return prefix(partition) + "index" }

func backlogOf(partition int) string { return prefix(partition) + "unarchived" }
