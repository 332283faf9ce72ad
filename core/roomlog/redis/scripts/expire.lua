-- Forgets a room that has been empty since before an instant.
--
-- KEYS  the room, its log, its partition's index and backlog
-- ARGV  1 room id  2 the instant  3 "archived": only if it is archived whole
--
-- Returns how many it forgot.
local since = redis.call('ZSCORE', KEYS[3], ARGV[1])
if not since or tonumber(since) < 0 or tonumber(since) >= tonumber(ARGV[2]) then
  return 0
end
if ARGV[3] == 'archived' and redis.call('ZSCORE', KEYS[4], ARGV[1]) then
  return 0
end
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('UNLINK', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1
