package redis

// KeyOf returns a key of a room's.
func KeyOf(room string) string { return keysOf(room).room }
