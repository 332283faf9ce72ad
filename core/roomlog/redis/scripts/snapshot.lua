-- Keeps a room's snapshot unless there is a newer one, and trims the log.
--
-- KEYS  the room, its log
-- ARGV  1 epoch  2 number  3 id  of the event that it was taken after
--       4 the snapshot  5 how many events to keep at least
--       6 "archived": there is an archive
--
-- Returns 0 for no such room, 1 when it is kept or older, 2 for one of another
-- history.
local room = redis.call('HMGET', KEYS[1], 'number', 'snapshotNumber', 'archived')
if not room[1] then
  return 0
end
local now, number, newest = tonumber(room[1]), tonumber(ARGV[2]), tonumber(room[2] or 0)
local first = now - redis.call('XLEN', KEYS[2]) + 1
if number > 0 and number < first and number < newest then
  return 1 -- so old that it cannot be checked any more
end
local id = ARGV[1] .. '-' .. ARGV[2]
local entry = number > 0 and redis.call('XRANGE', KEYS[2], id, id)[1]
if not entry or entry[2][2] ~= ARGV[3] then
  return 2
end
if number < newest then
  return 1
end
redis.call('HSET', KEYS[1], 'snapshotNumber', ARGV[2], 'snapshot', ARGV[4])
-- Never past what is archived, where there is an archive.
local upto = math.min(number, now - tonumber(ARGV[5]), tonumber(room[3] or (ARGV[6] == 'archived' and 0 or number)))
if upto >= first then
  redis.call('XTRIM', KEYS[2], 'MAXLEN', now - upto)
end
return 1
