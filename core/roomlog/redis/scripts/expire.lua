-- Forgets a room that has been empty since before an instant.
--
-- KEYS  the room, its log, its partition's index
-- ARGV  1 room id  2 the instant
--
-- Returns how many it forgot.
local since = redis.call('ZSCORE', KEYS[3], ARGV[1])
if not since or tonumber(since) < 0 or tonumber(since) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('UNLINK', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1
