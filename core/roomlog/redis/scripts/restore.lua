-- Makes a room that is not here from its archived state.
--
-- KEYS  the room, its log, its partition's index
-- ARGV  1 room id  2 epoch  3 number  4 id  5 at  6 members  7 since when it is
--       empty  8 the number after it  9 the snapshot
--
-- Returns whether it did.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'number', ARGV[3], 'id', ARGV[4], 'at', ARGV[5], 'members', ARGV[6],
  'epochs', ARGV[2] .. ':' .. ARGV[8] .. ' ', 'snapshotNumber', ARGV[3], 'snapshot', ARGV[9], 'archived', ARGV[3], 'archivedId', ARGV[4])
redis.call('ZADD', KEYS[3], ARGV[6] == '0' and ARGV[7] or -1, ARGV[1])
return 1
