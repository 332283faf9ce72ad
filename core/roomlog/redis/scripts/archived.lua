-- Notes that an archive has a room's events up to one, and trims the log.
--
-- KEYS  the room, its log, its partition's backlog
-- ARGV  1 room id  2 epoch  3 number  4 id  of that event
--       5 how many events to keep at least
local room = redis.call('HMGET', KEYS[1], 'number', 'id', 'snapshotNumber')
if not room[1] then
  redis.call('ZREM', KEYS[3], ARGV[1])
  return 0
end
if room[2] ~= ARGV[4] then
  local id = ARGV[2] .. '-' .. ARGV[3]
  local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
  if not entry or entry[2][2] ~= ARGV[4] then
    return 0 -- of another history, or so old that it is gone
  end
end
redis.call('HSET', KEYS[1], 'archived', ARGV[3], 'archivedId', ARGV[4])
if room[2] == ARGV[4] then
  redis.call('ZREM', KEYS[3], ARGV[1])
end
local now = tonumber(room[1])
local first = now - redis.call('XLEN', KEYS[2]) + 1
local upto = math.min(tonumber(ARGV[3]), now - tonumber(ARGV[5]), tonumber(room[3] or 0))
if upto >= first then
  redis.call('XTRIM', KEYS[2], 'MAXLEN', now - upto)
end
return 1
